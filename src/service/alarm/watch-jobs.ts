import type { JobStatus } from '../../model/job-status.ts';
import type { Watch, WatchedJob } from './watch.ts';

/** Clocks of several machines differ by so much, in milliseconds. */
const CLOCK_TOLERANCE = 5 * 60_000;

/** Who is watched from now on: new jobs, and those that are allowed less time than before, are counted from now. */
export function watchJobs(jobs: readonly JobStatus[], before: Watch, now: number): Watch {
  const watch = new Map<string, WatchedJob>();
  for (const status of jobs) {
    const { job, allowedAge: age } = status;
    if (age === undefined) continue;
    const known = before.get(job);
    // Both for a clock that was put back and for a shorter period: nobody could have been in time.
    const isNew = known === undefined || known.since > now || age < known.age;
    const since = isNew ? now : known.since;
    watch.set(job, {
      since,
      age,
      ...(known?.distrusted !== undefined && { distrusted: known.distrusted }),
      ...distrust(status, known, now),
    });
  }
  return watch;
}

/** A success of the future counts from when it was noticed: the alarm goes on, but it does not ring at once. */
function distrust(
  { lastSuccess }: JobStatus,
  known: WatchedJob | undefined,
  now: number,
): Partial<WatchedJob> {
  if (lastSuccess?.finishedAt === undefined || known?.distrusted === lastSuccess.id) return {};
  if (lastSuccess.finishedAt <= now + CLOCK_TOLERANCE) return {};
  return { since: now, distrusted: lastSuccess.id };
}
