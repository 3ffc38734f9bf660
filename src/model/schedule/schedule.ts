import { didYouMean } from '../../base/did-you-mean.ts';
import { durationMilliseconds, parseDuration } from '../../base/duration.ts';
import { AppError } from '../../base/errors.ts';
import { checkTimeZone } from '../../base/zone-offsets.ts';
import type {
  BlackoutWindow,
  DetailedSchedule,
  JobSchedule,
  MissedPolicy,
} from '../job-schedule.ts';
import {
  beginOfBlackouts,
  type Blackout,
  checkBlackouts,
  leaveBlackouts,
  resolveBlackout,
} from './blackout.ts';
import { type CronExpression, nextCronTime, nicknames, parseCron } from './cron-expression.ts';
import { stableFraction } from './jitter.ts';

/** A schedule with all names and defaults put in. Spans are in milliseconds. */
export interface ResolvedSchedule {
  /** Missing: never by itself. */
  readonly expression: CronExpression | undefined;
  /** IANA name. */
  readonly timeZone: string;
  readonly jitter: number;
  readonly missed: MissedPolicy;
  readonly catchUpDelay: number;
  readonly minimumGap: number;
  readonly blackout: readonly Blackout[];
}

/** What a configuration says for schedules that say nothing. */
export interface ScheduleDefaults {
  /** IANA name. */
  readonly timeZone: string;
  /** Windows for all jobs, by the clocks of that zone. */
  readonly blackout?: readonly BlackoutWindow[] | undefined;
}

/** A time that a schedule means. */
export interface DueTime {
  /** By the expression alone. */
  readonly due: number;
  /** With jitter, after blackout windows: when the run may begin. */
  readonly at: number;
}

export type Periodicities = Readonly<Record<string, JobSchedule>>;

/** Names for schedules, besides those of a configuration; `manual` and `never` mean that nothing runs by itself. */
export const builtInPeriodicities: readonly string[] = [
  'manual',
  'never',
  '15min',
  ...Object.keys(nicknames),
];

const missedPolicies: readonly MissedPolicy[] = [
  'run-once',
  'skip',
  'skip-if-running',
  'skip-if-busy',
  'skip-if-offline',
];

/**
 * What a schedule means. A name is that of one of the periodicities (whose own time zone, jitter and so on count where the schedule says nothing), or a built-in
 * one; otherwise it is read by `parseCron`.
 *
 * @throws AppError `input/invalid`
 */
export function resolveSchedule(
  schedule: JobSchedule,
  periodicities: Periodicities,
  defaults: ScheduleDefaults,
): ResolvedSchedule {
  const { when, ...details } = withPeriodicities(schedule, periodicities);
  const timeZone = details.timeZone ?? defaults.timeZone;
  // An unknown zone is found out now.
  checkTimeZone(timeZone);
  const blackout = [
    ...(defaults.blackout ?? []).map((window) => resolveBlackout(window, defaults.timeZone)),
    ...(details.blackout ?? []).map((window) => resolveBlackout(window, timeZone)),
  ];
  checkBlackouts(blackout);
  const missed = details.missed ?? 'run-once';
  if (!missedPolicies.includes(missed)) {
    throw new AppError('input/invalid', `There is no policy "${missed}" for missed runs`, {
      hint: `It is one of ${missedPolicies.join(', ')}`,
    });
  }
  return {
    expression: expressionOf(when, periodicities),
    timeZone,
    jitter: spanOf(details.jitter, 0),
    missed,
    catchUpDelay: spanOf(details.catchUpDelay, 2 * 60_000),
    minimumGap: spanOf(details.minimumGap, 0),
    blackout,
  };
}

/**
 * The first time that a schedule means after `after`, by its expression; and when the run may begin. `key` is what jitter is reckoned from (`jitterKey`). A run
 * is never put off past the next one, but all that are due in one blackout window begin at its end: whoever runs them makes one of them.
 */
export function nextDue(
  { expression, timeZone, jitter, blackout }: ResolvedSchedule,
  after: number,
  key: string,
): DueTime | undefined {
  if (expression === undefined) return undefined;
  const due = nextCronTime(expression, timeZone, after);
  if (due === undefined) return undefined;
  const start = leaveBlackouts(blackout, due);
  if (jitter === 0) return { due, at: start };
  const next = nextCronTime(expression, timeZone, start) ?? Infinity;
  const span = Math.min(jitter, next - start);
  const late = Math.floor((stableFraction(key) * span) / 1000) * 1000;
  return { due, at: leaveBlackouts(blackout, start + late) };
}

/** When the next run after `after` begins, as far as it is up to the calendar: with jitter and blackout windows. `undefined` if there is none. */
export function nextRun(
  schedule: ResolvedSchedule,
  after: number,
  key: string,
): number | undefined {
  const { expression, jitter, blackout } = schedule;
  if (
    expression === undefined ||
    expression.kind === 'interval' ||
    (jitter === 0 && blackout.length === 0)
  )
    return nextDue(schedule, after, key)?.at;
  // What was due before may begin after.
  let due = beginOfBlackouts(blackout, after - jitter) - 1;
  for (;;) {
    const next = nextDue(schedule, due, key);
    if (next === undefined || next.at > after) return next?.at;
    due = next.due;
  }
}

/** What has changed when this text has: which times a schedule means, not how it is gone about them. */
export const definitionOf = ({ expression, timeZone }: ResolvedSchedule): string =>
  expression === undefined ? '' : `${timeZone} ${expression.text}`;

function withPeriodicities(
  schedule: JobSchedule,
  periodicities: Periodicities,
  seen: readonly string[] = [],
): DetailedSchedule {
  const found = detailed(schedule);
  const name = found.when.trim().toLowerCase();
  const meant = seen.includes(name) ? undefined : periodicityOf(name, periodicities);
  if (meant !== undefined) {
    const inner = withPeriodicities(meant, periodicities, [...seen, name]);
    return { ...inner, ...found, when: inner.when };
  }
  // `daily: { when: daily, jitter: 10m }` means the built-in one.
  if (!seen.includes(name) || builtInPeriodicities.includes(name)) return found;
  throw new AppError('input/invalid', `The periodicity "${name}" means itself`);
}

function periodicityOf(name: string, periodicities: Periodicities): JobSchedule | undefined {
  return Object.entries(periodicities).find(([known]) => known.toLowerCase() === name)?.[1];
}

const detailed = (schedule: JobSchedule): DetailedSchedule =>
  typeof schedule === 'string' ? { when: schedule } : schedule;

function expressionOf(when: string, periodicities: Periodicities): CronExpression | undefined {
  const name = when.trim().toLowerCase();
  if (name === 'manual' || name === 'never') return undefined;
  if (name === '15min') return parseCron('*/15 * * * *');
  try {
    return parseCron(when);
  } catch (error) {
    // A word alone is a name that was mistyped rather than a cron expression with one field.
    if (!(error instanceof AppError) || !/^[a-z\d][\w.-]*$/iu.test(name)) throw error;
    const names = [...Object.keys(periodicities), ...builtInPeriodicities];
    const nearest = didYouMean(name, names);
    throw new AppError('input/invalid', `There is no periodicity "${when}"`, {
      cause: error,
      hint:
        nearest === undefined
          ? `Known are ${names.join(', ')}; a cron expression has five fields`
          : `Did you mean "${nearest}"?`,
    });
  }
}

const spanOf = (text: string | undefined, byDefault: number): number =>
  text === undefined ? byDefault : durationMilliseconds(parseDuration(text));
