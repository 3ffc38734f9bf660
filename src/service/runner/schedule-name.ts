import type { Activity, Job } from '../../model/job.ts';
import { scheduleEntries } from '../../model/schedule/schedule-entries.ts';

/** The name of the periodicity that an activity of a job is run by (`daily`), if it is one. */
export function scheduleNameOf(job: Job, activity: Activity): string | undefined {
  const found = scheduleEntries(job).find((entry) => entry.activity === activity)?.schedule;
  const when = typeof found === 'object' ? found.when : found;
  if (when !== undefined && /^[a-z][\w-]*$/iu.test(when)) return when;
  // Commands from an environment are jobs that are called as their periodicity.
  return job.kind === 'commands' ? job.name : undefined;
}
