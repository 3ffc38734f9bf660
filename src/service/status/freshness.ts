import type { JobStatus, Verdict } from '../../model/job-status.ts';

/** Whether a backup is as fresh as it should be; nothing in it that not everybody may know. */
export interface Freshness {
  readonly job: string;
  readonly fresh: boolean;
  readonly verdict: Verdict;
  readonly lastSuccess?: number;
  readonly dueBy?: number;
}

/** A job is stale when it failed or is late, whatever is under way just now. One that is disabled or not due yet is not. */
export function freshnessOf({ job, verdict, isLate, lastSuccess, dueBy }: JobStatus): Freshness {
  return {
    job,
    fresh: verdict === 'disabled' || (verdict !== 'failed' && !isLate),
    verdict,
    ...(lastSuccess?.finishedAt !== undefined && { lastSuccess: lastSuccess.finishedAt }),
    ...(dueBy !== undefined && { dueBy }),
  };
}
