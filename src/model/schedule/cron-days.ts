import { allDates, allWeekdays, type DayRule } from './calendar-rule.ts';
import {
  dateField,
  invalidField,
  maskOf,
  numberOf,
  parseField,
  weekdayField,
} from './cron-field.ts';

/**
 * The days that the fields for the day of the month and the day of the week of a cron expression mean together. As with cron, a day fits if either does when
 * both are restricted; a field that begins with `*` (or is `?`) is not, so `*` with a step and a weekday have to fit both.
 *
 * Besides numbers: `L` (last day), `L-2` (two days before it), `15W` (working day nearest to the 15th), `LW` (last working day); `5#3` or `FRI#3` (third
 * Friday), `5L` (last Friday).
 *
 * @throws AppError `input/invalid`
 */
export function parseCronDays(date: string, weekday: string): DayRule {
  return {
    ...parseDates(date),
    ...parseWeekdays(weekday),
    either: !/^[*?]/u.test(date) && !/^[*?]/u.test(weekday),
  };
}

function parseDates(text: string): Pick<DayRule, 'dates' | 'fromEnd' | 'nearestWorkingDays'> {
  if (text === '*' || text === '?') return { dates: allDates, fromEnd: 0, nearestWorkingDays: 0 };
  const plain: string[] = [];
  let fromEnd = 0;
  let nearestWorkingDays = 0;
  for (const item of text.split(',')) {
    const last = /^L(?:-(\d{1,2}))?$/iu.exec(item);
    const near = /^(\d{1,2})W$/iu.exec(item);
    if (last !== null) {
      const before = Number(last[1] ?? 0);
      if (before > 30) throw invalidField(text, dateField, 'a month has at most 31 days');
      fromEnd |= 1 << (before + 1);
    } else if (near !== null) nearestWorkingDays |= 1 << numberOf(near[1]!, text, dateField);
    else if (/^(?:LW|WL)$/iu.test(item)) nearestWorkingDays |= 1;
    else plain.push(item);
  }
  const dates = plain.length === 0 ? 0 : maskOf(parseField(plain.join(','), dateField));
  return { dates, fromEnd, nearestWorkingDays };
}

function parseWeekdays(text: string): Pick<DayRule, 'weekdays' | 'nthWeekdays'> {
  if (text === '*' || text === '?') return { weekdays: allWeekdays, nthWeekdays: [] };
  const plain: string[] = [];
  const nthWeekdays: { weekday: number; nth: number }[] = [];
  for (const item of text.split(',')) {
    const counted = /^([a-z\d]+)#([a-z\d]+)$/iu.exec(item);
    const last = /^([a-z]{3,}?|\d)L$/iu.exec(item);
    if (counted !== null) {
      const nth = /^L$/iu.test(counted[2]!) ? -1 : Number(counted[2]);
      if (nth !== -1 && !(nth >= 1 && nth <= 5))
        throw invalidField(text, weekdayField, 'what follows "#" is 1 to 5, or L for the last');
      nthWeekdays.push({ weekday: numberOf(counted[1]!, text, weekdayField) % 7, nth });
    } else if (/^L$/iu.test(item)) {
      throw invalidField(text, weekdayField, 'say which one: 5L is the last Friday of the month');
    } else if (last !== null) {
      nthWeekdays.push({ weekday: numberOf(last[1]!, text, weekdayField) % 7, nth: -1 });
    } else plain.push(item);
  }
  return {
    weekdays: plain.length === 0 ? 0 : maskOf(parseField(plain.join(','), weekdayField)),
    nthWeekdays,
  };
}
