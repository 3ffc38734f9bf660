import type { CallOptions } from '../../base/call-options.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import type { JobStatus } from '../../model/job-status.ts';
import type { JobStatuses } from '../status/job-statuses.ts';
import { readWatchText, writeWatch } from './watch.ts';
import { watchJobs } from './watch-jobs.ts';

/** Other instances that change the same at the same time can be lost to so often. */
const ATTEMPTS = 5;

/** How the jobs stand, with every job that is to be watched being so from now on: who never ran is late some day only if somebody has noted since when he could have. */
export async function watchedJobs(
  { catalog, statuses }: { readonly catalog: Catalog; readonly statuses: JobStatuses },
  now: number,
  options: CallOptions = {},
): Promise<readonly JobStatus[]> {
  let jobs: readonly JobStatus[] = [];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { watch, text } = await readWatchText(catalog.notes, options);
    jobs = await statuses.read(options);
    const wanted = watchJobs(jobs, watch, now);
    if (!(await writeWatch(catalog.notes, wanted, text, options))) continue;
    // Who is watched anew is counted from now, which the statuses do not know yet.
    return jobs.map((status) =>
      wanted.get(status.job)?.since === watch.get(status.job)?.since ? status : anew(status, now),
    );
  }
  return jobs;
}

function anew(status: JobStatus, now: number): JobStatus {
  const { allowedAge } = status;
  return {
    ...status,
    isLate: false,
    watchedSince: now,
    ...(allowedAge !== undefined && { dueBy: now + allowedAge }),
  };
}
