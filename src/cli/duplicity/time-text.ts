import { instantOf } from '../../base/time-zone.ts';
import { fatal, exitCodes } from './fatal.ts';

const unitSeconds: Readonly<Record<string, number>> = {
  s: 1,
  m: 60,
  h: 3600,
  D: 86_400,
  W: 7 * 86_400,
  M: 30 * 86_400,
  Y: 365 * 86_400,
};

const interval = /^(?:\d+[smhDWMY])+$/u;
const dateTime =
  /^(?<year>\d{4})-?(?<month>\d{2})-?(?<day>\d{2})T(?<hour>\d{2})[:_-]?(?<minute>\d{2})[:_-]?(?<second>\d{2})(?<zone>Z|[+-]\d{2}:?\d{2})?$/u;
const dates = [
  /^(?<year>\d{4})[-/](?<month>\d{1,2})[-/](?<day>\d{1,2})$/u,
  /^(?<month>\d{1,2})[-/](?<day>\d{1,2})[-/](?<year>\d{4})$/u,
  /^(?<year>\d{4})(?<month>\d{2})(?<day>\d{2})Z$/u,
];

/** Seconds that an interval such as `1h78m` lasts (a month has 30 days, a year 365); `undefined` for other texts. */
export function intervalSeconds(text: string): number | undefined {
  if (!interval.test(text)) return undefined;
  let seconds = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)([smhDWMY])/gu)) {
    seconds += Number(count) * unitSeconds[unit!]!;
  }
  return seconds;
}

/**
 * A point in time as duplicity's users write it, in seconds since 1970: `now`, epoch seconds, a W3C date and time, an interval before `now` (seconds), a date (midnight here, by the
 * clock of winter).
 *
 * @throws AppError exit code 2 for anything else
 */
export function parseTime(text: string, now: number, timeZone: string): number {
  if (text === 'now') return now;
  if (/^\d+$/u.test(text)) return Number(text);
  const before = intervalSeconds(text);
  if (before !== undefined) return now - before;
  const exact = dateTime.exec(text.toUpperCase())?.groups;
  if (exact !== undefined) {
    const zone = exact['zone'];
    const utc = utcSeconds(exact, text);
    return utc - (zone === undefined ? standardOffset(utc, timeZone) : zoneSeconds(zone));
  }
  for (const form of dates) {
    const groups = form.exec(text)?.groups;
    if (groups === undefined) continue;
    const utc = utcSeconds(groups, text);
    return utc - standardOffset(utc, timeZone);
  }
  throw badTime(text);
}

function utcSeconds(groups: Record<string, string>, text: string): number {
  const [year, month, day, hour, minute, second] = [
    'year',
    'month',
    'day',
    'hour',
    'minute',
    'second',
  ].map((name) => Number(groups[name] ?? 0)) as [number, number, number, number, number, number];
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  const fits =
    date.getUTCMonth() === month - 1 &&
    date.getUTCDate() === day &&
    hour < 24 &&
    minute < 60 &&
    second < 62;
  if (!fits) throw badTime(text);
  return date.getTime() / 1000;
}

function zoneSeconds(zone: string): number {
  if (zone === 'Z') return 0;
  const [, sign, hours, minutes] = /^([+-])(\d{2}):?(\d{2})$/u.exec(zone) ?? [];
  return (sign === '-' ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60);
}

/** How far a zone is ahead of UTC without daylight saving, in seconds: the lesser of winter and summer of that year. */
function standardOffset(utc: number, timeZone: string): number {
  const year = new Date(utc * 1000).getUTCFullYear();
  const offsets = [1, 7].map((month) => {
    const fields = { year, month, day: 1, hour: 0, minute: 0, second: 0, millisecond: 0 };
    return (Date.UTC(year, month - 1, 1) - instantOf(fields, timeZone)) / 1000;
  });
  return Math.min(...offsets);
}

function badTime(text: string): Error {
  return fatal(
    exitCodes.commandLine,
    `Bad time string "'${text}'"

The acceptible time strings are intervals (like "3D64s"), w3-datetime
strings, like "2002-04-26T04:22:01-07:00" (strings like
"2002-04-26T04:22:01" are also acceptable - duplicity will use the
current time zone), or ordinary dates like 2/4/1997 or 2001-04-23
(various combinations are acceptable, but the month always precedes
the day).`,
  );
}
