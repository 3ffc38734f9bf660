import { durationMilliseconds, formatDuration, parseDuration } from '../../base/duration.ts';
import type { Activity, Hook } from '../../model/job.ts';
import type { RunProblem } from '../../model/run.ts';
import { problemOfError } from '../program/own-program.ts';
import { KeptOutput } from '../program/kept-output.ts';
import { runCommand } from '../program/run-command.ts';
import { runVariables } from './hook-environment.ts';
import { journalledProgram } from './journalled-program.ts';
import type { ActivityEnd, StepContext } from './step-context.ts';

const DEFAULT_TIMEOUT = '10m';
const DEFAULT_ACTIVITIES: readonly Activity[] = ['backup', 'task', 'commands'];
/** Pauses before a hook is tried again, in milliseconds. */
const RETRY_PAUSES: readonly number[] = [5000, 30_000];
/** As `EX_TEMPFAIL` of sysexits: nothing is to be done now, and nobody needs to be told. */
const SKIP_STATUS = 75;

/** What hooks want to come of the run. */
export type HookVerdict =
  | { readonly kind: 'go-on'; readonly warnings: readonly string[] }
  | { readonly kind: 'failed'; readonly problem: RunProblem; readonly warnings: readonly string[] }
  | { readonly kind: 'skipped'; readonly reason: string; readonly warnings: readonly string[] };

export interface HookMoment {
  readonly when: Hook['when'];
  /** How the work ended; missing before it. */
  readonly end?: ActivityEnd;
  /** The destination whose hooks these are; without it they are those of the whole run. */
  readonly destination?: string;
  readonly signal?: AbortSignal;
}

/** Runs the hooks of a run: those of the configuration around those of the job. */
export class HookRunner {
  readonly #context: StepContext;
  readonly #hooks: readonly Hook[];

  constructor(context: StepContext) {
    this.#context = context;
    const { job, configuration } = context;
    this.#hooks = [...(configuration.settings.hooks ?? []), ...(job.hooks ?? [])];
  }

  /** Runs those of one moment, one after the other. Before the work one that fails ends it; after it all are run. Rejects only with the reason of the signal. */
  async run(moment: HookMoment): Promise<HookVerdict> {
    const { when } = moment;
    const fitting = this.#hooks.filter((hook) => this.#isMeant(hook, moment));
    const warnings: string[] = [];
    let failed: RunProblem | undefined;
    // What was set up last is put away first.
    for (const hook of when === 'before' ? fitting : fitting.toReversed()) {
      const result = await this.#runOne(hook, moment);
      if (result.kind === 'done') continue;
      if (result.kind === 'skip') {
        if (when === 'before') return { kind: 'skipped', reason: result.reason, warnings };
        continue;
      }
      const policy = hook.onError ?? (when === 'before' ? 'fail' : 'ignore');
      const { problem } = result;
      if (when === 'finally' || policy === 'ignore') warnings.push(problem.message);
      else if (policy === 'cancel') {
        if (when === 'before') return { kind: 'skipped', reason: problem.message, warnings };
        warnings.push(problem.message);
      } else if (when === 'before') return { kind: 'failed', problem, warnings };
      else failed ??= problem;
    }
    return failed === undefined
      ? { kind: 'go-on', warnings }
      : { kind: 'failed', problem: failed, warnings };
  }

  #isMeant(hook: Hook, { when, destination }: HookMoment): boolean {
    if (hook.when !== when) return false;
    if (!(hook.activities ?? DEFAULT_ACTIVITIES).includes(this.#context.run.activity)) return false;
    if (hook.destination === undefined) return destination === undefined;
    return destination !== undefined && ['each', destination].includes(hook.destination);
  }

  async #runOne(hook: Hook, moment: HookMoment): Promise<HookResult> {
    const pauses = hook.onError === 'retry' ? RETRY_PAUSES : [];
    for (const pause of pauses) {
      const result = await this.#attempt(hook, moment);
      if (result.kind !== 'failed') return result;
      await this.#context.clock.sleep(pause, { signal: moment.signal });
    }
    return await this.#attempt(hook, moment);
  }

  async #attempt(hook: Hook, moment: HookMoment): Promise<HookResult> {
    const { steps, log, run } = this.#context;
    const { when, signal } = moment;
    const name = `${when}: ${shownCommand(hook)}`;
    const step = await steps.begin({
      name,
      kind: 'hook',
      ...(moment.destination !== undefined && { destination: moment.destination }),
    });
    const isQuiet = (status: number | undefined): boolean => status === SKIP_STATUS;
    try {
      const end = await this.#execute(hook, moment);
      const { status, failure, output } = end;
      const record = {
        ...(status !== undefined && { exitStatus: status }),
        ...(output !== '' && { output }),
      };
      if (isQuiet(status)) {
        const reason = `The hook "${shownCommand(hook)}" says that there is nothing to do now`;
        await step.end({ outcome: 'skipped', ...record });
        return { kind: 'skip', reason };
      }
      if (failure === undefined) {
        await step.end({ outcome: 'succeeded', ...record });
        return { kind: 'done' };
      }
      const problem = {
        code: 'process/failed',
        message: `The hook "${shownCommand(hook)}" (${when}) failed: ${failure}`,
      };
      await step.end({ outcome: 'failed', problem, ...record });
      log.warn(problem.message, { run: run.id, job: run.job });
      return { kind: 'failed', problem };
    } catch (error) {
      const isStopped = signal?.aborted === true;
      const problem = problemOfError(error);
      await step.end({ outcome: isStopped ? 'cancelled' : 'failed', problem });
      if (isStopped) throw signal.reason;
      log.warn(problem.message, { run: run.id, job: run.job });
      return { kind: 'failed', problem };
    }
  }

  async #execute(
    hook: Hook,
    { end, destination, signal }: HookMoment,
  ): Promise<{ status: number | undefined; failure: string | undefined; output: string }> {
    const context = this.#context;
    const { run, steps, mask, directory, containers } = context;
    const timeLimit = durationMilliseconds(parseDuration(hook.timeout ?? DEFAULT_TIMEOUT));
    const variables = runVariables(run, steps.steps, {
      ...(end !== undefined && { end }),
      ...(destination !== undefined && { destination }),
    });
    if (hook.container === undefined) {
      await using program = journalledProgram(context);
      return await runCommand(hook.command, {
        environment: { ...context.environment, ...variables },
        directory,
        mask,
        timeLimit,
        onStart: (pid) => program.started(pid),
        ...(signal !== undefined && { signal }),
      });
    }
    const output = new KeptOutput(mask);
    const done = await containers.exec(hook.container, hook.command, {
      environment: { ...variables },
      timeLimit,
      onOutput: (piece) => output.push(piece),
      ...(signal !== undefined && { signal }),
    });
    return {
      status: done.status,
      output: output.end(),
      failure: done.timedOut
        ? `it took longer than ${formatDuration(timeLimit)} and was ended`
        : done.status === 0
          ? undefined
          : `it ended with status ${String(done.status)}`,
    };
  }
}

type HookResult =
  | { readonly kind: 'done' }
  | { readonly kind: 'skip'; readonly reason: string }
  | { readonly kind: 'failed'; readonly problem: RunProblem };

/** One line of at most so many characters. */
function shownCommand({ command, container }: Hook): string {
  const text = (typeof command === 'string' ? command : command.join(' '))
    .replaceAll(/\s+/gu, ' ')
    .trim();
  const short = text.length > 80 ? `${text.slice(0, 79)}…` : text;
  return container === undefined ? short : `${container}: ${short}`;
}
