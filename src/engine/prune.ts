import { AppError } from '../base/errors.ts';
import { noCounters } from '../model/event.ts';
import { requireCertainSettings, type Access } from '../repository/native/access.ts';
import {
  clearTombstones,
  removeAbandonedFinals,
} from '../repository/native/collector/abandoned-finals.ts';
import { collect, type CollectionResult } from '../repository/native/collector/collect.ts';
import {
  planCollection,
  type PlanPruneOptions,
  type PrunePlan,
} from '../repository/native/collector/prune-plan.ts';
import type { OperationContext } from './operation.ts';

export interface PruneInput {
  /** The user says that nobody else prunes: needed where the storage gives no bound on how old its listings are. */
  readonly alone?: boolean | undefined;
  /** Remove the unfinished snapshots that the plan lists as abandoned. */
  readonly removeAbandoned?: boolean | undefined;
}

/** What a prune would do, and how long it took to find out. */
export interface PlannedPrune extends PrunePlan {
  readonly milliseconds: number;
}

export interface PruneResult extends CollectionResult {
  /** Ids of unfinished snapshots that were removed; their space is freed by the next prune. */
  readonly removedSnapshots: readonly string[];
}

/**
 * Finds out what a prune would do; changes nothing. Needs an owner or janitor.
 *
 * @throws AppError `repository/not-permitted`; whatever keeps a snapshot from being read, because then nobody knows what is used
 */
export async function planPrune(
  access: Access,
  input: Omit<PlanPruneOptions, 'signal'>,
  { report, clock, signal }: OperationContext,
): Promise<PlannedPrune> {
  requireCollector(access);
  const started = clock.monotonic();
  report({ type: 'phase', phase: 'finding out what is used' });
  const plan = await planCollection(access, { ...input, signal });
  for (const error of plan.problems) report({ type: 'problem', severity: 'warning', error });
  return { ...plan, milliseconds: clock.monotonic() - started };
}

/**
 * Carries a plan out (C3 to C10). Backups and other prunes may run meanwhile; everything is looked at again before anything is deleted.
 *
 * @throws AppError `repository/locked` on a storage without a bound on its listings, unless the caller vouches that nobody else prunes
 */
export async function prune(
  access: Access,
  plan: PlannedPrune,
  { alone = false, removeAbandoned = false }: PruneInput,
  { report, clock, signal }: OperationContext,
): Promise<PruneResult> {
  requireCollector(access);
  requireCertainSettings(access);
  const { storage } = access;
  if (storage.capabilities.listingLag === undefined && !alone) {
    throw new AppError(
      'repository/locked',
      `"${storage.location}" does not say how old its listings may be, so two prunes at once could harm each other`,
      { hint: 'Make sure that nobody else prunes there; then "holdfast prune --alone" does it' },
    );
  }
  const started = clock.monotonic();
  const sizes = [...plan.victims.map(({ use }) => use.pack), ...plan.destroyed];
  const bytes = sizes.reduce((sum, { size }) => sum + size, 0);
  let done = { files: 0, bytes: 0 };
  const result = await collect(
    access,
    plan,
    {
      onPhase: (phase) => {
        report({ type: 'phase', phase });
        report({ type: 'total', files: sizes.length, bytes, final: true });
      },
      onPack: (size) => {
        done = { files: done.files + 1, bytes: done.bytes + size };
        report({ type: 'progress', ...noCounters, ...done });
      },
    },
    { signal },
  );
  for (const error of result.kept) report({ type: 'problem', severity: 'warning', error });
  const removedSnapshots = removeAbandoned
    ? await removeAbandonedFinals(
        access,
        plan.abandoned.map(({ final }) => final.id),
        { signal },
      )
    : [];
  for (const name of plan.endedRecords) await storage.delete(name, { signal });
  report({
    type: 'summary',
    operation: 'prune',
    ...noCounters,
    files: result.deletedPacks,
    bytes: result.deletedBytes,
    bytesAdded: result.storedBytes,
    dryRun: false,
    // Without what lay between: somebody may have been asked.
    milliseconds: plan.milliseconds + clock.monotonic() - started,
    details: {
      deletedPacks: result.deletedPacks,
      deletedBytes: result.deletedBytes,
      storedPacks: result.storedPacks,
      storedBytes: result.storedBytes,
      keptPacks: result.kept.length,
      removedSnapshots: removedSnapshots.length,
    },
  });
  return { ...result, removedSnapshots };
}

/** `prune --clear-tombstones`: only for an owner who knows that no prune runs or is suspended anywhere. Gives how many there were. */
export async function clearAllTombstones(
  access: Access,
  { signal }: OperationContext,
): Promise<number> {
  requireCollector(access);
  return clearTombstones(access, { signal });
}

function requireCollector({ keys }: Access): void {
  if (keys.role === 'owner' || keys.role === 'janitor') return;
  throw new AppError(
    'repository/not-permitted',
    `A key with the role "${keys.role}" cannot remove anything from a repository`,
    { hint: 'Use the passphrase of an owner' },
  );
}
