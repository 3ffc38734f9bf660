import { noCounters, type SummaryEvent } from '../../model/event.ts';
import { type ForgetPlanOptions, planForget } from '../../model/forget-plan.ts';
import { defaultFloor, type RetentionPlan } from '../../model/retention.ts';
import { selectSnapshot } from '../../model/snapshot-selector.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import type { BackupSet } from '../../repository/duplicity/collection/backup-set.ts';
import type { Collection } from '../../repository/duplicity/collection/collection.ts';
import { executeRemoval } from '../../repository/duplicity/collection/execute-removal.ts';
import { planRemoveSets, type RemovalPlan } from '../../repository/duplicity/collection/removal.ts';
import type { DuplicityArchive } from '../../repository/duplicity/duplicity-archive.ts';
import { applyPolicy, type PolicyInput } from '../apply-policy.ts';
import type { OperationContext } from '../operation.ts';
import { type ArchiveSnapshot, archiveSnapshots } from './archive-snapshots.ts';

export interface ForgetInArchiveInput extends PolicyInput {
  /** Snapshots to forget, as a user names them. Either these, or a policy. */
  readonly named?: readonly string[] | undefined;
}

/** What would be forgotten; nothing was changed yet. */
export interface ForgetInArchivePlan {
  /** What was decided, for each host and source: what other snapshots build upon is kept, and says so. */
  readonly retention: RetentionPlan;
  readonly removal: RemovalPlan;
}

/** Why a snapshot is kept that nothing else keeps. */
const NEEDED = 'later ones build upon it';

/**
 * Decides what to forget of an archive. A set goes only with all that build upon it; so a policy frees space when the last snapshot of a chain is to go.
 *
 * @throws AppError as `applyPolicy`; `snapshot/missing` for names that fit nothing
 */
export async function planForgettingInArchive(
  archive: DuplicityArchive,
  collection: Collection,
  { named, ...policy }: ForgetInArchiveInput,
  { clock, signal, report }: OperationContext,
): Promise<ForgetInArchivePlan> {
  report({ type: 'phase', phase: 'reading snapshots' });
  const all = await archiveSnapshots(archive, collection, { signal });
  const snapshots = all.map(({ snapshot }) => snapshot);
  const now = clock.now();
  const retention =
    named === undefined
      ? applyPolicy(snapshots, policy, { now, floor: defaultFloor })
      : byName(snapshots, named, {
          now,
          floor: defaultFloor,
          timeZone: policy.timeZone,
          force: policy.force === true,
        });
  const doomed = new Set(retention.forget.map(({ id }) => id));
  const selection = new Set<BackupSet>(
    all.flatMap(({ snapshot, sets }) => (doomed.has(snapshot.id) ? [sets.at(-1)!] : [])),
  );
  const { needed, ...removal } = planRemoveSets(collection, selection);
  return { retention: withNeeded(retention, all, new Set(needed)), removal };
}

/** Removes what the plan says, manifests first. Can be repeated when it was interrupted; `prune` then removes what is left of a set. */
export async function forgetInArchive(
  archive: DuplicityArchive,
  { retention, removal }: ForgetInArchivePlan,
  { clock, signal, report }: OperationContext,
): Promise<SummaryEvent> {
  const beginning = clock.monotonic();
  report({ type: 'phase', phase: 'forgetting' });
  await executeRemoval(removal, archive, { signal });
  return {
    type: 'summary',
    operation: 'forget',
    ...noCounters,
    files: removal.sets.length,
    dryRun: false,
    milliseconds: clock.monotonic() - beginning,
    details: { forgotten: removal.sets.length, kept: retention.keep.length },
  };
}

function byName(
  snapshots: readonly Snapshot[],
  named: readonly string[],
  { now, ...options }: ForgetPlanOptions & { readonly now: number },
): RetentionPlan {
  const selected = named.map((name) =>
    selectSnapshot(snapshots, name, { now, timeZone: options.timeZone }),
  );
  return planForget(snapshots, [...new Set(selected)], options);
}

/** The same decisions, but that what is needed stays. */
function withNeeded(
  retention: RetentionPlan,
  all: readonly ArchiveSnapshot[],
  needed: ReadonlySet<BackupSet>,
): RetentionPlan {
  const staying = new Set(
    all.flatMap(({ snapshot, sets }) => (needed.has(sets.at(-1)!) ? [snapshot.id] : [])),
  );
  const groups = retention.groups.map((group) => ({
    ...group,
    decisions: group.decisions.map((decision) =>
      decision.keep || !staying.has(decision.snapshot.id)
        ? decision
        : { ...decision, keep: true, reasons: [NEEDED] },
    ),
  }));
  const decisions = groups.flatMap((group) => group.decisions);
  return {
    groups,
    keep: decisions.filter(({ keep }) => keep).map(({ snapshot }) => snapshot),
    forget: decisions.filter(({ keep }) => !keep).map(({ snapshot }) => snapshot),
  };
}
