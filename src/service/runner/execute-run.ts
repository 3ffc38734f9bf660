import { stat } from 'node:fs/promises';
import path from 'node:path';

import { durationMilliseconds, formatDuration, parseDuration } from '../../base/duration.ts';
import { AppError, messageOf } from '../../base/errors.ts';
import { startTimer } from '../../base/long-timer.ts';
import type { RunEnd } from '../../catalog/catalog.ts';
import type { SecretContext } from '../../configuration/resolve-secret.ts';
import type { Configuration } from '../../model/configuration.ts';
import type { BackupJob, CommandsJob, Job, TaskJob } from '../../model/job.ts';
import type { Run } from '../../model/run.ts';
import { SecretMask } from '../program/mask-secrets.ts';
import { OwnProgram, problemOfError } from '../program/own-program.ts';
import { runBackup } from './activities/backup.ts';
import { runCheck } from './activities/check.ts';
import { runDrill } from './activities/drill.ts';
import { runRestore } from './activities/restore.ts';
import { runRetention } from './activities/retention.ts';
import { withContainersStopped } from './containers-stopped.ts';
import { secretFinder } from './find-secret.ts';
import { conditionsOf } from './run-conditions.ts';
import { runVariables } from './hook-environment.ts';
import { HookRunner } from './hook-runner.ts';
import { operationEnvironment, outsideEnvironment } from './outside-environment.ts';
import { RunStepLog } from './run-step-log.ts';
import type { RunnerContext } from './runner-context.ts';
import type { ActivityEnd, StepContext } from './step-context.ts';
import { withHooks } from './with-hooks.ts';

export interface RunSignals {
  /** The run is to end: cancelled, its claim lost, the service stops. */
  readonly signal: AbortSignal;
  /** There is no time left. */
  readonly lasting: AbortSignal;
}

/** What came of a run. Without `job` it is gone. */
export type RunResult =
  | {
      readonly kind: 'ended';
      readonly end: RunEnd;
      readonly job?: Job;
      readonly configuration: Configuration;
    }
  | { readonly kind: 'postponed'; readonly notBefore: number; readonly reason: string };

/** Does what a claimed run is for. Never rejects for what the run does; rejects if the catalog cannot be used. */
export async function executeRun(
  run: Run,
  context: RunnerContext,
  signals: RunSignals,
): Promise<RunResult> {
  const { log } = context;
  const configuration = await context.readConfiguration();
  const job = configuration.jobs.find(({ name }) => name === run.job);
  if (job === undefined) {
    const message = `There is no job "${run.job}" any more`;
    const problem = { code: 'job/missing', message };
    // Somebody has removed it while the run waited: that is no failure of anything.
    const end: RunEnd = { outcome: 'cancelled', reason: message, problem, steps: run.steps };
    return { kind: 'ended', end, configuration };
  }
  if (run.trigger === 'schedule' || run.trigger === 'catch-up') {
    const verdict = await conditionsOf(job, configuration, {
      where: await secretPlace(job, context),
      clock: context.clock,
      signal: signals.signal,
    });
    if (verdict.kind === 'postpone') {
      log.info(`Postponed: ${verdict.reason}`, { run: run.id, job: run.job });
      return { ...verdict, kind: 'postponed' };
    }
    if (verdict.kind === 'skip') {
      const end = await executeWork(run, job, configuration, context, signals, {
        outcome: 'skipped',
        reason: verdict.reason,
      });
      return { kind: 'ended', end, job, configuration };
    }
  }
  const end = await executeWork(run, job, configuration, context, signals);
  return { kind: 'ended', end, job, configuration };
}

/** The work with hooks around it, within the time that the job has. With `instead` only the hooks that fit such an end are run. */
export async function executeWork(
  run: Run,
  job: Job,
  configuration: Configuration,
  context: RunnerContext,
  { signal: given, lasting }: RunSignals,
  instead?: ActivityEnd,
): Promise<RunEnd> {
  using limit = timeLimitOf(job);
  const signal = AbortSignal.any([given, limit.signal]);
  const mask = new SecretMask();
  const steps = new RunStepLog({
    before: run.steps,
    clock: context.clock,
    mask,
    write: (all) => context.catalog.runs.progress(run.id, context.worker.id, all),
    onStep: (step) => context.feed.publish({ type: 'step', run: run.id, job: run.job, step }),
    onUnwritten: (error) =>
      context.log.warn(`Cannot write down a step: ${messageOf(error)}`, {
        run: run.id,
        job: run.job,
      }),
  });
  await using containers = context.containersOf(configuration);
  const secret = secretFinder(await secretPlace(job, context), mask);
  const { variables, failure } = await variablesOf(job, secret, signal);
  const step: StepContext = {
    run,
    job,
    configuration,
    catalog: context.catalog,
    worker: context.worker,
    clock: context.clock,
    signal,
    lasting,
    environment: {
      ...outsideEnvironment(context.program.environment),
      ...variables,
      ...runVariables(run, []),
    },
    directory: context.program.directory,
    stateDirectory: context.stateDirectory,
    steps,
    mask,
    log: context.log,
    feed: context.feed,
    program: new OwnProgram({
      ...context.program,
      environment: { ...operationEnvironment(context.program.environment), ...variables },
    }),
    containers,
    secret,
  };
  const hooks = new HookRunner(step);
  const work = async (): Promise<ActivityEnd> => {
    if (failure !== undefined) throw failure;
    return await activityOf(step, hooks, context);
  };
  const end =
    instead === undefined
      ? await withHooks(step, hooks, undefined, work)
      : await hooksOnly(step, hooks, instead);
  return { ...mask.maskAll(end), steps: steps.steps };
}

/** The hooks of something that was not even begun, or was broken off. */
async function hooksOnly(
  context: StepContext,
  hooks: HookRunner,
  end: ActivityEnd,
): Promise<ActivityEnd> {
  // What was not begun needs no tidying up, which might even be done behind the back of the run that is under way.
  const moments =
    end.outcome === 'broken'
      ? (['failure', 'finally'] as const)
      : end.outcome === 'skipped'
        ? (['skip'] as const)
        : (['failure'] as const);
  for (const moment of moments) {
    await hooks.run({ when: moment, end, signal: context.lasting }).catch((error: unknown) => {
      context.log.warn(`A hook failed: ${problemOfError(error).message}`, { run: context.run.id });
    });
  }
  return end;
}

async function activityOf(
  context: StepContext,
  hooks: HookRunner,
  { tasks }: RunnerContext,
): Promise<ActivityEnd> {
  const { job, run } = context;
  const misfit = new AppError(
    'input/usage',
    `The job "${job.name}" is of the kind "${job.kind}": it has no "${run.activity}"`,
  );
  if (job.kind === 'task') {
    if (run.activity !== 'task') throw misfit;
    return await withContainersStopped(context, () =>
      tasks.runTask(context as StepContext<TaskJob>),
    );
  }
  if (job.kind === 'commands') {
    if (run.activity !== 'commands') throw misfit;
    return await withContainersStopped(context, () =>
      tasks.runCommands(context as StepContext<CommandsJob>),
    );
  }
  const backup = context as StepContext<BackupJob>;
  switch (run.activity) {
    case 'backup':
      return await runBackup(backup, hooks);
    case 'retention':
      return await runRetention(backup);
    case 'check':
      return await runCheck(backup);
    case 'drill':
      return await runDrill(backup);
    case 'restore':
      return await runRestore(backup);
    default:
      throw misfit;
  }
}

function timeLimitOf({ name, timeout }: Job): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  if (timeout === undefined) return { signal: controller.signal, [Symbol.dispose]() {} };
  const milliseconds = durationMilliseconds(parseDuration(timeout));
  const timer = startTimer(milliseconds, () => {
    const message = `The run of "${name}" took longer than ${formatDuration(milliseconds)} and was ended`;
    controller.abort(new AppError('process/failed', message));
  });
  return { signal: controller.signal, [Symbol.dispose]: () => timer[Symbol.dispose]() };
}

/** Relative paths of a configuration file are relative to it. */
async function secretPlace(
  { name }: Job,
  { catalog, program: { environment, directory } }: RunnerContext,
): Promise<SecretContext> {
  const origin = (await catalog.configuration.jobs.get(name))?.origin;
  if (origin === undefined || !path.isAbsolute(origin))
    return { environment, baseDirectory: directory };
  const isDirectory = (await stat(origin).catch(() => undefined))?.isDirectory() === true;
  return { environment, baseDirectory: isDirectory ? origin : path.dirname(origin) };
}

/** The variables of a job. One that cannot be found makes the work fail, but the hooks are run with the others. */
async function variablesOf(
  { name: job, environment = {} }: Job,
  secret: StepContext['secret'],
  signal: AbortSignal,
): Promise<{ readonly variables: Record<string, string>; readonly failure?: Error }> {
  const variables: Record<string, string> = {};
  let failure: Error | undefined;
  for (const [name, value] of Object.entries(environment)) {
    try {
      const what = `the variable "${name}" of the job "${job}"`;
      variables[name] = (await secret(value, what, { signal, masked: 'named', name })).reveal();
    } catch (error) {
      failure ??= error instanceof Error ? error : new Error(String(error));
    }
  }
  return failure === undefined ? { variables } : { variables, failure };
}
