import {
  allDates,
  allWeekdays,
  type CalendarRule,
  firstTime,
  lastTime,
  nextDay,
} from './calendar-rule.ts';
import type { CalendarExpression } from './cron-expression.ts';
import type { ResolvedSchedule } from './schedule.ts';

const day = 86_400_000;
/** A year in which the weekdays fall as often as in any other, and a leap year after it. */
const reference = Date.UTC(2027, 0, 1) / day;
const allMonths = 0b1_1111_1111_1110;
const known = new WeakMap<CalendarRule, number | undefined>();

/**
 * The longest normal gap between two runs, in milliseconds: a day for `daily`, three days for `0 2 * * 1-5`, 31 days for `monthly`. `undefined` if nothing
 * runs by itself, or only once. Changes of the clocks are left out of it; blackout windows and the minimum gap are not.
 */
export function periodOf({
  expression,
  minimumGap,
  blackout,
}: ResolvedSchedule): number | undefined {
  if (expression === undefined) return undefined;
  const gap = expression.kind === 'interval' ? expression.milliseconds : longestGap(expression);
  if (gap === undefined) return undefined;
  const shut = blackout.reduce((longest, { from, until }) => Math.max(longest, until - from), 0);
  return Math.max(gap, minimumGap) + shut;
}

function longestGap({ rule }: CalendarExpression): number | undefined {
  if (known.has(rule)) return known.get(rule);
  // Two years, but for what comes more seldom.
  const gap = isDaily(rule)
    ? longestInDays(rule)
    : (longestWithin(rule, 2 * 366) ?? longestWithin(rule, 41 * 366));
  known.set(rule, gap);
  return gap;
}

const isDaily = ({ days, months, years }: CalendarRule): boolean =>
  days.dates === allDates &&
  days.weekdays === allWeekdays &&
  months === allMonths &&
  years === undefined;

const longestInDays = (rule: CalendarRule): number =>
  Math.max(longestInDay(rule), day + firstTime(rule) - lastTime(rule));

function longestWithin(rule: CalendarRule, days: number): number | undefined {
  let before: number | undefined;
  let count = 0;
  let longest = longestInDay(rule);
  const overNight = firstTime(rule) - lastTime(rule);
  for (
    let next = nextDay(rule, reference);
    next !== undefined && next <= reference + days;
    next = nextDay(rule, next + 1)
  ) {
    if (before !== undefined) longest = Math.max(longest, (next - before) * day + overNight);
    before = next;
    count++;
  }
  return count < 2 ? undefined : longest;
}

/** The longest gap between two times of the same day. */
function longestInDay({ hours, minutes, seconds }: CalendarRule): number {
  const inMinute = longestStep(seconds, 1000);
  const minuteSpan = (seconds.at(-1)! - seconds[0]!) * 1000;
  const inHour = Math.max(inMinute, longestStep(minutes, 60_000) - minuteSpan);
  const hourSpan = (minutes.at(-1)! - minutes[0]!) * 60_000 + minuteSpan;
  return Math.max(inHour, longestStep(hours, 3_600_000) - hourSpan);
}

function longestStep(numbers: readonly number[], unit: number): number {
  let longest = 0;
  for (let index = 1; index < numbers.length; index++)
    longest = Math.max(longest, numbers[index]! - numbers[index - 1]!);
  return longest * unit;
}
