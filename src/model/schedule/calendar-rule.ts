/**
 * Which moments of the calendar and the clock on the wall a schedule means: what cron expressions and systemd's calendar events are both read into.
 * Sets of small numbers are bit masks: bit n is set if n is in it.
 */
export interface CalendarRule {
  /** Sorted, at least one each. */
  readonly seconds: readonly number[];
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly days: DayRule;
  /** 1–12. */
  readonly months: number;
  /** All years if it is missing. */
  readonly years?: readonly YearRange[];
}

export interface YearRange {
  readonly from: number;
  readonly until: number;
  readonly step: number;
}

/** Which days of a month. */
export interface DayRule {
  /** 1–31. */
  readonly dates: number;
  /** Counted from the end of the month: 1 is its last day. */
  readonly fromEnd: number;
  /** The working day (Monday to Friday) of the month that is nearest to these dates, 1–31; bit 0 is the last working day of the month. */
  readonly nearestWorkingDays: number;
  /** 0 (Sunday) – 6. */
  readonly weekdays: number;
  /** Such as the second Friday; `nth` -1 is the last one. */
  readonly nthWeekdays: readonly { readonly weekday: number; readonly nth: number }[];
  /** A day fits if its date or its weekday does; otherwise both have to. */
  readonly either: boolean;
}

export const allDates = 0xff_ff_ff_fe;
export const allWeekdays = 0b111_1111;

const dayLength = 86_400_000;
/** 29 February that is a given weekday: 40 years at most, over 2100. */
const furthest = 41;

/**
 * The first moment from `from` on that fits, or `undefined` if there is none within 41 years. Both are what a clock on the wall shows, as milliseconds since
 * 1970 in UTC; whole seconds.
 */
export function nextWallTime(rule: CalendarRule, from: number): number | undefined {
  const first = Math.ceil(from / 1000) * 1000;
  const day = Math.floor(first / dayLength);
  const fitting = nextDay(rule, day);
  if (fitting === undefined) return undefined;
  if (fitting > day) return fitting * dayLength + firstTime(rule);
  const time = nextTime(rule, (first - day * dayLength) / 1000);
  if (time !== undefined) return day * dayLength + time;
  const later = nextDay(rule, day + 1);
  return later === undefined ? undefined : later * dayLength + firstTime(rule);
}

/** The first time of any day, in milliseconds. */
export function firstTime({ hours, minutes, seconds }: CalendarRule): number {
  return (hours[0]! * 3600 + minutes[0]! * 60 + seconds[0]!) * 1000;
}

/** The last one. */
export function lastTime({ hours, minutes, seconds }: CalendarRule): number {
  return (hours.at(-1)! * 3600 + minutes.at(-1)! * 60 + seconds.at(-1)!) * 1000;
}

/** The first fitting time of the day (in milliseconds) that is not before `from` (in seconds). */
function nextTime({ hours, minutes, seconds }: CalendarRule, from: number): number | undefined {
  const fromHour = Math.floor(from / 3600);
  const fromMinute = Math.floor(from / 60) % 60;
  const fromSecond = from % 60;
  for (const hour of hours) {
    if (hour < fromHour) continue;
    if (hour > fromHour) return (hour * 3600 + minutes[0]! * 60 + seconds[0]!) * 1000;
    for (const minute of minutes) {
      if (minute < fromMinute) continue;
      if (minute > fromMinute) return (hour * 3600 + minute * 60 + seconds[0]!) * 1000;
      const second = seconds.find((candidate) => candidate >= fromSecond);
      if (second !== undefined) return (hour * 3600 + minute * 60 + second) * 1000;
    }
  }
  return undefined;
}

/** The first fitting day from `from` on, in days since 1970. */
export function nextDay(rule: CalendarRule, from: number): number | undefined {
  const date = new Date(from * dayLength);
  let year = date.getUTCFullYear();
  let month = date.getUTCMonth() + 1;
  let least = date.getUTCDate();
  const lastYear = year + furthest;
  while (year <= lastYear) {
    if (!fitsYear(rule, year)) {
      year++;
      month = 1;
      least = 1;
      continue;
    }
    if ((rule.months & (1 << month)) !== 0) {
      const found = nextInMonth(rule.days, year, month, least);
      if (found !== undefined) return found;
    }
    least = 1;
    month++;
    if (month > 12) {
      month = 1;
      year++;
    }
  }
  return undefined;
}

function fitsYear({ years }: CalendarRule, year: number): boolean {
  return (
    years?.some(
      ({ from, until, step }) => year >= from && year <= until && (year - from) % step === 0,
    ) ?? true
  );
}

function nextInMonth(
  rule: DayRule,
  year: number,
  month: number,
  least: number,
): number | undefined {
  const before = Date.UTC(year, month - 1, 0) / dayLength;
  const length = Date.UTC(year, month, 0) / dayLength - before;
  for (let date = least; date <= length; date++) {
    if (fitsDay(rule, date, length, weekdayOf(before + date))) return before + date;
  }
  return undefined;
}

/** 1 January 1970 was a Thursday. */
const weekdayOf = (day: number): number => (((day + 4) % 7) + 7) % 7;

function fitsDay(rule: DayRule, date: number, length: number, weekday: number): boolean {
  const byWeekday = (rule.weekdays & (1 << weekday)) !== 0 || fitsNth(rule, date, length, weekday);
  if (rule.either ? byWeekday : !byWeekday) return byWeekday;
  return (
    (rule.dates & (1 << date)) !== 0 ||
    (rule.fromEnd & (1 << (length - date + 1))) !== 0 ||
    (rule.nearestWorkingDays !== 0 && fitsWorkingDay(rule, date, length, weekday))
  );
}

function fitsNth({ nthWeekdays }: DayRule, date: number, length: number, weekday: number): boolean {
  return nthWeekdays.some(
    (wanted) =>
      wanted.weekday === weekday &&
      (wanted.nth === -1 ? date + 7 > length : Math.ceil(date / 7) === wanted.nth),
  );
}

/** The last day may stand for itself (bit 31 of a short month does not count), for a Saturday before it or a Sunday after it, never over the end of the month. */
function fitsWorkingDay(
  { nearestWorkingDays: wanted }: DayRule,
  date: number,
  length: number,
  weekday: number,
): boolean {
  if (weekday === 0 || weekday === 6) return false;
  const isWanted = (other: number): boolean =>
    other >= 1 && other <= length && (wanted & (1 << other)) !== 0;
  if (isWanted(date)) return true;
  // A Friday stands for the Saturday after it, and for the Sunday too if the month ends with that.
  if (weekday === 5 && (isWanted(date + 1) || (date + 2 === length && isWanted(date + 2))))
    return true;
  // A Monday for the Sunday before it, and for the Saturday too if the month begins with that.
  if (weekday === 1 && (isWanted(date - 1) || (date === 3 && isWanted(1)))) return true;
  return (wanted & 1) !== 0 && isLastWorkingDay(date, length, weekday);
}

function isLastWorkingDay(date: number, length: number, weekday: number): boolean {
  return date === length || (weekday === 5 && date + 2 >= length);
}
