import { durationMilliseconds, parseDuration } from '../base/duration.ts';
import type { ActivityHistory } from './activity-history.ts';
import type { Activity, Job } from './job.ts';
import type { Run } from './run.ts';
import { type RunSummary, summaryOf } from './run-summary.ts';
import { mainActivityOf } from './schedule/schedule-entries.ts';

export const verdicts = ['ok', 'warning', 'failed', 'late', 'never', 'disabled'] as const;
/**
 * How a job stands:
 * - `ok`, `warning`: the last run that said anything succeeded, or did so with warnings
 * - `failed`: it failed or broke off, and no success came after it
 * - `late`: there was no success for longer than there may be, also if there never was one
 * - `never`: none yet, and none is overdue
 * - `disabled`: it does not run by itself
 */
export type Verdict = (typeof verdicts)[number];

/** How an activity of a job stands. A run that is under way changes nothing here, nor one that was skipped or cancelled. */
export interface ActivityStatus {
  readonly activity: Activity;
  readonly verdict: 'ok' | 'warning' | 'failed' | 'never';
  readonly lastRun?: RunSummary;
  readonly lastSuccess?: RunSummary;
  readonly lastFailure?: RunSummary;
  readonly failuresInARow: number;
}

/** How a job stands; the same in status file, metrics, Nagios, API and reports. Times are milliseconds since 1970, plain JSON. */
export interface JobStatus extends Omit<ActivityStatus, 'verdict'> {
  readonly job: string;
  readonly kind: Job['kind'];
  readonly description?: string;
  /** Of what the job is for (`activity`): a check or a deletion that fails does not make a good backup a failed one. */
  readonly verdict: Verdict;
  /** Also for a job that failed: since when there was no success. */
  readonly isLate: boolean;
  readonly isRunning: boolean;
  readonly nextRun?: number;
  /** The longest time without a success, in milliseconds; without it nobody is alarmed. */
  readonly allowedAge?: number;
  /** A success is counted on until then. */
  readonly dueBy?: number;
  /** Since when the job is known and watched. */
  readonly watchedSince?: number;
  /** When a restore for practice last went well. */
  readonly lastProvenRestorable?: number;
  /** Every activity that ever ran. */
  readonly activities: readonly ActivityStatus[];
}

/** What `jobStatus` looks at besides the job. */
export interface JobFacts {
  readonly histories: readonly ActivityHistory[];
  readonly now: number;
  /** The longest normal time between two of its runs, in milliseconds; missing without a schedule. */
  readonly period?: number | undefined;
  readonly nextRun?: number | undefined;
  readonly isRunning?: boolean;
  /** When the job became known, or was given the schedule it has: a success before does not count as late. */
  readonly watchedSince?: number | undefined;
}

const HOUR = 3_600_000;
/** Clocks of several machines differ by so much. */
const CLOCK_TOLERANCE = 5 * 60_000;

/**
 * How long a job may be without a success: `alarm`, or the period of its schedule and a twelfth of it, but at least two hours, more: 26 hours for a
 * daily one, 3 for an hourly one. `undefined` for `off`, and without schedule and `alarm`. Throws `input/invalid` if `alarm` is no duration.
 */
export function allowedAge(
  { alarm, enabled }: Pick<Job, 'alarm' | 'enabled'>,
  period: number | undefined,
): number | undefined {
  if (enabled === false || alarm === 'off') return undefined;
  if (alarm !== undefined) return durationMilliseconds(parseDuration(alarm));
  return period === undefined ? undefined : period + Math.max(2 * HOUR, period / 12);
}

/** How a job stands. Pure. */
export function jobStatus(job: Job, facts: JobFacts): JobStatus {
  const { histories, now, watchedSince, nextRun } = facts;
  const activities = histories
    .filter((history) => history.job === job.name)
    .map((history) => activityStatus(history));
  const activity = mainActivityOf(job);
  const main = activities.find((one) => one.activity === activity) ?? {
    activity,
    verdict: 'never',
    failuresInARow: 0,
  };
  const { verdict: _own, ...rest } = main;
  const age = allowedAge(job, facts.period);
  const base = lastGoodTime(main.lastSuccess, watchedSince, now);
  const dueBy = age === undefined || base === undefined ? undefined : base + age;
  const isLate = dueBy !== undefined && now > dueBy;
  const proven = activities.find((one) => one.activity === 'drill')?.lastSuccess?.finishedAt;
  return {
    job: job.name,
    kind: job.kind,
    ...(job.description !== undefined && { description: job.description }),
    verdict: verdictOf(job, main.verdict, isLate),
    isLate,
    isRunning: facts.isRunning ?? false,
    ...rest,
    ...(nextRun !== undefined && { nextRun }),
    ...(age !== undefined && { allowedAge: age }),
    ...(dueBy !== undefined && { dueBy }),
    ...(watchedSince !== undefined && { watchedSince }),
    ...(proven !== undefined && { lastProvenRestorable: proven }),
    activities,
  };
}

/** A failure tells more than that it is late as well. */
function verdictOf(job: Job, own: ActivityStatus['verdict'], isLate: boolean): Verdict {
  if (job.enabled === false) return 'disabled';
  if (own === 'failed') return 'failed';
  return isLate ? 'late' : own;
}

/**
 * What lateness is counted from. A success that is said to be in the future was written by a clock that went wrong: counting from it would silence the
 * alarm for as long.
 */
function lastGoodTime(
  success: RunSummary | undefined,
  watchedSince: number | undefined,
  now: number,
): number | undefined {
  const times = [success?.finishedAt, watchedSince].filter(
    (time) => time !== undefined && time <= now + CLOCK_TOLERANCE,
  ) as number[];
  return times.length === 0 ? undefined : Math.max(...times);
}

function activityStatus(history: ActivityHistory): ActivityStatus {
  const { activity, lastRun, lastSuccess, lastFailure, failuresInARow } = history;
  return {
    activity,
    verdict: activityVerdict(history),
    ...summed('lastRun', lastRun),
    ...summed('lastSuccess', lastSuccess),
    ...summed('lastFailure', lastFailure),
    failuresInARow,
  };
}

/** Not by the times of the runs, which a clock that jumps puts out of order. */
function activityVerdict({
  lastSuccess,
  failuresInARow,
}: ActivityHistory): ActivityStatus['verdict'] {
  if (failuresInARow > 0) return 'failed';
  if (lastSuccess === undefined) return 'never';
  return lastSuccess.state === 'warned' ? 'warning' : 'ok';
}

function summed<Key extends string>(
  key: Key,
  run: Run | undefined,
): { readonly [Name in Key]?: RunSummary } {
  return run === undefined
    ? {}
    : ({ [key]: summaryOf(run) } as { readonly [Name in Key]: RunSummary });
}
