import path from 'node:path';

import { didYouMean } from '../../base/did-you-mean.ts';
import { AppError } from '../../base/errors.ts';
import { failureOf, startProgram } from '../../base/process.ts';
import type { CommandsJob, JobCommand } from '../../model/job.ts';
import type { RunProblem } from '../../model/run.ts';
import { KeptOutput } from '../program/kept-output.ts';
import { problemOfError } from '../program/own-program.ts';
import { journalledProgram } from '../runner/journalled-program.ts';
import type { ActivityEnd, StepContext } from '../runner/step-context.ts';
import { maskEnvironment } from './environment-secrets.ts';
import { LiveOutput } from './live-output.ts';
import { withOwnCommands } from './own-commands.ts';
import { Pings, type PingTargets } from './pings.ts';
import { substituteVariables } from './substitute-variables.ts';

/** What commands need of the context of a run. */
export type CommandsContext = Pick<
  StepContext<CommandsJob>,
  | 'run'
  | 'job'
  | 'environment'
  | 'directory'
  | 'steps'
  | 'mask'
  | 'feed'
  | 'signal'
  | 'clock'
  | 'secret'
  | 'catalog'
  | 'worker'
  | 'log'
>;

/** What a command that has nothing to do ends with, as `EX_TEMPFAIL` of sysexits. */
const SKIPPED = 75;

/**
 * Takes its script from a descriptor: variables that were put into it may be secret, and everybody can read arguments. Both outputs are one, which keeps their
 * order.
 */
const readScript = 'exec 2>&1; script=$(cat <&3); exec 3<&-; eval "$script"';

/**
 * Runs commands one after the other by `sh`, each with `$NAME` replaced before; one that fails does not stop those after it, but the run has failed. One that
 * ends with 75 was skipped. The parameter `only` of a run names those to run, with commas in between.
 *
 * @throws signal.reason when cancelled; AppError `input/invalid` for a name in `only` that no command has
 */
export async function runCommands(context: CommandsContext): Promise<ActivityEnd> {
  const { run, job, feed, mask, signal } = context;
  maskEnvironment(mask, context.environment);
  const live = new LiveOutput(run, feed, mask);
  const failed: { readonly command: JobCommand; readonly problem: RunProblem }[] = [];
  const wanted = chosen(job, run.parameters?.['only']);
  let skipped = 0;
  for (const command of wanted) {
    signal.throwIfAborted();
    const problem = await runOne(command, context, live);
    if (problem === 'skipped') skipped++;
    else if (problem !== undefined) failed.push({ command, problem });
  }
  if (wanted.length === 0) live.line('Nothing to do');
  const [first] = failed;
  if (first !== undefined) {
    live.line('At least one job failed');
    const more = failed.length - 1;
    const others =
      more === 0 ? '' : `, and ${more} ${more === 1 ? 'other' : 'others'} failed as well`;
    const reason = `${first.problem.message}${others}`;
    return { outcome: 'failed', reason, problem: { ...first.problem, message: reason } };
  }
  if (skipped > 0 && skipped === wanted.length)
    return { outcome: 'skipped', reason: 'Every command said that there was nothing to do' };
  return { outcome: 'succeeded' };
}

/** The commands of a job, or those that `only` names. */
export function chosen(job: CommandsJob, only: string | undefined): readonly JobCommand[] {
  if (only === undefined) return job.commands;
  const names = only.split(',').map((name) => name.trim());
  const known = job.commands.map(({ name }) => name);
  for (const name of names) {
    if (known.includes(name)) continue;
    const nearest = didYouMean(name, known);
    throw new AppError('input/invalid', `The job "${job.name}" has no command "${name}"`, {
      hint:
        nearest === undefined
          ? `It has ${known.join(', ') || 'none'}`
          : `Did you mean "${nearest}"?`,
    });
  }
  return job.commands.filter(({ name }) => names.includes(name));
}

async function runOne(
  command: JobCommand,
  context: CommandsContext,
  live: LiveOutput,
): Promise<RunProblem | 'skipped' | undefined> {
  const { clock, steps, mask, signal } = context;
  const environment = withOwnCommands(context.environment);
  const script = substituteVariables(command.command, environment);
  const record = await steps.begin({ name: `${command.name}: ${script}`, kind: 'command' });
  const output = new KeptOutput(mask);
  const warnings: string[] = [];
  live.line(`Running job ${command.name}: \`${script}\``);
  let status: number | undefined;
  let problem: RunProblem | undefined;
  const began = clock.monotonic();
  let pings = new Pings({});
  try {
    pings = new Pings(await pingTargets(command, context));
    warnings.push(...(await pings.start({ signal })));
    await using journal = journalledProgram(context);
    await using program = await startProgram(['/bin/sh', '-c', readScript], {
      environment,
      directory: path.resolve(context.directory, context.job.directory ?? ''),
      signal,
      extraInputs: [{ descriptor: 3, content: Buffer.from(script.replaceAll('\0', '')) }],
    });
    program.output.on('data', (piece: Buffer) => {
      output.push(piece);
      live.push(piece);
    });
    // Should this process be killed, whoever starts next ends what still works here.
    await journal.started(program.pid);
    program.input.end();
    const end = await program.ended;
    ({ status } = end);
    const failure = failureOf({ ...end, lastWords: '' });
    if (failure !== undefined && status !== SKIPPED) {
      const message = `Command ${command.name} failed: ${failure}`;
      problem = { code: 'process/failed', message };
    }
  } catch (error) {
    if (signal.aborted) {
      live.flush();
      const text = output.end();
      await pings.end({
        succeeded: false,
        message: 'cancelled',
        duration: clock.monotonic() - began,
      });
      await record.end({ outcome: 'cancelled', ...(text !== '' && { output: text }) });
      throw signal.reason;
    }
    problem = problemOfError(error);
  }
  live.flush();
  const skipped = status === SKIPPED;
  const message = problem?.message ?? (skipped ? 'skipped' : 'OK');
  const duration = clock.monotonic() - began;
  // For each command its own: those after one that failed are as good as ever.
  warnings.push(...(await pings.end({ succeeded: problem === undefined, message, duration })));
  for (const warning of warnings) live.line(warning);
  const text = output.end();
  await record.end({
    outcome: problem !== undefined ? 'failed' : skipped ? 'skipped' : 'succeeded',
    ...(status !== undefined && { exitStatus: status }),
    ...(problem !== undefined && { problem }),
    ...(text !== '' && { output: text }),
    ...(warnings.length > 0 && { warnings }),
  });
  return problem ?? (skipped ? 'skipped' : undefined);
}

async function pingTargets(
  { name, healthchecksUrl, uptimeKumaUrl }: JobCommand,
  { secret, signal }: CommandsContext,
): Promise<PingTargets> {
  const find = async (value: typeof healthchecksUrl, what: string): Promise<string | undefined> =>
    value === undefined
      ? undefined
      : (await secret(value, `the ${what} address of command ${name}`, { signal })).reveal();
  return {
    healthchecksUrl: await find(healthchecksUrl, 'Healthchecks'),
    uptimeKumaUrl: await find(uptimeKumaUrl, 'Uptime Kuma'),
  };
}
