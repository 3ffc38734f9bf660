import { AppError } from '../../base/errors.ts';
import type { CalendarRule } from '../../model/schedule/calendar-rule.ts';
import { isEvery, listText, type NumberRange, numbersOf, stepOf } from './number-list.ts';

const minutes: NumberRange = { least: 0, most: 59 };
const hours: NumberRange = { least: 0, most: 23 };
const dates: NumberRange = { least: 1, most: 31 };
const months: NumberRange = { least: 1, most: 12 };
const weekdays: NumberRange = { least: 0, most: 6 };

/**
 * The five fields of crontab(5) for a rule: minute, hour, day of the month, month, day of the week; as every cron understands them (no `L`, `W`, `#`, no names).
 *
 * @throws AppError `input/invalid` for what cannot be said that way
 */
export function crontabFields(rule: CalendarRule): string {
  const { days } = rule;
  if (rule.seconds.length !== 1 || rule.seconds[0] !== 0) throw inexpressible('seconds');
  if (rule.years !== undefined) throw inexpressible('years');
  if (days.fromEnd !== 0) throw inexpressible('days from the end of the month');
  if (days.nearestWorkingDays !== 0)
    throw inexpressible('the working day that is nearest to a date');
  if (days.nthWeekdays.length > 0)
    throw inexpressible('the first, second … or last weekday of a month');
  return [fieldText(rule.minutes, minutes), fieldText(rule.hours, hours), ...dayFields(rule)].join(
    ' ',
  );
}

function dayFields({ days, months: monthMask }: CalendarRule): readonly string[] {
  const month = fieldText(numbersOf(monthMask, months), months);
  const onDates = numbersOf(days.dates, dates);
  const onWeekdays = numbersOf(days.weekdays, weekdays);
  const isAny = isEvery(onDates, dates) || isEvery(onWeekdays, weekdays);
  if (days.either) {
    // Without a star, whatever the numbers are: then either will do.
    return [listText(onDates, { between: '-' }), month, listText(onWeekdays, { between: '-' })];
  }
  const date = starText(onDates, dates);
  const weekday = starText(onWeekdays, weekdays);
  // Cron wants both only where one of the fields begins with a star.
  if (!isAny && !date.startsWith('*') && !weekday.startsWith('*'))
    throw inexpressible('a date that has to be a certain weekday as well');
  return [date, month, weekday];
}

function fieldText(numbers: readonly number[], range: NumberRange): string {
  return numbers.length > 3 ? starText(numbers, range) : listText(numbers, { between: '-' });
}

/** With a star wherever one can say it. */
function starText(numbers: readonly number[], range: NumberRange): string {
  if (isEvery(numbers, range)) return '*';
  const step = stepOf(numbers, range);
  return step === undefined ? listText(numbers, { between: '-' }) : `*/${step}`;
}

const inexpressible = (what: string): AppError =>
  new AppError('input/invalid', `cron cannot say ${what}`);
