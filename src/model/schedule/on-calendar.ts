import { AppError } from '../../base/errors.ts';
import {
  allDates,
  allWeekdays,
  type CalendarRule,
  type DayRule,
  type YearRange,
} from './calendar-rule.ts';
import {
  dateField,
  type FieldKind,
  hourField,
  maskOf,
  minuteField,
  monthField,
  secondField,
  weekdayField,
  weekdayNames,
} from './cron-field.ts';

/** What a calendar event means, as in `parseCron`. */
export interface CalendarEvent {
  readonly kind: 'calendar';
  readonly rule: CalendarRule;
  readonly fixedHours: boolean;
  readonly timeZone?: string;
}

const yearField: FieldKind = { title: 'year', least: 1970, most: 2199 };

const weekdayList = /^[a-z]{3,9}(?:(?:,|\.\.|-)[a-z]{3,9})*,?$/iu;
const dateText = /^(?:[\d*.,/]+-)?[\d*.,/]+[-~][\d*.,/]+$/u;
const timeText = /^[\d*.,/]+:[\d*.,/]+(?::[\d*.,/]+)?$/u;

const isWeekdays = (word: string): boolean =>
  weekdayList.test(word) &&
  word.split(/,|\.\.|-/u).every((name) => name === '' || name.toLowerCase() in weekdayNames);

/** Whether a text is meant as a calendar event of systemd rather than as a cron expression. */
export function looksLikeCalendarEvent(text: string): boolean {
  const [first = '', ...others] = text.split(' ');
  if (text.includes(':')) return true;
  if (isWeekdays(first)) return others.length < 3;
  return dateText.test(first) && (others.length === 0 || /^[a-z/_]+$/iu.test(others.join('/')));
}

/**
 * Reads a calendar event of systemd (systemd.time(7)): `[weekdays] [[year-]month-day] [hour:minute[:second]] [zone]`, with `*`, lists, `..`, `/step`, and `~`
 * for days from the end of the month.
 *
 * @throws AppError `input/invalid`
 */
export function parseCalendarEvent(text: string): CalendarEvent {
  const words = text.split(' ');
  const next = (fits: (word: string) => boolean): string | undefined =>
    words[0] !== undefined && fits(words[0]) ? words.shift() : undefined;
  try {
    const weekdays = next(isWeekdays);
    const date = next((word) => dateText.test(word));
    const time = next((word) => timeText.test(word));
    const isBegun = (weekdays ?? date ?? time) !== undefined;
    const timeZone = next((word) => isBegun && /^[a-z][\w+-]*(?:\/[\w+-]+)*$/iu.test(word));
    if (words.length > 0)
      throw new AppError('input/invalid', `"${words[0]}" is no part of a calendar event`);
    const [hour, minute, second] = (time ?? '00:00:00').split(':') as [string, string, string?];
    const days = parseDate(date ?? '*-*');
    const rule: CalendarRule = {
      seconds: parseComponent(second ?? '0', secondField),
      minutes: parseComponent(minute, minuteField),
      hours: parseComponent(hour, hourField),
      months: days.months,
      ...(days.years !== undefined && { years: days.years }),
      days: { ...days.days, weekdays: parseWeekdays(weekdays) },
    };
    return {
      kind: 'calendar',
      rule,
      fixedHours: !/^\*|^\d+\/\d+$/u.test(hour) && rule.hours.length < 24,
      ...(timeZone !== undefined && { timeZone }),
    };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError('input/invalid', `Cannot read the schedule "${text}": ${error.message}`, {
      cause: error,
      hint:
        error.hint ??
        'Calendar events are written as those of systemd, such as Mon..Fri 02:00, *-*-01 03:00:00 or *:0/15',
    });
  }
}

function parseWeekdays(text: string | undefined): number {
  if (text === undefined) return allWeekdays;
  const found: number[] = [];
  for (const item of text.replace(/,$/u, '').split(',')) {
    const [first = '', last = first] = item
      .split(/\.\.|-/u)
      .map((name) => weekdayNames[name.toLowerCase()]);
    if (first === '' || last === '')
      throw new AppError('input/invalid', `"${item}" is no ${weekdayField.title}`);
    for (let day = first; day <= (last < first ? last + 7 : last); day++) found.push(day % 7);
  }
  return maskOf(found);
}

interface DateParts {
  readonly years: readonly YearRange[] | undefined;
  readonly months: number;
  readonly days: Omit<DayRule, 'weekdays'>;
}

function parseDate(text: string): DateParts {
  const fromEnd = text.includes('~');
  const parts = text.split(/[-~]/u);
  const [day, month, year] = parts.reverse() as [string, string, string?];
  const days = {
    dates: 0,
    fromEnd: 0,
    nearestWorkingDays: 0,
    nthWeekdays: [],
    either: false,
    [fromEnd ? 'fromEnd' : 'dates']:
      day === '*'
        ? allDates
        : maskOf(parseComponent(day, dateField, fromEnd ? 'downwards' : 'upwards')),
  };
  return {
    years: year === undefined || year === '*' ? undefined : parseYears(year),
    months: maskOf(parseComponent(month, monthField)),
    days,
  };
}

/** Steps without an end go to the largest number, or, where days are counted from the end of the month, to its last one. */
function parseComponent(
  text: string,
  kind: FieldKind,
  direction: 'upwards' | 'downwards' = 'upwards',
): number[] {
  const found = new Set<number>();
  for (const { from, until, step, isOpen } of parseRanges(text, kind)) {
    if (isOpen && direction === 'downwards') {
      for (let value = from; value >= kind.least; value -= step) found.add(value);
    } else for (let value = from; value <= until; value += step) found.add(value);
  }
  return [...found].sort((left, right) => left - right);
}

const parseYears = (text: string): YearRange[] => [...parseRanges(text, yearField)];

function* parseRanges(text: string, kind: FieldKind): Iterable<YearRange & { isOpen: boolean }> {
  for (const item of text.split(',')) {
    const match = /^(?:(\*)|(\d{1,4})(?:\.\.(\d{1,4}))?)(?:\/(\d{1,4}))?$/u.exec(item);
    const what = `The ${kind.title} "${text}" is not valid`;
    if (match === null) throw new AppError('input/invalid', what);
    const [, star, first, last, stepText] = match;
    const isOpen = last === undefined && stepText !== undefined;
    const from = star === undefined ? Number(first) : kind.least;
    const until = star !== undefined || isOpen ? kind.most : Number(last ?? first);
    const step = Number(stepText ?? 1);
    if (from < kind.least || until > kind.most)
      throw new AppError('input/invalid', `${what}: it goes from ${kind.least} to ${kind.most}`);
    if (until < from || step < 1)
      throw new AppError('input/invalid', `${what}: it means nothing at all`);
    yield { from, until, step, isOpen };
  }
}
