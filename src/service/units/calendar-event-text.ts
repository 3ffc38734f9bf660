import { AppError } from '../../base/errors.ts';
import { allDates, allWeekdays, type CalendarRule } from '../../model/schedule/calendar-rule.ts';
import { isEvery, listText, type NumberRange, numbersOf, stepOf } from './number-list.ts';

const weekdayNames = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const hours: NumberRange = { least: 0, most: 23 };
const minutes: NumberRange = { least: 0, most: 59 };
const dates: NumberRange = { least: 1, most: 31 };
const months: NumberRange = { least: 1, most: 12 };
const lastYear = 2199;

/**
 * Calendar events (systemd.time(7)) that together mean what a rule does, each with the time zone. On days on which the clocks change it is up to systemd when a time that is
 * left out comes.
 *
 * @throws AppError `input/invalid` for what cannot be said that way
 */
export function calendarEvents(rule: CalendarRule, timeZone: string): readonly string[] {
  const time = [
    fieldText(rule.hours, hours),
    fieldText(rule.minutes, minutes),
    fieldText(rule.seconds, minutes),
  ].join(':');
  return dayTexts(rule).map((day) => `${day} ${time} ${timeZone}`);
}

/** Weekdays and dates of each event. */
function dayTexts(rule: CalendarRule): readonly string[] {
  const { days } = rule;
  const yearsAndMonths = `${yearText(rule)}-${monthText(rule)}`;
  const weekdays = numbersOf(days.weekdays, { least: 0, most: 6 });
  const plainWeekdays = weekdays.map((day) => weekdayNames[day]!).join(',');
  const hasWeekdays = weekdays.length > 0;
  const isAnyWeekday = days.weekdays === allWeekdays;
  const prefix = isAnyWeekday ? '' : `${plainWeekdays} `;
  if (days.nearestWorkingDays !== 0)
    throw inexpressible('the working day that is nearest to a date');
  const dated = dateTexts(rule).map((date) => `${yearsAndMonths}${date}`);
  const counted = days.nthWeekdays.map(
    ({ weekday, nth }) =>
      `${weekdayNames[weekday]!} ${yearsAndMonths}${nth === -1 ? '~01..07' : `-${nthDates(nth)}`}`,
  );
  if (days.either) {
    const byWeekday = hasWeekdays ? [`${plainWeekdays} ${yearsAndMonths}-*`] : [];
    return [...dated, ...byWeekday, ...counted];
  }
  const isAnyDate = days.dates === allDates;
  if (counted.length > 0 && !isAnyDate)
    throw inexpressible('a date that has to be a certain weekday of the month as well');
  return [...(hasWeekdays ? dated.map((date) => `${prefix}${date}`) : []), ...counted];
}

function dateTexts({ days }: CalendarRule): readonly string[] {
  const fromStart = numbersOf(days.dates, dates);
  const fromEnd = numbersOf(days.fromEnd, dates);
  return [
    ...(fromStart.length > 0 ? [`-${fieldText(fromStart, dates)}`] : []),
    ...(fromEnd.length > 0 ? [`~${listText(fromEnd, { between: '..', print: two })}`] : []),
  ];
}

function monthText(rule: CalendarRule): string {
  return fieldText(numbersOf(rule.months, months), months);
}

function yearText({ years }: CalendarRule): string {
  if (years === undefined) return '*';
  return years
    .map(({ from, until, step }) => {
      const last = Math.min(until, lastYear);
      return from === last ? String(from) : `${from}..${last}${step === 1 ? '' : `/${step}`}`;
    })
    .join(',');
}

function fieldText(numbers: readonly number[], range: NumberRange): string {
  if (isEvery(numbers, range)) return '*';
  const step = stepOf(numbers, range);
  if (step !== undefined && numbers.length > 3) return `${two(range.least)}/${step}`;
  return listText(numbers, { between: '..', print: two });
}

const two = (number: number): string => String(number).padStart(2, '0');

const nthDates = (nth: number): string => `${two(nth * 7 - 6)}..${two(Math.min(31, nth * 7))}`;

const inexpressible = (what: string): AppError =>
  new AppError('input/invalid', `a timer of systemd cannot say ${what}`);
