import { readlinkSync } from 'node:fs';

import { AppError } from './errors.ts';
import type { Duration } from './duration.ts';

/** A point in time as a calendar and a clock on the wall show it. `month` is 1–12, `weekday` 0 (Sunday) – 6. */
export interface LocalFields {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly millisecond: number;
  readonly weekday: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatFor(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone);
  if (format === undefined) {
    try {
      format = new Intl.DateTimeFormat('en-US', {
        timeZone,
        calendar: 'gregory',
        hourCycle: 'h23',
        era: 'short',
        year: 'numeric',
        month: 'numeric',
        day: 'numeric',
        hour: 'numeric',
        minute: 'numeric',
        second: 'numeric',
      });
    } catch (error) {
      throw new AppError('input/invalid', `There is no time zone "${timeZone}"`, { cause: error });
    }
    formats.set(timeZone, format);
  }
  return format;
}

/** The IANA name of the zone this machine is set to; `UTC` if `TZ` is empty or names none. */
export function systemTimeZone(): string {
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions() as { timeZone?: string };
  // What the runtime calls it then is nothing that it would take itself.
  return timeZone === undefined || timeZone === 'Etc/Unknown' ? 'UTC' : timeZone;
}

/** Whether the runtime knows a zone by this name. */
export function isTimeZone(name: string): boolean {
  try {
    formatFor(name);
    return true;
  } catch {
    return false;
  }
}

/** Whether a machine with this `TZ`, if any, plainly goes by UTC, as servers and containers mostly do. To ask for its zone loads the tables of all, which takes a while. */
export function goesByUtc(given: string | undefined): boolean {
  if (given !== undefined) return utcNames.test(given);
  try {
    const file = readlinkSync('/etc/localtime');
    return utcNames.test(file.replace(/^.*\/zoneinfo\//u, ''));
  } catch {
    return false;
  }
}

const utcNames = /^(?:Etc\/)?(?:UTC|UCT|Universal|Zulu)$/u;

/** `Date.UTC` without its rule that the years 0–99 mean 1900–1999. */
function utc(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second, 0);
  return date.getTime();
}

/** How far the clocks of a zone are ahead of UTC at a point in time, in milliseconds. */
export function offsetAt(time: number, timeZone: string): number {
  if (timeZone === 'UTC') return 0;
  const parts = { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0 };
  let beforeChrist = false;
  for (const { type, value } of formatFor(timeZone).formatToParts(time)) {
    if (type in parts) parts[type as keyof typeof parts] = Number(value);
    else if (type === 'era') beforeChrist = value.startsWith('B');
  }
  const year = beforeChrist ? 1 - parts.year : parts.year;
  const shown = utc(year, parts.month, parts.day, parts.hour, parts.minute, parts.second);
  return shown - Math.floor(time / 1000) * 1000;
}

/** What the calendar and the clock of a zone (an IANA name) show at `time` (milliseconds since 1970). */
export function localFields(time: number, timeZone: string): LocalFields {
  const shifted = new Date(time + offsetAt(time, timeZone));
  return {
    year: shifted.getUTCFullYear(),
    month: shifted.getUTCMonth() + 1,
    day: shifted.getUTCDate(),
    hour: shifted.getUTCHours(),
    minute: shifted.getUTCMinutes(),
    second: shifted.getUTCSeconds(),
    millisecond: shifted.getUTCMilliseconds(),
    weekday: shifted.getUTCDay(),
  };
}

/**
 * The point in time at which a zone shows these fields. A time that is shown twice (clocks go back) means the first; a time that is
 * never shown (clocks go forward) means as much later as the clocks jump.
 */
export function instantOf(fields: Omit<LocalFields, 'weekday'>, timeZone: string): number {
  const shown =
    utc(fields.year, fields.month, fields.day, fields.hour, fields.minute, fields.second) +
    fields.millisecond;
  const hours24 = 86_400_000;
  const before = shown - offsetAt(shown - hours24, timeZone);
  const after = shown - offsetAt(shown + hours24, timeZone);
  const fitting = [before, after].filter((time) => time + offsetAt(time, timeZone) === shown);
  return fitting.length === 0 ? before : Math.min(...fitting);
}

/**
 * A point in time that is a duration later (`sign` 1) or earlier (-1). Months and days go by the calendar of the zone, so that "1M"
 * before the 31st is the last day of a shorter month and "1D" keeps the time of day; then the rest goes by the clock.
 */
export function addDuration(
  time: number,
  duration: Duration,
  sign: 1 | -1,
  timeZone: string,
): number {
  const rest = sign * duration.milliseconds;
  if (duration.months === 0 && duration.days === 0) return time + rest;
  const fields = localFields(time, timeZone);
  const month = fields.month - 1 + sign * duration.months;
  const year = fields.year + Math.floor(month / 12);
  const monthInYear = (((month % 12) + 12) % 12) + 1;
  const lastDay = new Date(utc(year, monthInYear + 1, 0, 0, 0, 0)).getUTCDate();
  const day = Math.min(fields.day, lastDay) + sign * duration.days;
  return instantOf({ ...fields, year, month: monthInYear, day }, timeZone) + rest;
}

/** Date and time for people, in a zone: `2026-11-01 10:00:00`. */
export function formatTime(time: number, timeZone: string): string {
  const fields = localFields(time, timeZone);
  const two = (value: number): string => String(value).padStart(2, '0');
  const date = `${String(fields.year).padStart(4, '0')}-${two(fields.month)}-${two(fields.day)}`;
  return `${date} ${two(fields.hour)}:${two(fields.minute)}:${two(fields.second)}`;
}
