import type { Duration } from '../base/duration.ts';
import type { RetentionPolicy } from '../model/retention.ts';
import type { Timeframe } from '../model/timeframe.ts';
import { tagsOf } from './snapshot-filter.ts';

/** Values of the flags in `retentionFlags`. */
export interface RetentionFlagValues {
  readonly 'keep-last': number | undefined;
  readonly 'keep-hourly': number | undefined;
  readonly 'keep-daily': number | undefined;
  readonly 'keep-weekly': number | undefined;
  readonly 'keep-monthly': number | undefined;
  readonly 'keep-yearly': number | undefined;
  readonly 'keep-within': Duration | undefined;
  readonly 'keep-within-hourly': Duration | undefined;
  readonly 'keep-within-daily': Duration | undefined;
  readonly 'keep-within-weekly': Duration | undefined;
  readonly 'keep-within-monthly': Duration | undefined;
  readonly 'keep-within-yearly': Duration | undefined;
  readonly 'keep-tag': readonly string[];
  readonly 'keep-versions': number | undefined;
  readonly 'keep-time': Duration | undefined;
  readonly 'retention-policy': readonly Timeframe[] | undefined;
}

/** The policy that flags make. */
export function retentionPolicy(flags: RetentionFlagValues): RetentionPolicy {
  return {
    keepLast: flags['keep-last'] ?? flags['keep-versions'],
    keepHourly: flags['keep-hourly'],
    keepDaily: flags['keep-daily'],
    keepWeekly: flags['keep-weekly'],
    keepMonthly: flags['keep-monthly'],
    keepYearly: flags['keep-yearly'],
    keepWithin: flags['keep-within'] ?? flags['keep-time'],
    keepWithinHourly: flags['keep-within-hourly'],
    keepWithinDaily: flags['keep-within-daily'],
    keepWithinWeekly: flags['keep-within-weekly'],
    keepWithinMonthly: flags['keep-within-monthly'],
    keepWithinYearly: flags['keep-within-yearly'],
    keepTags: flags['keep-tag'].length === 0 ? undefined : flags['keep-tag'].map(tagsOf),
    timeframes: flags['retention-policy'],
  };
}
