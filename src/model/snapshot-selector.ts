import { type Duration, parseDuration } from '../base/duration.ts';
import { AppError } from '../base/errors.ts';
import { addDuration, formatTime, instantOf } from '../base/time-zone.ts';
import type { Snapshot } from './snapshot.ts';
import { compareNewestFirst } from './snapshot-group.ts';

/** What a relative or local time is understood by. */
export interface TimeContext {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** IANA name. */
  readonly timeZone: string;
}

const date = String.raw`\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?:Z|[+-]\d{2}(?::?\d{2})?)?)?`;
const datePattern =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(Z|[+-]\d{2}(?::?\d{2})?)?)?$/u;

/**
 * Splits `SNAPSHOT[:PATH]`. The snapshot may be a time with colons, the path may contain colons (`latest:C:\x`); an empty
 * snapshot (`:/etc`) means `latest`.
 */
export function splitSnapshotPath(text: string): { snapshot: string; path: string | undefined } {
  const match =
    new RegExp(`^(${date})(?::(.*))?$`, 'su').exec(text) ?? /^([^:]*)(?::(.*))?$/su.exec(text)!;
  return { snapshot: match[1] === '' ? 'latest' : match[1]!, path: match[2] };
}

/**
 * Reads a point in time: `now`; a length of time before now (`3D`, `1W2D`, `3D ago`); a date (its first moment) or date and time,
 * in the zone of the context unless it names one (`2026-11-01T10:00+02:00`). Throws `input/invalid`.
 */
export function parseTime(text: string, context: TimeContext): number {
  const time = timeOf(text, context);
  if (time === undefined) {
    throw new AppError('input/invalid', `"${text}" is not a time`, {
      hint: 'Write a date (2026-11-01), a date and time (2026-11-01T10:00) or how long ago (3D, 2h)',
    });
  }
  return time;
}

function timeOf(text: string, { now, timeZone }: TimeContext): number | undefined {
  if (text === 'now') return now;
  const ago = durationOf(text.replace(/ ago$/u, ''));
  if (ago !== undefined) return addDuration(now, ago, -1, timeZone);
  const match = datePattern.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match
    .slice(1, 7)
    .map((digits) => Number(digits ?? 0));
  const millisecond = Number((match[7] ?? '').padEnd(3, '0').slice(0, 3));
  const fields = {
    year: year!,
    month: month!,
    day: day!,
    hour: hour!,
    minute: minute!,
    second: second!,
    millisecond,
  };
  const utc = instantOf(fields, 'UTC');
  // Fields out of range (the 30th of February) come out as another date.
  const shown = new Date(utc).toISOString();
  if (
    !shown.startsWith(
      `${match[1]}-${match[2]}-${match[3]}T${match[4] ?? '00'}:${match[5] ?? '00'}:${match[6] ?? '00'}`,
    )
  ) {
    return undefined;
  }
  const zone = match[8];
  if (zone === undefined) return instantOf(fields, timeZone);
  if (zone === 'Z') return utc;
  const [, sign, hours, minutes = '00'] = /^([+-])(\d{2}):?(\d{2})?$/u.exec(zone)!;
  return utc - (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}

function durationOf(text: string): Duration | undefined {
  try {
    return parseDuration(text);
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

/**
 * Finds the snapshot that is meant: `latest` (the newest complete one), an id or at least four digits of its beginning (also of an
 * unfinished one), or a time (the newest complete one that is not younger). Throws `snapshot/missing`, or `input/invalid` with the
 * candidates if several are meant.
 */
export function selectSnapshot(
  snapshots: readonly Snapshot[],
  selector: string,
  context: TimeContext,
): Snapshot {
  const complete = snapshots
    .filter(({ state }) => state === 'complete')
    .toSorted(compareNewestFirst);
  if (selector === 'latest') {
    if (complete[0] === undefined) throw missing('There is no complete snapshot');
    return complete[0];
  }
  const named = /^(?:[0-9a-f]{4,31}|[0-9a-fA-F]{32})$/u.test(selector)
    ? snapshots.filter(({ id }) => id.startsWith(selector.toLowerCase()))
    : [];
  const time = timeOf(selector, context);
  if (named.length > 0 && time !== undefined) {
    throw new AppError(
      'input/invalid',
      `"${selector}" is the beginning of an id and a length of time`,
      {
        hint: `Write "${selector.toUpperCase()}" for the time, or more of the id "${named[0]!.id}"`,
      },
    );
  }
  if (named.length > 1) {
    const candidates = named.toSorted(compareNewestFirst).slice(0, 5);
    const list = candidates.map(
      ({ id, time: made }) => `${id} (${formatTime(made, context.timeZone)})`,
    );
    throw new AppError(
      'input/invalid',
      `"${selector}" is the beginning of ${named.length} snapshots`,
      {
        hint: `Write more of the id: ${list.join(', ')}${named.length > list.length ? ', …' : ''}`,
      },
    );
  }
  if (named[0] !== undefined) return named[0];
  if (time === undefined) throw missing(`There is no snapshot "${selector}"`);
  const found = complete.find((snapshot) => snapshot.time <= time);
  if (found !== undefined) return found;
  const oldest = complete.at(-1);
  const when = formatTime(time, context.timeZone);
  if (oldest === undefined) throw missing('There is no complete snapshot');
  throw new AppError('snapshot/missing', `There is no complete snapshot as old as ${when}`, {
    hint: `The oldest one is of ${formatTime(oldest.time, context.timeZone)}`,
  });
}

function missing(message: string): AppError {
  return new AppError('snapshot/missing', message, { hint: 'List them with "holdfast snapshots"' });
}
