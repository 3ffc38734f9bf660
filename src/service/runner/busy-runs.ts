import { durationMilliseconds, formatDuration, parseDuration } from '../../base/duration.ts';
import { messageOf } from '../../base/errors.ts';
import type { Configuration } from '../../model/configuration.ts';
import type { Job } from '../../model/job.ts';
import type { Run } from '../../model/run.ts';
import { executeWork } from './execute-run.ts';
import type { RunWorkerContext } from './run-worker.ts';
import type { ActivityEnd } from './step-context.ts';

const DEFAULT_TIMEOUT = '60m';
/** Who has begun to end a run that waits, and has not done it for so long, is dead; in milliseconds. */
const ENDING = 15 * 60_000;
const MOST = 10_000;

/**
 * Ends queued runs that must not wait any longer for others of the same job, queue or repository: by the `busy` of their job, and those that the schedule wants
 * while one like them is under way or waits already. Their hooks for `skip` or `failure` are run. Resolves with how many.
 */
export async function endBusyRuns(
  context: RunWorkerContext,
  configuration: Configuration,
  signal: AbortSignal,
): Promise<number> {
  const { catalog, clock } = context;
  const queued = await catalog.runs.list({ states: ['queued'], limit: MOST }, { signal });
  if (queued.length === 0) return 0;
  const running = await catalog.runs.list({ states: ['running'], limit: MOST }, { signal });
  const now = clock.now();
  let ended = 0;
  // The oldest first: it is the one that goes on waiting.
  const waiting = queued.toReversed();
  for (const run of waiting) {
    const job = configuration.jobs.find(({ name }) => name === run.job);
    if (job === undefined) continue; // its worker tells that it is gone
    const end = busyEnd(run, job, { now, running, waiting });
    if (end === undefined) continue;
    signal.throwIfAborted();
    if (await endQueued(run, job, configuration, end, context, signal)) ended++;
  }
  return ended;
}

/** How a run that waits is to end; `undefined` if it goes on waiting. */
export function busyEnd(
  run: Run,
  { busy }: Job,
  others: {
    readonly now: number;
    readonly running: readonly Run[];
    readonly waiting: readonly Run[];
  },
): ActivityEnd | undefined {
  const { now, running, waiting } = others;
  const due = Math.max(run.queuedAt, run.notBefore ?? 0);
  if (due > now) return undefined;
  const isLike = (other: Run): boolean => other.job === run.job && other.activity === run.activity;
  const isScheduled = run.trigger === 'schedule' || run.trigger === 'catch-up';
  const before = waiting.slice(0, waiting.indexOf(run)).find(isLike);
  if (isScheduled && before !== undefined) {
    return { outcome: 'skipped', reason: 'Another run of the same kind waits already' };
  }
  const blocker = running.find(({ keys }) => keys.some((key) => run.keys.includes(key)));
  if (blocker === undefined) return undefined;
  const what = `${blocker.activity} of "${blocker.job}" is under way`;
  if (busy === undefined && isScheduled && isLike(blocker)) {
    return { outcome: 'skipped', reason: 'The run before it is still under way' };
  }
  if (busy?.mode === 'skip') return { outcome: 'skipped', reason: `Not begun, because ${what}` };
  if (busy?.mode === 'fail') return failed(`Cannot begin, because ${what}`);
  const timeout = durationMilliseconds(parseDuration(busy?.timeout ?? DEFAULT_TIMEOUT));
  if (now - due < timeout) return undefined;
  return failed(`Has waited for ${formatDuration(timeout)} in vain: ${what}`);
}

const failed = (message: string): ActivityEnd => ({
  outcome: 'failed',
  reason: message,
  problem: { code: 'job/busy', message },
});

/** Runs the hooks and ends the run, unless another instance is at it or somebody has begun the run meanwhile. */
async function endQueued(
  run: Run,
  job: Job,
  configuration: Configuration,
  end: ActivityEnd,
  context: RunWorkerContext,
  signal: AbortSignal,
): Promise<boolean> {
  const { catalog, clock, worker, log, feed, reportsOf } = context;
  const note = `busy/${run.id}`;
  const known = await catalog.notes.get(note, { signal });
  if (known !== undefined && Number(known.split(' ')[0]) > clock.now() - ENDING) return false;
  const mine = `${clock.now()} ${worker.id}`;
  if (!(await catalog.notes.set(note, mine, { expected: known ?? null, signal }))) return false;
  try {
    const signals = { signal, lasting: signal };
    const told = await executeWork(run, job, configuration, context, signals, end);
    const now = clock.now();
    const { outcome, ...rest } = told;
    const over: Run = { ...run, ...rest, state: outcome, finishedAt: now };
    const reports = await reportsOf(over, job, configuration).catch((error: unknown) => {
      log.error(`Cannot tell about a run: ${messageOf(error)}`, { run: run.id, job: run.job });
      return [];
    });
    if (!(await catalog.queue.finishQueued(run.id, told, now, reports))) return false;
    log.info(`Ends: ${run.activity} of "${run.job}" ${outcome}: ${end.reason ?? ''}`, {
      run: run.id,
      job: run.job,
      outcome,
    });
    feed.publish({ type: 'run', run: over });
    return true;
  } finally {
    await catalog.notes.set(note, undefined, { expected: mine });
  }
}
