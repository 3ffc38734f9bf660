import type { Activity } from './job.ts';
import type { Run } from './run.ts';

/** What became of the runs of one activity of a job: what status, metrics and alarms are made of. */
export interface ActivityHistory {
  readonly job: string;
  readonly activity: Activity;
  /** The last one that is over. */
  readonly lastRun?: Run;
  /** The last one that succeeded, be it with warnings. */
  readonly lastSuccess?: Run;
  /** The last one that failed or broke off. */
  readonly lastFailure?: Run;
  /** How many failed or broke off since the last success; skipped and cancelled ones change nothing. */
  readonly failuresInARow: number;
}
