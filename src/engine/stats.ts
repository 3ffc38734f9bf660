import type { Access } from '../repository/native/access.ts';
import {
  Catalogues,
  loadCatalogue,
  type Catalogue,
} from '../repository/native/collector/catalogue.ts';
import { LiveBlobs } from '../repository/native/collector/live-blobs.ts';
import { parseObjectName } from '../repository/native/objects/object-name.ts';
import { decodePackTable, type PackKind } from '../repository/native/packs/pack-table.ts';
import { listSnapshots } from '../repository/native/reader/snapshot-list.ts';
import type { OperationContext } from './operation.ts';

export interface ObjectTotal {
  readonly count: number;
  readonly bytes: number;
}

/** What packs of one kind hold. */
export interface KindStats {
  readonly packs: number;
  readonly blobs: number;
  /** Of the blobs, before compression. */
  readonly rawBytes: number;
  /** Of those of them that some snapshot uses. */
  readonly usedRawBytes: number;
  /** Of their segments, after it. */
  readonly storedBytes: number;
  /** Blobs that no snapshot uses, and about what they take. */
  readonly unusedBlobs: number;
  readonly unusedBytes: number;
}

export interface RepositoryStats {
  readonly snapshots: number;
  readonly unfinishedSnapshots: number;
  /** Of all complete snapshots together, as if each were stored on its own. */
  readonly files: number;
  readonly sourceBytes: number;
  readonly data: KindStats;
  readonly meta: KindStats;
  /** Everything in the storage, and by class: packs, index, snapshots, …; `foreign` is what is not ours. */
  readonly total: ObjectTotal;
  readonly objects: Readonly<Record<string, ObjectTotal>>;
  /** How many times smaller unique content is than all snapshots, stored content than unique content, and the storage than all snapshots. */
  readonly deduplication: number;
  readonly compression: number;
  readonly overall: number;
  /** Bytes in the storage that are neither content nor directories: slots, tables, padding, index and records. */
  readonly overheadBytes: number;
}

/** Counts everything. Reads the index and the trees, no content. */
export async function stats(
  access: Access,
  { signal, report }: OperationContext,
): Promise<RepositoryStats> {
  report({ type: 'phase', phase: 'counting objects' });
  const objects: Record<string, { count: number; bytes: number }> = {};
  const total = { count: 0, bytes: 0 };
  for await (const { name, size } of access.storage.list('', { signal })) {
    const type = parseObjectName(name)?.type ?? 'foreign';
    const sum = (objects[type] ??= { count: 0, bytes: 0 });
    for (const counted of [sum, total]) {
      counted.count++;
      counted.bytes += size;
    }
  }
  const { snapshots } = await listSnapshots(access, { signal });
  report({ type: 'phase', phase: 'reading the index' });
  const catalogue = await loadCatalogue(access, { signal });
  report({ type: 'phase', phase: 'finding out what is used' });
  // Unreadable trees make unused what is below them here; finding damage is the work of `check`.
  const live = new LiveBlobs(access, new Catalogues(access, catalogue), new Map());
  await live.markRoots(
    snapshots.map(({ final }) => final.root),
    { signal },
  );
  const complete = snapshots.filter(({ snapshot }) => snapshot.state === 'complete');
  const sum = (of: (stats: { files: number; bytes: number }) => number): number =>
    complete.reduce(
      (result, { snapshot }) => result + (snapshot.stats === undefined ? 0 : of(snapshot.stats)),
      0,
    );
  const sourceBytes = sum(({ bytes }) => bytes);
  const data = kindStats(catalogue, 'data');
  const meta = kindStats(catalogue, 'meta');
  return {
    snapshots: complete.length,
    unfinishedSnapshots: snapshots.length - complete.length,
    files: sum(({ files }) => files),
    sourceBytes,
    data,
    meta,
    total,
    objects,
    deduplication: ratio(sourceBytes, data.usedRawBytes),
    compression: ratio(data.rawBytes + meta.rawBytes, data.storedBytes + meta.storedBytes),
    overall: ratio(sourceBytes, total.bytes),
    overheadBytes: Math.max(
      0,
      total.bytes - (objects['foreign']?.bytes ?? 0) - data.storedBytes - meta.storedBytes,
    ),
  };
}

function kindStats({ packs, table }: Catalogue, kind: PackKind): KindStats {
  let [count, blobs, rawBytes, usedRawBytes, storedBytes] = [0, 0, 0, 0, 0];
  let [unusedBlobs, unusedBytes] = [0, 0];
  for (const [number, { head, table: record }] of packs.entries()) {
    if (head.kind !== kind) continue;
    count++;
    let ordinal = 0;
    for (const segment of decodePackTable(record).segments) {
      if (segment.blobs.length === 0) continue;
      storedBytes += segment.storedLength;
      for (const { id, rawLength } of segment.blobs) {
        const found = table.find(id);
        const isHere = found?.pack === number && found.ordinal === ordinal;
        ordinal++;
        blobs++;
        if (isHere) rawBytes += rawLength;
        if (isHere && found.used) {
          usedRawBytes += rawLength;
          continue;
        }
        unusedBlobs++;
        unusedBytes += Math.round(
          (segment.storedLength * rawLength) / Math.max(1, segment.rawLength),
        );
      }
    }
  }
  return { packs: count, blobs, rawBytes, usedRawBytes, storedBytes, unusedBlobs, unusedBytes };
}

/** 1 where there is nothing to compare. */
function ratio(before: number, after: number): number {
  return after === 0 ? 1 : before / after;
}
