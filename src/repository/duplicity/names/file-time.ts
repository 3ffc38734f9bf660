/**
 * The times in duplicity's file names (docs/formats/duplicity.md 2, 2.1): whole seconds since 1970, in one of three spellings. Reading
 * accepts what duplicity's general time parser accepts, but for intervals ("3D"): what such a name means would change from
 * day to day.
 */

/** How names are written: UTC without separators, base 36, or local time with its zone. */
export type NameStyle = 'standard' | 'short' | 'old';

/**
 * The time a long name means, in seconds since 1970; `undefined` when it is no time, or 0, which duplicity does not accept.
 * Letters may be of either case.
 */
export function parseFileTime(text: string, timeSeparator: string): number | undefined {
  const upper = text.toUpperCase();
  const time =
    epochSeconds(upper) ??
    compactTime(upper) ??
    zonedTime(upper, timeSeparator.toUpperCase()) ??
    localDate(upper);
  return time === undefined || time === 0 || !Number.isSafeInteger(time) ? undefined : time;
}

/** A number in base 36, or `undefined` beyond 2^53. */
export function parseBase36(text: string): number | undefined {
  const number = Number.parseInt(text, 36);
  return Number.isSafeInteger(number) ? number : undefined;
}

/** "20231114T221320Z". */
export function formatCompactTime(time: number): string {
  return new Date(time * 1000).toISOString().replaceAll(/[-:]|\.\d+/gu, '');
}

/**
 * "2023-11-14T17:13:20-05:00" in the zone of this machine. For zones west of UTC whose offset is no whole hour duplicity rounds
 * the hours down and gives the minutes that are then missing ("-04:30" for three hours and a half), and reads it so too.
 */
export function formatLocalTime(time: number, separator: string): string {
  const date = new Date(time * 1000);
  const day = [
    String(date.getFullYear()).padStart(4, '0'),
    two(date.getMonth() + 1),
    two(date.getDate()),
  ].join('-');
  const clock = [two(date.getHours()), two(date.getMinutes()), two(date.getSeconds())];
  const offset = -date.getTimezoneOffset();
  return `${day}T${clock.join(separator)}${formatOffset(offset, separator)}`;
}

function formatOffset(minutes: number, separator: string): string {
  if (minutes === 0) return 'Z';
  const hours = Math.floor(minutes / 60);
  return `${minutes > 0 ? '+' : '-'}${two(Math.abs(hours))}${separator}${two(minutes - hours * 60)}`;
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}

function epochSeconds(text: string): number | undefined {
  return /^[0-9]+$/u.test(text) ? Number(text) : undefined;
}

/** duplicity looks only at the length: whatever is the sixteenth character. */
function compactTime(text: string): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d).$/su.exec(text);
  return match === null ? undefined : utcTime(match.slice(1).map(Number));
}

function zonedTime(text: string, separator: string): number | undefined {
  const match = /^(\d{4})-(\d\d)-(\d\d)T(\d\d)(.)(\d\d)(.)(\d\d)(.*)$/su.exec(text);
  if (match === null || match[5] !== separator || match[7] !== separator) return undefined;
  const fields = [1, 2, 3, 4, 6, 8].map((group) => Number(match[group]));
  const time = utcTime(fields);
  const zone = match[9] ?? '';
  const offset = zone === '' ? standardOffset(fields[0] ?? 0) : parseOffset(zone, separator);
  return time === undefined || offset === undefined ? undefined : time - offset;
}

/** Seconds ahead of UTC. The minutes always count eastwards, as they are written; see `formatLocalTime`. */
function parseOffset(zone: string, separator: string): number | undefined {
  if (zone === 'Z') return 0;
  const match = /^([+-]\d\d)(.)(\d\d)$/su.exec(zone);
  if (match === null || match[2] !== separator) return undefined;
  return 60 * (60 * Number(match[1]) + Number(match[3]));
}

/** Midnight of a date, by the clock of this machine without daylight saving. */
function localDate(text: string): number | undefined {
  const match =
    /^(?<year>\d{4})[-/](?<month>\d{1,2})[-/](?<day>\d{1,2})$/u.exec(text) ??
    /^(?<month>\d{1,2})[-/](?<day>\d{1,2})[-/](?<year>\d{4})$/u.exec(text) ??
    /^(?<year>\d{4})(?<month>\d\d)(?<day>\d\d)Z$/u.exec(text);
  if (match?.groups === undefined) return undefined;
  const { year, month, day } = match.groups;
  const time = utcTime([Number(year), Number(month), Number(day), 0, 0, 0]);
  return time === undefined ? undefined : time - standardOffset(Number(year));
}

/** Seconds ahead of UTC that this machine's zone is when there is no daylight saving. */
function standardOffset(year: number): number {
  const behind = [0, 6].map((month) => new Date(year, month, 1).getTimezoneOffset());
  return -60 * Math.max(...behind);
}

/** duplicity lets a day run over the end of its month, and seconds go up to 61. */
function utcTime(fields: readonly number[]): number | undefined {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = fields;
  if (year <= 1900 || year >= 2100 || month < 1 || month > 12 || day < 1 || day > 31) {
    return undefined;
  }
  if (hour > 23 || minute > 59 || second > 61) return undefined;
  return Date.UTC(year, month - 1, day, hour, minute, second) / 1000;
}
