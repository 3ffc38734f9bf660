import type { Hook } from '../../model/job.ts';
import type { Outcome } from '../../model/run.ts';
import { problemOfError } from '../program/own-program.ts';
import { combineEnds } from './combine-ends.ts';
import type { HookRunner } from './hook-runner.ts';
import type { ActivityEnd, StepContext } from './step-context.ts';

/** Which hooks are run for which outcome of the work; a run that was cancelled has neither failed nor succeeded. */
const momentOf: Readonly<Partial<Record<Outcome, Hook['when']>>> = {
  succeeded: 'success',
  warned: 'warning',
  failed: 'failure',
  skipped: 'skip',
};

/** Runs hooks around some work, and makes one end of it all; `destination` says whose hooks they are. Never rejects. */
export async function withHooks(
  context: StepContext,
  hooks: HookRunner,
  destination: string | undefined,
  work: () => Promise<ActivityEnd>,
): Promise<ActivityEnd> {
  const { signal, lasting } = context;
  const place = destination === undefined ? {} : { destination };
  const ends: ActivityEnd[] = [];
  let hasWorked = false;
  try {
    const before = await hooks.run({ when: 'before', ...place, signal });
    tell(ends, before.warnings);
    if (before.kind === 'skipped') ends.push({ outcome: 'skipped', reason: before.reason });
    else if (before.kind === 'failed') ends.push(failed(before.problem));
    else {
      hasWorked = true;
      const end = await work();
      ends.push(end.outcome === 'cancelled' && signal.aborted ? stopped(signal) : end);
    }
  } catch (error) {
    ends.push(signal.aborted ? stopped(signal) : failed(problemOfError(error)));
  }
  // What follows is also run when the run was cancelled or took too long.
  const after = async (when: Hook['when']): Promise<void> => {
    try {
      const verdict = await hooks.run({ when, end: combineEnds(ends), ...place, signal: lasting });
      // The last ones are too late to change anything.
      if (when === 'finally') return;
      tell(ends, verdict.warnings);
      if (verdict.kind === 'failed') ends.push(failed(verdict.problem));
    } catch (error) {
      if (!lasting.aborted) ends.push(failed(problemOfError(error)));
    }
  };
  if (hasWorked) await after('after');
  const when = momentOf[combineEnds(ends).outcome];
  if (when !== undefined) await after(when);
  await after('finally');
  return combineEnds(ends);
}

const failed = (problem: NonNullable<ActivityEnd['problem']>): ActivityEnd => ({
  outcome: 'failed',
  problem,
  reason: problem.message,
});

/** How a run ends that was stopped: cancelled, unless it is its own fault, as when it took too long. */
function stopped(signal: AbortSignal): ActivityEnd {
  const problem = problemOfError(signal.reason);
  if (problem.code !== 'interrupted') return failed(problem);
  return { outcome: 'cancelled', reason: problem.message, problem };
}

function tell(ends: ActivityEnd[], warnings: readonly string[]): void {
  if (warnings.length > 0) ends.push({ outcome: 'warned', reason: warnings.join('; ') });
}
