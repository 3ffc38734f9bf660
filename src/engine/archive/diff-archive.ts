import { hash } from 'node:crypto';

import { equalBytes } from '../../base/bytes.ts';
import { type Entry, equalTimestamps } from '../../model/entry.ts';
import type { DuplicityArchive } from '../../repository/duplicity/duplicity-archive.ts';
import { applyRecords } from '../../repository/duplicity/extra-records.ts';
import { compareIndex, isAtOrBelow } from '../../repository/duplicity/index-order.ts';
import { signatureState } from '../../repository/duplicity/reader/signature-state.ts';
import type { Change } from '../diff.ts';
import type { OperationContext } from '../operation.ts';
import { type ArchiveSnapshot, pathInArchive } from './archive-snapshots.ts';
import { reportReaderProblem } from './report-reader-problem.ts';

/** A snapshot, or a part of it. */
export interface ArchiveDiffSide {
  readonly snapshot: ArchiveSnapshot;
  readonly path?: Uint8Array | undefined;
}

export interface ArchiveDifference {
  /** Below what is compared; empty for that itself. */
  readonly path: Uint8Array;
  readonly change: Change;
  readonly before: Entry | undefined;
  readonly after: Entry | undefined;
}

/** An entry and what tells its content. */
interface Side {
  readonly path: Uint8Array;
  readonly entry: Entry;
  /** Of a file: the hash of its signature. */
  readonly content: string | undefined;
}

/**
 * What differs between two snapshots of an archive, in the archive's order, as their signatures tell it: no volume is read.
 *
 * @throws AppError `repository/…`, `storage/…`
 */
export async function* diffArchive(
  archive: DuplicityArchive,
  {
    before,
    after,
    metadata,
  }: {
    readonly before: ArchiveDiffSide;
    readonly after: ArchiveDiffSide;
    readonly metadata: boolean;
  },
  context: OperationContext,
): AsyncGenerator<ArchiveDifference, void, undefined> {
  const [left, right] = [before, after].map((side) => sidesOf(archive, side, context));
  try {
    let [old, fresh] = [await left!.next(), await right!.next()];
    while (old.done !== true || fresh.done !== true) {
      context.signal.throwIfAborted();
      const order =
        old.done === true
          ? 1
          : fresh.done === true
            ? -1
            : compareIndex(old.value.path, fresh.value.path);
      const from = order <= 0 && old.done !== true ? old.value : undefined;
      const to = order >= 0 && fresh.done !== true ? fresh.value : undefined;
      const change = changeOf(from, to, metadata);
      if (change !== undefined) {
        yield { path: (to ?? from)!.path, change, before: from?.entry, after: to?.entry };
      }
      if (order <= 0) old = await left!.next();
      if (order >= 0) fresh = await right!.next();
    }
  } finally {
    await left!.return();
    await right!.return();
  }
}

async function* sidesOf(
  archive: DuplicityArchive,
  { snapshot, path = new Uint8Array(0) }: ArchiveDiffSide,
  context: OperationContext,
): AsyncGenerator<Side, void, undefined> {
  const below = pathInArchive(snapshot, path);
  const skipped = below.length === 0 ? 0 : below.length + 1;
  const onProblem = reportReaderProblem(context);
  for await (const stored of signatureState(archive, snapshot.sets, {
    onProblem,
    signal: context.signal,
  })) {
    if (stored.kind === 'deleted' || !isAtOrBelow(stored.path, below)) continue;
    const { entry, fileSize = 0 } = applyRecords(stored.tar, stored.path);
    const content = stored.kind === 'signature' ? hash('sha256', await stored.read()) : undefined;
    yield { path: stored.path.subarray(skipped), entry: { ...entry, size: fileSize }, content };
  }
}

function changeOf(
  before: Side | undefined,
  after: Side | undefined,
  metadata: boolean,
): Change | undefined {
  if (before === undefined) return 'added';
  if (after === undefined) return 'removed';
  const [old, fresh] = [before.entry, after.entry];
  if (old.type !== fresh.type) return 'type';
  const isSame =
    before.content === after.content &&
    old.deviceMajor === fresh.deviceMajor &&
    old.deviceMinor === fresh.deviceMinor &&
    equalBytes(old.linkTarget ?? none, fresh.linkTarget ?? none);
  if (!isSame) return 'modified';
  return metadata && !isSameMetadata(old, fresh) ? 'metadata' : undefined;
}

const none = new Uint8Array(0);

function isSameMetadata(before: Entry, after: Entry): boolean {
  return (
    before.mode === after.mode &&
    before.uid === after.uid &&
    before.gid === after.gid &&
    equalTimestamps(before.mtime, after.mtime)
  );
}
