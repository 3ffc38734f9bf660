import { durationMilliseconds, parseDuration } from '../../base/duration.ts';
import { AppError } from '../../base/errors.ts';
import { checkTimeZone, instantOfWall, spanAt } from '../../base/zone-offsets.ts';
import { type CalendarRule, nextWallTime } from './calendar-rule.ts';
import { parseCronDays } from './cron-days.ts';
import {
  hourField,
  maskOf,
  minuteField,
  monthField,
  parseField,
  secondField,
} from './cron-field.ts';
import { looksLikeCalendarEvent, parseCalendarEvent } from './on-calendar.ts';

/** When something is to run, of all dialects that are understood. */
export type CronExpression = CalendarExpression | IntervalExpression;

/** Moments of the calendar and the clock on the wall. */
export interface CalendarExpression {
  readonly kind: 'calendar';
  readonly text: string;
  readonly rule: CalendarRule;
  /**
   * Whether the hours are written out: then each time is met exactly once on a day on which the clocks change. Otherwise (`*` with or without a step, or all 24) it runs
   * whenever the clock shows a fitting time: twice where an hour comes twice, not in one that is left out.
   */
  readonly fixedHours: boolean;
  /** The zone that the expression itself names; it goes before any other. */
  readonly timeZone?: string;
}

/** So long after the last time. */
export interface IntervalExpression {
  readonly kind: 'interval';
  readonly text: string;
  readonly milliseconds: number;
}

/** What the nicknames stand for; the words are understood without `@` too. */
export const nicknames: Readonly<Record<string, string>> = {
  minutely: '* * * * *',
  hourly: '0 * * * *',
  daily: '0 0 * * *',
  midnight: '0 0 * * *',
  weekly: '0 0 * * 0',
  monthly: '0 0 1 * *',
  quarterly: '0 0 1 1,4,7,10 *',
  semiannually: '0 0 1 1,7 *',
  yearly: '0 0 1 1 *',
  annually: '0 0 1 1 *',
};

const forms =
  'Write five fields (minute hour day month weekday), six with seconds first, a nickname such as @daily, @every 6h, or a calendar event such as Mon..Fri 02:00';

/**
 * Reads a cron expression of five fields or six (seconds first), a nickname, `@every DURATION`, or a calendar event of systemd. `TZ=ZONE` or `CRON_TZ=ZONE`
 * may go before the fields.
 *
 * @throws AppError `input/invalid`
 */
export function parseCron(text: string): CronExpression {
  const trimmed = text.trim().replaceAll(/\s+/gu, ' ');
  const zone = /^(?:CRON_)?TZ=(\S+) (.+)$/u.exec(trimmed);
  const expression = parseWithoutZone(zone?.[2] ?? trimmed, trimmed);
  if (expression.kind === 'interval') return expression;
  const timeZone = zone?.[1] ?? expression.timeZone;
  // Unknown zones are found out here, not when the first run is due.
  if (timeZone !== undefined) checkTimeZone(timeZone);
  if (!canFit(expression.rule))
    throw new AppError('input/invalid', `No day fits the schedule "${text}"`);
  return { ...expression, ...(timeZone !== undefined && { timeZone }) };
}

/**
 * The first time after `after` (both milliseconds since 1970) that an expression means, with the clocks of a zone (an IANA name); `undefined` if there is none
 * in the next decades. For intervals it is `after` and the interval.
 */
export function nextCronTime(
  expression: CronExpression,
  timeZone: string,
  after: number,
): number | undefined {
  if (expression.kind === 'interval') return after + expression.milliseconds;
  const zone = expression.timeZone ?? timeZone;
  return expression.fixedHours
    ? nextOfFixedHours(expression.rule, zone, after)
    : nextOfShownTimes(expression.rule, zone, after);
}

/** Each time of the calendar happens once: the first time that the clock shows it, or, if it never does, when the clocks have just been put forward. */
function nextOfFixedHours(rule: CalendarRule, zone: string, after: number): number | undefined {
  let wall: number | undefined = after + spanAt(zone, after).offset;
  for (;;) {
    wall = nextWallTime(rule, wall + 1);
    if (wall === undefined) return undefined;
    const time = instantOfWall(zone, wall);
    if (time > after) return time;
  }
}

/** Whenever the clock shows a fitting time. */
function nextOfShownTimes(rule: CalendarRule, zone: string, after: number): number | undefined {
  let from = after + 1;
  for (;;) {
    const { end, offset } = spanAt(zone, from);
    const wall = nextWallTime(rule, from + offset);
    if (wall === undefined) return undefined;
    if (wall - offset < end) return wall - offset;
    from = end;
  }
}

/** Whether any day fits: there is no 31 February. */
function canFit(rule: CalendarRule): boolean {
  return (rule.years ?? [{ from: 2000 }]).some(
    ({ from }) => nextWallTime(rule, Date.UTC(from, 0)) !== undefined,
  );
}

function parseWithoutZone(text: string, whole: string): CronExpression {
  const every = /^@every (.+)$/iu.exec(text);
  if (every !== null) return parseInterval(every[1]!, whole);
  const word = text.replace(/^@/u, '').toLowerCase();
  const nickname = nicknames[word];
  if (nickname !== undefined) return { ...parseFields(nickname, whole), text: whole };
  if (text.startsWith('@')) {
    throw new AppError('input/invalid', `There is no "${text}"`, {
      hint: `Known are @every DURATION and @${Object.keys(nicknames).join(', @')}`,
    });
  }
  if (looksLikeCalendarEvent(text)) return { ...parseCalendarEvent(text), text: whole };
  return parseFields(text, whole);
}

function parseInterval(text: string, whole: string): IntervalExpression {
  const milliseconds = durationMilliseconds(parseDuration(text.replaceAll(' ', '')));
  if (milliseconds < 1000)
    throw new AppError('input/invalid', `"${whole}" has an interval of less than a second`);
  return { kind: 'interval', text: whole, milliseconds };
}

function parseFields(text: string, whole: string): CalendarExpression {
  const fields = text === '' ? [] : text.split(' ');
  if (fields.length !== 5 && fields.length !== 6) {
    const count = fields.length === 1 ? '1 field' : `${fields.length} fields`;
    throw new AppError(
      'input/invalid',
      `"${whole}" is not a schedule: it has ${count}, a cron expression has 5`,
      { hint: forms },
    );
  }
  const [second, minute, hour, date, month, weekday] = (
    fields.length === 5 ? ['0', ...fields] : fields
  ) as [string, string, string, string, string, string];
  try {
    const hours = parseField(hour, hourField);
    const rule: CalendarRule = {
      seconds: parseField(second, secondField),
      minutes: parseField(minute, minuteField),
      hours,
      days: parseCronDays(date, weekday),
      months: maskOf(parseField(month, monthField)),
    };
    return { kind: 'calendar', text: whole, rule, fixedHours: !isWildcard(hour, hours) };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError('input/invalid', `Cannot read the schedule "${whole}": ${error.message}`, {
      cause: error,
      hint: error.hint ?? forms,
    });
  }
}

/** `*`, `*` or a number with a step, and all hours however they are written. */
function isWildcard(text: string, hours: readonly number[]): boolean {
  return text.startsWith('*') || /^\d+\/\d+$/u.test(text) || hours.length === 24;
}
