import { AppError } from '../base/errors.ts';
import { noCounters, type SummaryEvent } from '../model/event.ts';
import { type ForgetPlanOptions, planForget } from '../model/forget-plan.ts';
import type { RetentionPlan, RetentionPolicy } from '../model/retention.ts';
import type { SnapshotFilter } from '../model/snapshot-group.ts';
import { selectSnapshot } from '../model/snapshot-selector.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { requireCertainSettings, type Access } from '../repository/native/access.ts';
import {
  completeForgets,
  forgetSnapshots,
  mergeForgets,
  type Forgettable,
} from '../repository/native/collector/forget.ts';
import { finalName } from '../repository/native/objects/object-name.ts';
import { listSnapshots, type SnapshotList } from '../repository/native/reader/snapshot-list.ts';
import { applyPolicy } from './apply-policy.ts';
import type { OperationContext } from './operation.ts';
import { withPolicyTimes } from './snapshot-times.ts';

export interface ForgetInput {
  /** Snapshots to forget, as a user names them. Either these, or a policy. */
  readonly named?: readonly string[] | undefined;
  readonly policy?: RetentionPolicy | undefined;
  /** What a policy is applied to. */
  readonly filter?: SnapshotFilter | undefined;
  /** IANA name. */
  readonly timeZone: string;
  /** Go below the floor, leave a group without a snapshot, ignore the alarm, forget snapshots that cannot be read. */
  readonly force?: boolean | undefined;
}

/** What would be forgotten; nothing was changed yet. */
export interface ForgetPlan {
  readonly retention: RetentionPlan;
  /** Snapshots that cannot be read and were named in full, by id. */
  readonly unreadable: readonly string[];
  /** What is removed, for `forget`. */
  readonly removals: readonly Forgettable[];
}

/**
 * Decides what to forget. Throws an `AppError`: `input/invalid` if nothing of a group would be left, or by name less than the floor wants, or if so many snapshots appeared lately that a policy could
 * be misled by them; `snapshot/missing` for names that fit nothing.
 */
export async function planForgetting(
  access: Access,
  input: ForgetInput,
  { clock, signal, report }: OperationContext,
): Promise<ForgetPlan> {
  report({ type: 'phase', phase: 'reading snapshots' });
  const list = await listSnapshots(access, { signal });
  const now = clock.now();
  const snapshots = withPolicyTimes(list.snapshots, now);
  const force = input.force === true;
  const { keepLast, keepDays } = access.settings;
  const floor = { last: keepLast, days: keepDays };
  const { retention, unreadable } =
    input.named === undefined
      ? { retention: applyPolicy(snapshots, input, { now, floor }), unreadable: [] }
      : byName(list, snapshots, input.named, { now, floor, timeZone: input.timeZone, force });
  const seals = new Map(list.seals.map((seal) => [seal.value.snapshotId, seal]));
  const removals = [...retention.forget.map(({ id }) => id), ...unreadable].map((id) => ({
    id,
    seal: seals.get(id),
  }));
  return { retention, unreadable, removals };
}

/** Forgets what the plan says, and finishes what an interrupted run left. */
export async function forget(
  access: Access,
  { removals, retention }: ForgetPlan,
  { clock, signal, report }: OperationContext,
): Promise<SummaryEvent> {
  requireForgetter(access);
  requireCertainSettings(access);
  const started = clock.monotonic();
  report({ type: 'phase', phase: 'forgetting' });
  await forgetSnapshots(access, removals, { signal });
  await completeForgets(access, { signal });
  await mergeForgets(access, { signal });
  const summary: SummaryEvent = {
    type: 'summary',
    operation: 'forget',
    ...noCounters,
    files: removals.length,
    dryRun: false,
    milliseconds: clock.monotonic() - started,
    details: { forgotten: removals.length, kept: retention.keep.length },
  };
  report(summary);
  return summary;
}

function byName(
  list: SnapshotList,
  snapshots: readonly Snapshot[],
  named: readonly string[],
  { now, ...options }: Required<ForgetPlanOptions> & { readonly now: number },
): { retention: RetentionPlan; unreadable: string[] } {
  const unreadable = named.filter(
    (name) => /^[0-9a-f]{32}$/u.test(name) && list.unreadable.includes(finalName(name)),
  );
  if (unreadable.length > 0 && !options.force) {
    throw new AppError(
      'input/invalid',
      `Snapshot ${unreadable[0]} cannot be read, so nobody can say what would be lost with it`,
      { hint: 'Use --force to forget it all the same' },
    );
  }
  const selected = named
    .filter((name) => !unreadable.includes(name))
    .map((name) => selectSnapshot(snapshots, name, { now, timeZone: options.timeZone }));
  return { retention: planForget(snapshots, [...new Set(selected)], options), unreadable };
}

function requireForgetter({ keys }: Access): void {
  if (keys.role === 'owner' || keys.role === 'janitor') return;
  throw new AppError(
    'repository/not-permitted',
    `A key with the role "${keys.role}" cannot forget snapshots`,
    { hint: 'Use the passphrase of an owner' },
  );
}
