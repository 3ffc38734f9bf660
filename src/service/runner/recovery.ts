import { setTimeout as pause } from 'node:timers/promises';

import { messageOf } from '../../base/errors.ts';
import { isDead, type ProcessIdentity } from '../../base/process-identity.ts';
import type { JournalEntry, RunEnd } from '../../catalog/catalog.ts';
import type { Run, StepRecord } from '../../model/run.ts';
import { endProcessGroup } from '../program/end-process-group.ts';
import { removeSandbox, SANDBOX_ENTRY } from './drill/sandbox.ts';
import { executeWork } from './execute-run.ts';
import { PROGRAM_ENTRY } from './journalled-program.ts';
import { RENEWAL, type RunWorkerContext } from './run-worker.ts';

/** Programs of a dead run get so long to end in order, in milliseconds. */
const GRACE = 2000;

/**
 * Takes over runs whose worker is gone, puts right what they have left (programs, stopped containers, directories), runs their last hooks, and finishes them as
 * `broken`. Runs of workers that live are left alone, and so are those in `atWork`.
 *
 * @returns the runs that were finished
 */
export async function recoverRuns(
  context: RunWorkerContext,
  atWork: readonly string[],
  signal: AbortSignal,
): Promise<readonly Run[]> {
  const { catalog, worker, clock, log } = context;
  const before = await catalog.runs.list({ states: ['running'], limit: 10_000 }, { signal });
  const taken = await catalog.queue.takeBroken(worker, isDead, clock.now(), { signal });
  // Of a machine that has slept: our own, whose claims were renewed by that.
  const broken = taken.filter(({ id }) => !atWork.includes(id));
  for (const { id, job } of broken) log.warn('A run was broken off', { run: id, job });
  await using _kept = keepClaims(context, broken);
  // First the journal, then who is at work: a run that has begun meanwhile is not in the one, and what has an entry was at work by then.
  const journal = await catalog.journal.list({ signal });
  const now = await catalog.runs.list({ states: ['running'], limit: 10_000 }, { signal });
  const alive = new Set([...atWork, ...now.map(({ id }) => id)]);
  for (const { id } of broken) alive.delete(id);
  const isAlive = (run: string): boolean => alive.has(run);
  const entries = journal.filter(({ host, run }) => host === worker.host && !isAlive(run));
  // What still works for a dead run is ended before anything is put right behind its back.
  await endPrograms(context, entries);
  const left = entries.filter(({ kind }) => kind !== PROGRAM_ENTRY && kind !== SANDBOX_ENTRY);
  const recovered = left.length === 0 ? [] : await startContainers(context, isAlive, signal);
  for (const entry of entries.filter(({ kind }) => kind === SANDBOX_ENTRY)) {
    await removeSandbox(context, entry);
  }
  const finished: Run[] = [];
  for (const run of broken) {
    const host = before.find(({ id }) => id === run.id)?.worker?.host;
    const steps = recovered.filter((one) => one.run === run.id).map(({ step }) => step);
    const over = await finishBroken(run, steps, host === worker.host, context, signal);
    if (over !== undefined) finished.push(over);
  }
  return finished;
}

/** Keeps the claims of runs that are put right: hooks and containers may take longer than a lease, and another instance would do the same once more. */
function keepClaims(
  { catalog, worker, clock, log, renewal = RENEWAL }: RunWorkerContext,
  runs: readonly Run[],
): AsyncDisposable {
  const done = new AbortController();
  const keeping = (async () => {
    while (runs.length > 0 && !done.signal.aborted) {
      try {
        await clock.sleep(renewal, { signal: done.signal });
        for (const { id } of runs) await catalog.queue.renew(id, worker.id, clock.now());
      } catch (error) {
        if (!done.signal.aborted) log.warn(`Cannot renew the claim of a run: ${messageOf(error)}`);
      }
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      done.abort();
      await keeping;
    },
  };
}

/** Ends a broken run. Its last hooks are run where it worked. */
async function finishBroken(
  run: Run,
  recovered: readonly StepRecord[],
  isOwnHost: boolean,
  context: RunWorkerContext,
  signal: AbortSignal,
): Promise<Run | undefined> {
  const { catalog, worker, clock, log, feed, reportsOf } = context;
  const configuration = await context.readConfiguration();
  const job = configuration.jobs.find(({ name }) => name === run.job);
  const reason = brokenReason(run);
  const problem = { code: 'interrupted', message: reason };
  const steps = [...run.steps.map(brokenStep), ...recovered];
  let end: RunEnd = { outcome: 'broken', reason, problem, steps };
  if (job !== undefined && isOwnHost) {
    const signals = { signal, lasting: signal };
    const broken = { ...run, steps };
    try {
      const { steps: all } = await executeWork(broken, job, configuration, context, signals, {
        outcome: 'broken',
        reason,
        problem,
      });
      end = { ...end, steps: all };
    } catch (error) {
      log.warn(`Cannot run the last hooks of a broken run: ${messageOf(error)}`, { run: run.id });
    }
  }
  const now = clock.now();
  const over: Run = { ...run, reason, problem, steps: end.steps, state: 'broken', finishedAt: now };
  let reports: Awaited<ReturnType<typeof reportsOf>> = [];
  try {
    reports = await reportsOf(over, job, configuration);
  } catch (error) {
    log.error(`Cannot tell about a run: ${messageOf(error)}`, { run: run.id, job: run.job });
  }
  if (!(await catalog.queue.finish(run.id, worker.id, end, now, reports))) return undefined;
  feed.publish({ type: 'run', run: over });
  return over;
}

function brokenReason({ steps }: Run): string {
  const last = steps.findLast(({ outcome }) => outcome === undefined);
  const where = last === undefined ? '' : ` in the step "${last.name}"`;
  return `The program or the machine was ended${where} before the run was over`;
}

const brokenStep = (step: StepRecord): StepRecord =>
  step.outcome === undefined ? { ...step, outcome: 'broken' } : step;

async function startContainers(
  context: RunWorkerContext,
  isAlive: (run: string) => boolean,
  signal: AbortSignal,
): Promise<readonly { readonly run: string; readonly step: StepRecord }[]> {
  const { log } = context;
  try {
    await using containers = context.containersOf(await context.readConfiguration());
    return await containers.recover({ isAlive, signal });
  } catch (error) {
    signal.throwIfAborted();
    log.error(`Cannot start containers that a dead run has stopped: ${messageOf(error)}`);
    return [];
  }
}

/** Ends what hooks of dead runs have started and still goes on. */
async function endPrograms(
  { catalog, log }: RunWorkerContext,
  entries: readonly JournalEntry[],
): Promise<void> {
  for (const { id, kind, run, data } of entries) {
    if (kind !== PROGRAM_ENTRY) continue;
    const program = data as unknown as ProcessIdentity;
    if (!isDead(program)) {
      log.warn('A program of a dead run is ended', { run, pid: program.pid });
      endProcessGroup(program.pid, 'SIGTERM');
      for (let waited = 0; waited < GRACE && !isDead(program); waited += 100) await pause(100);
      endProcessGroup(program.pid, 'SIGKILL');
    }
    await catalog.journal.remove(id);
  }
}
