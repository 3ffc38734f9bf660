import type { ScheduledEntry } from '../../configuration/periodicities.ts';
import type { ScheduleState } from '../../catalog/catalog.ts';
import { leaveBlackouts } from '../../model/schedule/blackout.ts';
import { jitterKey } from '../../model/schedule/jitter.ts';
import { type DueTime, nextDue } from '../../model/schedule/schedule.ts';
import { lookFrom } from '../../model/schedule/schedule-position.ts';

/** An entry of the schedule and what comes next for it. */
export interface PlannedEntry extends ScheduledEntry {
  /** What the entry's jitter is reckoned from. */
  readonly key: string;
  state: ScheduleState;
  /** Missing when nothing will ever be due again. */
  next: DueTime | undefined;
  /** When the scheduler turns to it: later than `next.at` if a missed run is made up for, or something has put it off. */
  at: number;
}

/** What planning depends on besides the entry. */
export interface PlanMoment {
  readonly now: number;
  /** When the scheduler began, or noticed that it had slept or that the clock had jumped: what was due before was missed. */
  readonly wokeAt: number;
}

/** What is late by less was not missed: it runs as usual. */
const grace = 60_000;

export function planEntry(
  entry: ScheduledEntry,
  state: ScheduleState,
  hostname: string,
  moment: PlanMoment,
): PlannedEntry {
  const key = jitterKey(hostname, entry.job.name);
  const planned: PlannedEntry = { ...entry, key, state, next: undefined, at: Infinity };
  replan(planned, moment);
  return planned;
}

/** Reckons anew what comes next, from `entry.state`. */
export function replan(entry: PlannedEntry, moment: PlanMoment): void {
  const { schedule, state, key } = entry;
  entry.next = nextDue(schedule, lookFrom(schedule, state.consideredUntil, moment.now), key);
  entry.at = entry.next === undefined ? Infinity : beginningOf(entry, entry.next, moment);
}

/** Whether a run was due while nothing could run. */
export const wasMissed = ({ at }: DueTime, { wokeAt }: PlanMoment): boolean => at < wokeAt - grace;

function beginningOf({ schedule }: PlannedEntry, next: DueTime, moment: PlanMoment): number {
  return wasMissed(next, moment)
    ? leaveBlackouts(schedule.blackout, moment.wokeAt + schedule.catchUpDelay)
    : next.at;
}
