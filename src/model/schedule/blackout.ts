import { AppError } from '../../base/errors.ts';
import { instantOfWall, spanAt } from '../../base/zone-offsets.ts';
import type { BlackoutWindow } from '../job-schedule.ts';
import { weekdayNames } from './cron-field.ts';

/** Hours in which no run begins, by the clocks of a zone. */
export interface Blackout {
  readonly timeZone: string;
  /** Milliseconds after midnight. */
  readonly from: number;
  /** The same; more than a day if it ends on the next one. */
  readonly until: number;
  /** Bit mask of the weekdays on which it begins, 0 (Sunday) – 6. */
  readonly days: number;
}

const day = 86_400_000;

/** @throws AppError `input/invalid` */
export function resolveBlackout(window: BlackoutWindow, timeZone: string): Blackout {
  const from = timeOf(window.from);
  const until = timeOf(window.until);
  const days =
    window.days === undefined || window.days.length === 0
      ? 0b111_1111
      : window.days.reduce((mask, name) => mask | (1 << weekdayOf(name)), 0);
  return { timeZone, from: from % day, until: until > from ? until : until + day, days };
}

/**
 * Sees to it that windows leave time for runs at all.
 *
 * @throws AppError `input/invalid`
 */
export function checkBlackouts(windows: readonly Blackout[]): void {
  // A week and a day without a change of the clocks in most zones; any other would do as well.
  const reference = Date.UTC(2026, 0, 5);
  if (windows.length > 0 && leaveBlackouts(windows, reference) - reference > 8 * day)
    throw new AppError('input/invalid', 'The blackout windows leave no time for runs');
}

/** The first moment from `time` on that is in none of the windows. */
export function leaveBlackouts(windows: readonly Blackout[], time: number): number {
  let left = time;
  // Windows that leave no time at all are refused by `checkBlackouts`; it has to end for them too.
  while (left - time <= 9 * day) {
    const around = windowAround(windows, left);
    if (around === undefined) break;
    left = around.end;
  }
  return left;
}

/** When the windows began without a pause that `time` lies in; `time` if it is in none. */
export function beginOfBlackouts(windows: readonly Blackout[], time: number): number {
  let begun = time;
  while (time - begun <= 9 * day) {
    const around = windowAround(windows, begun) ?? windowAround(windows, begun - 1);
    if (around === undefined || around.start >= begun) break;
    begun = around.start;
  }
  return begun;
}

/** The window that a time is in. */
function windowAround(
  windows: readonly Blackout[],
  time: number,
): { readonly start: number; readonly end: number } | undefined {
  for (const { timeZone, from, until, days } of windows) {
    const today = Math.floor((time + spanAt(timeZone, time).offset) / day);
    for (const begin of [today, today - 1]) {
      if ((days & (1 << ((begin + 4) % 7))) === 0) continue;
      const start = instantOfWall(timeZone, begin * day + from);
      const end = instantOfWall(timeZone, begin * day + until);
      if (start <= time && time < end) return { start, end };
    }
  }
  return undefined;
}

function timeOf(text: string): number {
  const [, hours, minutes] = /^(\d{1,2}):(\d{2})$/u.exec(text) ?? [];
  const time = (Number(hours) * 60 + Number(minutes)) * 60_000;
  if (Number.isNaN(time) || Number(minutes) > 59 || time > day)
    throw new AppError('input/invalid', `"${text}" is not a time of the day such as 22:30`);
  return time;
}

function weekdayOf(name: string): number {
  const weekday = weekdayNames[name.toLowerCase()];
  if (weekday === undefined)
    throw new AppError('input/invalid', `"${name}" is not a day of the week such as mon`);
  return weekday;
}
