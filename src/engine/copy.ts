import { toHex } from '../base/bytes.ts';
import { noCounters, type SummaryEvent } from '../model/event.ts';
import { fitsFilter, type SnapshotFilter } from '../model/snapshot-group.ts';
import { selectSnapshot } from '../model/snapshot-selector.ts';
import type { Access } from '../repository/native/access.ts';
import { copySnapshot } from '../repository/native/copier/copy-snapshot.ts';
import { KnownCopies } from '../repository/native/copier/known-copies.ts';
import type { SnapshotOrigin } from '../repository/native/objects/final.ts';
import { BlobReader } from '../repository/native/reader/blob-reader.ts';
import { listSnapshots, type StoredSnapshot } from '../repository/native/reader/snapshot-list.ts';
import type { SealSequence } from '../repository/native/writer/seal-sequence.ts';
import type { OperationContext } from './operation.ts';

/** Where copies go: an opened repository fits. */
export interface CopyTarget {
  readonly access: Access;
  readonly sealSequence: SealSequence;
}

export interface CopyInput {
  /** Snapshots as a user names them; all complete ones if there are none. */
  readonly named?: readonly string[] | undefined;
  readonly filter?: SnapshotFilter | undefined;
  /** IANA name. */
  readonly timeZone: string;
}

/** What would be copied; nothing was changed yet. */
export interface CopyPlan {
  /** Oldest first. */
  readonly snapshots: readonly StoredSnapshot[];
  /** Snapshots that the target has already. */
  readonly already: number;
  /** Pairs to learn from: the newest ones that were copied before. */
  readonly pairs: readonly { readonly source: StoredSnapshot; readonly copy: StoredSnapshot }[];
}

/** From so many snapshots that were copied before it is learnt what the target has. */
const PAIRS = 8;

/** Decides what to copy. Throws an `AppError` `snapshot/missing` for names that fit nothing. */
export async function planCopy(
  source: Access,
  target: Access,
  { named, filter, timeZone }: CopyInput,
  { clock, signal, report }: OperationContext,
): Promise<CopyPlan> {
  report({ type: 'phase', phase: 'reading snapshots' });
  const [from, to] = await Promise.all([
    listSnapshots(source, { signal }),
    listSnapshots(target, { signal }),
  ]);
  const all = from.snapshots.filter(({ snapshot }) => snapshot.state === 'complete');
  const models = all.map(({ snapshot }) => snapshot);
  const times = { now: clock.now(), timeZone };
  const chosen =
    named === undefined || named.length === 0
      ? undefined
      : new Set(named.map((name) => selectSnapshot(models, name, times).id));
  const wanted = all.filter(
    ({ snapshot }) =>
      (chosen === undefined || chosen.has(snapshot.id)) &&
      (filter === undefined || fitsFilter(snapshot, filter)),
  );
  const targetId = toHex(target.keys.repositoryId);
  const present = new Map<string, StoredSnapshot>();
  for (const stored of to.snapshots) {
    if (stored.snapshot.state !== 'complete') continue;
    present.set(keyOf({ repositoryId: targetId, snapshotId: stored.final.id }), stored);
    if (stored.final.origin !== undefined) present.set(keyOf(stored.final.origin), stored);
  }
  const copyOf = (stored: StoredSnapshot): StoredSnapshot | undefined =>
    present.get(keyOf(originOf(source, stored)));
  const pairs = all.flatMap((stored) => {
    const found = copyOf(stored);
    // Anybody may claim to be a copy; only what an owner signed is believed.
    return found?.signer.role === 'owner' ? [{ source: stored, copy: found }] : [];
  });
  const snapshots = wanted.filter((stored) => copyOf(stored) === undefined);
  return { snapshots, already: wanted.length - snapshots.length, pairs: pairs.slice(-PAIRS) };
}

export interface CopyOptions {
  /** How many threads copy content. */
  readonly workers: number;
}

/** Copies snapshots one after the other; each is complete in the target before the next begins. */
export async function copy(
  source: Access,
  target: CopyTarget,
  { snapshots, already, pairs }: CopyPlan,
  { workers }: CopyOptions,
  { clock, signal, report }: OperationContext,
): Promise<SummaryEvent> {
  const started = clock.monotonic();
  const known = new KnownCopies();
  const done = { files: 0, bytes: 0, bytesRead: 0, bytesAdded: 0 };
  const total = {
    files: sum(snapshots, ({ files }) => files),
    bytes: sum(snapshots, ({ bytes }) => bytes),
  };
  /** Bytes of the files of trees that were copied. Content goes before them, and is progress as well. */
  let inTrees = 0;
  const tell = (current?: Uint8Array): void => {
    done.bytes = Math.max(inTrees, done.bytesRead);
    report({ type: 'progress', ...noCounters, ...done, ...(current && { current }) });
  };
  if (snapshots.length > 0) {
    const blobs = await BlobReader.open(source, { signal });
    if (pairs.length > 0) {
      report({ type: 'phase', phase: 'finding out what was copied before' });
      const copies = await BlobReader.open(target.access, { signal });
      for (const pair of pairs) {
        await known.learn(
          { blobs, root: pair.source.root },
          { blobs: copies, root: pair.copy.root },
          { signal },
        );
      }
    }
    for (const stored of snapshots) {
      report({ type: 'phase', phase: `copying snapshot ${stored.final.id.slice(0, 8)}` });
      report({ type: 'total', ...total, final: true });
      const copied = await copySnapshot(
        target.access,
        stored,
        {
          source: blobs,
          from: source,
          known,
          workers,
          sequence: target.sealSequence,
          origin: originOf(source, stored),
          onFile: (size, current) => {
            done.files++;
            inTrees += size;
            tell(current);
          },
          onRead: (length) => {
            done.bytesRead += length;
            tell();
          },
        },
        { signal },
      );
      done.bytesAdded += copied.stored;
      report({
        type: 'notice',
        message: `Copied snapshot ${stored.final.id} as ${copied.snapshotId}`,
      });
    }
  }
  const summary: SummaryEvent = {
    type: 'summary',
    operation: 'copy',
    ...noCounters,
    ...done,
    dryRun: false,
    milliseconds: clock.monotonic() - started,
    details: { copied: snapshots.length, already },
  };
  report(summary);
  return summary;
}

/** The first one of all copies of a snapshot. */
function originOf(source: Access, { final }: StoredSnapshot): SnapshotOrigin {
  return final.origin ?? { repositoryId: toHex(source.keys.repositoryId), snapshotId: final.id };
}

function keyOf({ repositoryId, snapshotId }: SnapshotOrigin): string {
  return `${repositoryId}:${snapshotId}`;
}

function sum(
  snapshots: readonly StoredSnapshot[],
  of: (stats: { readonly files: number; readonly bytes: number }) => number,
): number {
  return snapshots.reduce(
    (total, { snapshot }) => total + (snapshot.stats === undefined ? 0 : of(snapshot.stats)),
    0,
  );
}
