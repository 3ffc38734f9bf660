import { AppError } from '../base/errors.ts';
import { counted } from '../base/counted.ts';
import { formatTime } from '../base/time-zone.ts';
import { planOf, type RetentionFloor, type RetentionPlan } from './retention.ts';
import type { Snapshot } from './snapshot.ts';
import { type SnapshotGroup, snapshotGroups } from './snapshot-group.ts';

export interface ForgetPlanOptions {
  /** What no host and set of sources goes below, unless forced. */
  readonly floor: RetentionFloor;
  /** IANA name of the zone in which days begin. */
  readonly timeZone: string;
  readonly force?: boolean;
}

/** Why a snapshot is kept that nobody has named. */
export const NOT_NAMED = 'not named';

/**
 * The plan for forgetting snapshots that were named one by one. Throws `input/invalid` if of a host and set of sources the newest complete snapshot would go,
 * or fewer would be left than the floor wants, unless forced. Unfinished snapshots can be named, too.
 */
export function planForget(
  snapshots: readonly Snapshot[],
  named: readonly Snapshot[],
  { floor, timeZone, force = false }: ForgetPlanOptions,
): RetentionPlan {
  const ids = new Set(named.map(({ id }) => id));
  const groups = snapshotGroups(snapshots).map((group) => {
    if (!force) requireFloor(group, ids, { floor, timeZone });
    const decisions = group.snapshots.map((snapshot) => {
      const keep = !ids.has(snapshot.id);
      return { snapshot, keep, reasons: keep ? [NOT_NAMED] : [] };
    });
    return { ...group, decisions };
  });
  const plan = planOf(groups);
  const unfinished = named.filter(({ state }) => state === 'unfinished');
  return { ...plan, forget: [...plan.forget, ...unfinished] };
}

function requireFloor(
  { snapshots, hostname }: SnapshotGroup,
  named: ReadonlySet<string>,
  { floor, timeZone }: Pick<ForgetPlanOptions, 'floor' | 'timeZone'>,
): void {
  const left = snapshots.filter(({ id }) => !named.has(id));
  if (left.length === snapshots.length) return;
  if (left.length === 0)
    throw tooFew(`No snapshot of "${hostname}" with these sources would be left`);
  if (left[0] !== snapshots[0]) {
    throw tooFew(`The newest snapshot of "${hostname}" with these sources would go`);
  }
  if (left.length < floor.last) {
    throw tooFew(
      `Only ${counted(left.length, 'snapshot')} of "${hostname}" with these sources would be left, less than the ${floor.last} that are to stay at least`,
    );
  }
  const dayOf = ({ time }: Snapshot): string => formatTime(time, timeZone).slice(0, 10);
  const kept = new Set(left.map(dayOf));
  const lost = [...new Set(snapshots.map(dayOf))]
    .slice(0, floor.days)
    .find((day) => !kept.has(day));
  if (lost === undefined) return;
  throw tooFew(
    `No snapshot of "${hostname}" with these sources of ${lost} would be left, one of the last ${floor.days} days that have any`,
  );
}

function tooFew(message: string): AppError {
  return new AppError('input/invalid', message, {
    hint: 'Name others, or add --force if this is what you want',
  });
}
