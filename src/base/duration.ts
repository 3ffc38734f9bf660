import { AppError } from './errors.ts';

/**
 * A span of time as people say it. Months and days are kept apart from milliseconds, because a month is not always as long and a
 * day with a change of the clocks is not 24 hours: `addDuration` in `time-zone.ts` goes by the calendar.
 */
export interface Duration {
  readonly months: number;
  readonly days: number;
  readonly milliseconds: number;
}

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

const isoPattern =
  /^P(?=[\dT])(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/u;

/**
 * Reads `90s`, `5m`, `2h`, `3D`, `1W`, `1M`, `1Y`, several of them in a row (`1W2D`), or ISO 8601 (`P1DT12H`). `m` is minutes and
 * `M` is months, as with duplicity and Duplicati; `d`, `w` and `y` may be lower case, `H` and `S` upper case. Throws
 * `input/invalid`.
 */
export function parseDuration(text: string): Duration {
  return parseWith(text, 'minutes');
}

/** The same, but `m` is months, as in restic's `--keep-within 2y5m7d3h`: nobody keeps snapshots for minutes. */
export function parsePeriod(text: string): Duration {
  return parseWith(text, 'months');
}

function parseWith(text: string, meaningOfM: 'minutes' | 'months'): Duration {
  const iso = isoPattern.exec(text);
  if (iso !== null) {
    const [years, months, weeks, days, hours, minutes, seconds] = iso
      .slice(1)
      .map((part) => Number(part ?? 0));
    return checked(text, {
      months: years! * 12 + months!,
      days: weeks! * 7 + days!,
      milliseconds: hours! * hour + minutes! * minute + seconds! * second,
    });
  }
  if (!/^(?:\d+[smhHSdDwWMyY])+$/u.test(text)) {
    throw new AppError('input/invalid', `"${text}" is not a duration`, {
      hint: 'Write a number with a unit (s, m, h, D, W, M, Y), such as 90s, 3D or 1W2D',
    });
  }
  let months = 0;
  let days = 0;
  let milliseconds = 0;
  for (const [, digits, unit] of text.matchAll(/(\d+)([a-zA-Z])/gu)) {
    const amount = Number(digits);
    if (unit === 'm' && meaningOfM === 'months') months += amount;
    else if (unit === 's' || unit === 'S') milliseconds += amount * second;
    else if (unit === 'm') milliseconds += amount * minute;
    else if (unit === 'h' || unit === 'H') milliseconds += amount * hour;
    else if (unit === 'd' || unit === 'D') days += amount;
    else if (unit === 'w' || unit === 'W') days += amount * 7;
    else if (unit === 'M') months += amount;
    else months += amount * 12;
  }
  return checked(text, { months, days, milliseconds });
}

/** Nothing that a calendar cannot hold: a thousand years is enough for a backup. */
function checked(text: string, duration: Duration): Duration {
  if (durationMilliseconds(duration) > 1000 * 366 * day) {
    throw new AppError('input/invalid', `The duration "${text}" is too long`);
  }
  return duration;
}

/** The length in milliseconds where no calendar is at hand: a month counts as 30 days, a year as 365. */
export function durationMilliseconds(duration: Duration): number {
  const years = Math.trunc(duration.months / 12);
  return (
    years * 365 * day +
    (duration.months % 12) * 30 * day +
    duration.days * day +
    duration.milliseconds
  );
}

/** A length for people, in its two largest units: `0 s`, `42 s`, `5 min 03 s`, `1 h 05 min`, `3 d 04 h`. */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.round(Math.max(0, milliseconds) / second);
  const two = (value: number): string => String(value).padStart(2, '0');
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.trunc(seconds / 60)} min ${two(seconds % 60)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 1440) return `${Math.trunc(minutes / 60)} h ${two(minutes % 60)} min`;
  const hours = Math.round(minutes / 60);
  return `${Math.trunc(hours / 24)} d ${two(hours % 24)} h`;
}
