import { nextDue, type DueTime, type ResolvedSchedule } from './schedule.ts';

/** How far an entry of the schedule has come, as the catalog remembers it. */
export interface SchedulePosition {
  readonly consideredUntil: number;
  readonly skipNext: number;
}

/** So much the clocks of several machines may differ. */
const tolerance = 5 * 60_000;
/** A clock that is set back by more than that was wrong before. */
const longestStepBack = 3 * 3_600_000;

/**
 * From when on runs are looked for. That is what was considered, but for a clock that was set back: what runs at fixed hours is not repeated, what runs at
 * intervals goes on from now, as with cron; after more than three hours everything goes on from now.
 */
export function lookFrom(
  { expression }: ResolvedSchedule,
  consideredUntil: number,
  now: number,
): number {
  const ahead = consideredUntil - now;
  if (ahead <= tolerance) return consideredUntil;
  const isFixed = expression?.kind === 'calendar' && expression.fixedHours;
  return isFixed && ahead <= longestStepBack ? consideredUntil : now;
}

/**
 * The next `count` runs of an entry, those that are overdue as one, without those that are to be left out. `at` of an overdue one is in the past. `key` as in
 * `nextDue`.
 */
export function upcomingRuns(
  schedule: ResolvedSchedule,
  position: SchedulePosition,
  now: number,
  key: string,
  count: number,
): DueTime[] {
  const found: DueTime[] = [];
  let left = position.skipNext;
  let after = lookFrom(schedule, position.consideredUntil, now);
  while (found.length < count) {
    const next = nextDue(schedule, after, key);
    if (next === undefined) break;
    if (left > 0) left--;
    else found.push(next);
    after = consideredAfter(schedule, next, Math.max(now, next.at), key, next.at < now);
  }
  return found;
}

/**
 * Until when everything has been dealt with once the run for `due` has begun at `now`: with what could have begun by now as well, and, if it makes up for
 * missed runs, with all that is due by now.
 */
export function consideredAfter(
  schedule: ResolvedSchedule,
  { due }: DueTime,
  now: number,
  key: string,
  wasMissed: boolean,
): number {
  if (wasMissed) return Math.max(due, now);
  const following = nextDue(schedule, due, key);
  return following !== undefined && following.at <= now ? Math.max(due, now) : due;
}
