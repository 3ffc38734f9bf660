import { AppError } from '../base/errors.ts';
import { formatCount } from '../base/size.ts';
import {
  isEmptyPolicy,
  planRetention,
  type RetentionFloor,
  type RetentionGroup,
  type RetentionPlan,
  type RetentionPolicy,
} from '../model/retention.ts';
import { fitsFilter, type SnapshotFilter } from '../model/snapshot-group.ts';
import type { Snapshot } from '../model/snapshot.ts';

const DAY = 24 * 60 * 60 * 1000;
/** A day with more new snapshots of a group than this, and more than so many times the busiest day before, is abnormal. */
const MANY_A_DAY = 24;
const TIMES_THE_BUSIEST = 4;
/** So many days before are looked at. */
const DAYS_BEFORE = 30;

export interface PolicyInput {
  readonly policy?: RetentionPolicy | undefined;
  /** What the policy is applied to. */
  readonly filter?: SnapshotFilter | undefined;
  /** IANA name. */
  readonly timeZone: string;
  readonly force?: boolean | undefined;
}

/**
 * What a policy makes of snapshots. Throws an `AppError` `input/invalid` for a policy that says nothing, if nothing of a group would be left, or if so many snapshots
 * appeared lately that it could be misled by them; unless forced.
 */
export function applyPolicy(
  snapshots: readonly Snapshot[],
  { policy = {}, filter, timeZone, force = false }: PolicyInput,
  { now, floor }: { readonly now: number; readonly floor: RetentionFloor },
): RetentionPlan {
  if (isEmptyPolicy(policy)) {
    throw new AppError('input/invalid', 'The policy says nothing about what to keep');
  }
  const fitting = snapshots.filter(
    (snapshot) => filter === undefined || fitsFilter(snapshot, filter),
  );
  const plan = planRetention(fitting, policy, {
    now,
    timeZone,
    floor,
    force,
  });
  if (!force) for (const group of plan.groups) refuseFlood(group, now);
  return plan;
}

/** Somebody with a machine's key could make so many snapshots that "the last ten" are all theirs. */
function refuseFlood({ decisions, hostname }: RetentionGroup, now: number): void {
  const isNew = ({ time }: Snapshot): boolean => time > now - DAY;
  if (!decisions.some(({ snapshot, keep }) => !keep && !isNew(snapshot))) return;
  const perDay = Array.from({ length: DAYS_BEFORE + 1 }, () => 0);
  for (const { snapshot } of decisions) {
    const day = Math.max(0, Math.floor((now - snapshot.time) / DAY));
    if (day <= DAYS_BEFORE) perDay[day]!++;
  }
  const [latest = 0, ...before] = perDay;
  if (latest <= Math.max(MANY_A_DAY, TIMES_THE_BUSIEST * Math.max(...before))) return;
  throw new AppError(
    'input/invalid',
    `"${hostname}" made ${formatCount(latest)} snapshots in the last 24 hours, far more than on any day before; a policy could forget good ones because of them`,
    { hint: 'Look at "holdfast snapshots"; if they are right, use --force' },
  );
}
