import type { Duration } from '../base/duration.ts';
import { AppError } from '../base/errors.ts';
import { addDuration } from '../base/time-zone.ts';
import { type Period, periodOf } from './period.ts';
import type { Snapshot } from './snapshot.ts';
import { snapshotGroups, type SnapshotGroup } from './snapshot-group.ts';
import { keepByTimeframes, type Timeframe } from './timeframe.ts';

/**
 * Which snapshots to keep; a snapshot is kept when any part of the policy keeps it. Counts are whole numbers or `Infinity`.
 * Within a period the newest snapshot is kept; periods without snapshots are not counted.
 */
export interface RetentionPolicy {
  readonly keepLast?: number | undefined;
  readonly keepHourly?: number | undefined;
  readonly keepDaily?: number | undefined;
  /** Weeks begin on Monday, as in ISO 8601. */
  readonly keepWeekly?: number | undefined;
  readonly keepMonthly?: number | undefined;
  readonly keepYearly?: number | undefined;
  /** Everything this much older than the newest snapshot or less; not than now, so that a host that stopped keeps what it has. */
  readonly keepWithin?: Duration | undefined;
  readonly keepWithinHourly?: Duration | undefined;
  readonly keepWithinDaily?: Duration | undefined;
  readonly keepWithinWeekly?: Duration | undefined;
  readonly keepWithinMonthly?: Duration | undefined;
  readonly keepWithinYearly?: Duration | undefined;
  /** Snapshots that have all tags of one of these lists. */
  readonly keepTags?: readonly (readonly string[])[] | undefined;
  /** Duplicati's retention policy. */
  readonly timeframes?: readonly Timeframe[] | undefined;
}

/** What a repository never goes below. */
export interface RetentionFloor {
  /** So many of the newest snapshots. */
  readonly last: number;
  /** And the newest of each of so many of the latest days that had one. */
  readonly days: number;
}

export const defaultFloor: RetentionFloor = { last: 3, days: 7 };

export interface RetentionOptions {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** IANA name of the zone in which hours, days, weeks, months and years begin. */
  readonly timeZone: string;
  readonly floor?: RetentionFloor;
  /** Go below the floor, and take a policy that keeps nothing at its word. The newest snapshot stays all the same. */
  readonly force?: boolean;
}

export interface RetentionDecision {
  readonly snapshot: Snapshot;
  readonly keep: boolean;
  /** Why it is kept, for people; empty when it is not. */
  readonly reasons: readonly string[];
}

/** What becomes of the snapshots of one host and set of sources, newest first. */
export interface RetentionGroup {
  readonly signer: string;
  readonly hostname: string;
  readonly paths: readonly Uint8Array[];
  readonly decisions: readonly RetentionDecision[];
}

export interface RetentionPlan {
  readonly groups: readonly RetentionGroup[];
  readonly keep: readonly Snapshot[];
  readonly forget: readonly Snapshot[];
}

/** True if a policy says nothing; it then keeps everything. */
export function isEmptyPolicy(policy: RetentionPolicy): boolean {
  return rulesOf(policy).length === 0;
}

/**
 * Decides which snapshots a policy keeps, for each host (by signer) and set of sources on its own. Unfinished snapshots are neither
 * counted nor forgotten. The newest complete snapshot of a group is never forgotten. Pure: the same inputs give the same plan, and
 * planning again after the plan was carried out changes nothing. Throws `input/invalid` for a policy that would keep nothing of a
 * group, unless forced.
 */
export function planRetention(
  snapshots: readonly Snapshot[],
  policy: RetentionPolicy,
  options: RetentionOptions,
): RetentionPlan {
  const rules = rulesOf(policy);
  const groups = snapshotGroups(snapshots).map((group) => decide(group, rules, options));
  return planOf(groups);
}

/** Splits decided groups into what stays and what goes. */
export function planOf(groups: readonly RetentionGroup[]): RetentionPlan {
  const decisions = groups.flatMap((group) => group.decisions);
  return {
    groups,
    keep: decisions.filter(({ keep }) => keep).map(({ snapshot }) => snapshot),
    forget: decisions.filter(({ keep }) => !keep).map(({ snapshot }) => snapshot),
  };
}

function decide(
  group: SnapshotGroup,
  rules: readonly Rule[],
  options: RetentionOptions,
): RetentionGroup {
  const reasons = new Map<Snapshot, string[]>(group.snapshots.map((snapshot) => [snapshot, []]));
  const apply = (rule: Rule): void => {
    for (const snapshot of rule.keep(group.snapshots, options))
      reasons.get(snapshot)!.push(rule.reason);
  };
  for (const rule of rules) apply(rule);
  if (rules.length > 0) {
    const keepsNothing = [...reasons.values()].every((list) => list.length === 0);
    if (keepsNothing && options.force !== true) {
      throw new AppError(
        'input/invalid',
        `The policy would not keep ${group.snapshots.length === 1 ? 'the only snapshot' : `any of the ${group.snapshots.length} snapshots`} of "${group.hostname}"`,
        { hint: 'Keep something, or add --force if this is what you want' },
      );
    }
    apply({ reason: 'newest', keep: (all) => all.slice(0, 1) });
    if (options.force !== true) {
      const floor = options.floor ?? defaultFloor;
      apply({ reason: 'floor of the repository', keep: (all) => all.slice(0, floor.last) });
      apply({ reason: 'floor of the repository (daily)', keep: periodic('day', floor.days) });
    }
  }
  const decisions = group.snapshots.map((snapshot) => {
    const why = reasons.get(snapshot)!;
    return {
      snapshot,
      keep: rules.length === 0 || why.length > 0,
      reasons: rules.length === 0 ? ['no policy'] : why,
    };
  });
  const { signer, hostname, paths } = group;
  return { signer, hostname, paths, decisions };
}

interface Rule {
  readonly reason: string;
  /** Which of the snapshots of a group (newest first) it keeps. */
  keep(snapshots: readonly Snapshot[], options: RetentionOptions): readonly Snapshot[];
}

const periods = [
  ['hour', 'hourly', 'keepHourly', 'keepWithinHourly'],
  ['day', 'daily', 'keepDaily', 'keepWithinDaily'],
  ['week', 'weekly', 'keepWeekly', 'keepWithinWeekly'],
  ['month', 'monthly', 'keepMonthly', 'keepWithinMonthly'],
  ['year', 'yearly', 'keepYearly', 'keepWithinYearly'],
] as const satisfies readonly (readonly [
  Period,
  string,
  keyof RetentionPolicy,
  keyof RetentionPolicy,
])[];

function rulesOf(policy: RetentionPolicy): Rule[] {
  const rules: Rule[] = [];
  const { keepLast, keepWithin, keepTags = [], timeframes = [] } = policy;
  if (keepLast !== undefined) {
    const count = checkedCount(keepLast);
    rules.push({ reason: 'last', keep: (all) => all.slice(0, count) });
  }
  for (const [period, adverb, countName] of periods) {
    const count = policy[countName];
    if (count !== undefined)
      rules.push({ reason: adverb, keep: periodic(period, checkedCount(count)) });
  }
  if (keepWithin !== undefined) {
    rules.push({
      reason: 'within',
      keep: (all, options) => newerThan(all, keepWithin, options.timeZone),
    });
  }
  for (const [period, adverb, , withinName] of periods) {
    const within = policy[withinName];
    if (within === undefined) continue;
    rules.push({
      reason: `within, ${adverb}`,
      keep: (all, options) =>
        periodic(period, Infinity)(newerThan(all, within, options.timeZone), options),
    });
  }
  for (const tags of keepTags) {
    rules.push({
      reason: `tag ${tags.join(',')}`,
      keep: (all) => all.filter((snapshot) => tags.every((tag) => snapshot.tags.includes(tag))),
    });
  }
  if (timeframes.length > 0) {
    rules.push({
      reason: 'retention policy',
      keep: (all, { now, timeZone }) => keepByTimeframes(all, timeframes, now, timeZone),
    });
  }
  return rules;
}

function checkedCount(count: number): number {
  if (count === Infinity || (Number.isSafeInteger(count) && count >= 0)) return count;
  throw new AppError('input/invalid', `"${count}" is not a number of snapshots`);
}

/** The newest snapshot of each of the latest `count` periods that have one. */
function periodic(period: Period, count: number): Rule['keep'] {
  return (snapshots, { timeZone }) => {
    const kept: Snapshot[] = [];
    let previous: string | undefined;
    for (const snapshot of snapshots) {
      if (kept.length >= count) break;
      const current = periodOf(snapshot.time, period, timeZone);
      if (current !== previous) kept.push(snapshot);
      previous = current;
    }
    return kept;
  };
}

function newerThan(
  snapshots: readonly Snapshot[],
  within: Duration,
  timeZone: string,
): readonly Snapshot[] {
  const [newest] = snapshots;
  if (newest === undefined) return [];
  const start = addDuration(newest.time, within, -1, timeZone);
  return snapshots.filter((snapshot) => snapshot.time >= start);
}
