import { compareBytes, equalBytes } from '../base/bytes.ts';
import { joinPath } from '../base/posix/path-bytes.ts';
import { type Entry, equalTimestamps } from '../model/entry.ts';
import type { Access } from '../repository/native/access.ts';
import {
  encodeReference,
  type ContentReference,
} from '../repository/native/content/content-list.ts';
import type { TreeEntry } from '../repository/native/content/tree.ts';
import { BlobReader } from '../repository/native/reader/blob-reader.ts';
import type { StoredSnapshot } from '../repository/native/reader/snapshot-list.ts';
import { findEntry, isDamage, readTree } from '../repository/native/reader/tree-reader.ts';
import type { OperationContext } from './operation.ts';
import { reportFinding } from './report-finding.ts';
import { pathInSnapshot } from './restore/original-place.ts';

/** A snapshot, or a part of it. */
export interface DiffSide {
  readonly snapshot: StoredSnapshot;
  readonly path?: Uint8Array | undefined;
}

export interface DiffInput {
  readonly before: DiffSide;
  readonly after: DiffSide;
  /** Also where only owner, mode, times, attributes or flags differ. */
  readonly metadata: boolean;
}

/** `modified`: the content (or link target, or device); `metadata`: only what is around it; `type`: it is something else now. */
export type Change = 'added' | 'removed' | 'modified' | 'metadata' | 'type';

export interface Difference {
  /** Below what is compared; empty for that itself. */
  readonly path: Uint8Array;
  readonly change: Change;
  readonly before: Entry | undefined;
  readonly after: Entry | undefined;
}

type Pair = readonly [TreeEntry | undefined, TreeEntry | undefined];

interface Level {
  readonly path: Uint8Array;
  readonly pairs: readonly Pair[];
  next: number;
}

/**
 * What differs between two snapshots, in byte order. Directories with the same tree are passed over, so that this costs what has changed; everything in a directory
 * that was added or removed is listed. Directories that cannot be read are reported.
 *
 * @throws AppError `snapshot/missing`, `repository/…`, `storage/…`
 */
export async function* diffSnapshots(
  access: Access,
  { before, after, metadata }: DiffInput,
  context: OperationContext,
): AsyncGenerator<Difference, void, undefined> {
  const { signal } = context;
  const blobs = await BlobReader.open(access, { signal, onFinding: reportFinding(context) });
  const topOf = ({ snapshot, path = new Uint8Array(0) }: DiffSide): Promise<TreeEntry> =>
    findEntry(blobs, snapshot.root, pathInSnapshot(snapshot.final, path), { signal });
  const entriesOf = async (
    path: Uint8Array,
    entry: TreeEntry | undefined,
  ): Promise<readonly TreeEntry[]> => {
    if (entry?.tree === undefined) return [];
    try {
      return (await readTree(blobs, entry.tree, { signal })).entries;
    } catch (error) {
      if (!isDamage(error)) throw error;
      context.report({ type: 'problem', severity: 'error', path, error });
      return [];
    }
  };
  const levels: Level[] = [
    { path: new Uint8Array(0), pairs: [[await topOf(before), await topOf(after)]], next: 0 },
  ];
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    signal.throwIfAborted();
    const pair = level.pairs[level.next++];
    if (pair === undefined) {
      levels.pop();
      continue;
    }
    const [old, fresh] = pair;
    const isTop = levels.length === 1;
    const path = isTop ? level.path : joinPath(level.path, (fresh ?? old)!.name);
    const change = changeOf(old, fresh, metadata);
    if (change !== undefined) yield { path, change, before: old, after: fresh };
    if (isSameReference(old?.tree, fresh?.tree)) continue;
    const [left, right] = await Promise.all([entriesOf(path, old), entriesOf(path, fresh)]);
    levels.push({ path, pairs: pairsOf(left, right), next: 0 });
  }
}

/** Entries of the same name together, in byte order. */
function pairsOf(left: readonly TreeEntry[], right: readonly TreeEntry[]): Pair[] {
  const pairs: Pair[] = [];
  let at = 0;
  for (const entry of right) {
    while (at < left.length && compareBytes(left[at]!.name, entry.name) < 0) {
      pairs.push([left[at++], undefined]);
    }
    const isSame = at < left.length && equalBytes(left[at]!.name, entry.name);
    pairs.push([isSame ? left[at++] : undefined, entry]);
  }
  for (; at < left.length; at++) pairs.push([left[at], undefined]);
  return pairs;
}

function changeOf(
  before: TreeEntry | undefined,
  after: TreeEntry | undefined,
  metadata: boolean,
): Change | undefined {
  if (before === undefined) return 'added';
  if (after === undefined) return 'removed';
  if (before.type !== after.type) return 'type';
  if (!isSameContent(before, after)) return 'modified';
  return metadata && !isSameMetadata(before, after) ? 'metadata' : undefined;
}

function isSameContent(before: TreeEntry, after: TreeEntry): boolean {
  return (
    before.size === after.size &&
    isSameReference(before.content, after.content) &&
    equalOptional(before.linkTarget, after.linkTarget) &&
    before.deviceMajor === after.deviceMajor &&
    before.deviceMinor === after.deviceMinor
  );
}

function isSameMetadata(before: TreeEntry, after: TreeEntry): boolean {
  return (
    before.mode === after.mode &&
    before.uid === after.uid &&
    before.gid === after.gid &&
    before.user === after.user &&
    before.group === after.group &&
    before.fileFlags === after.fileFlags &&
    equalTimestamps(before.mtime, after.mtime) &&
    before.xattrs.length === after.xattrs.length &&
    before.xattrs.every(({ name, value }, index) => {
      const other = after.xattrs[index]!;
      return equalBytes(name, other.name) && equalBytes(value, other.value);
    })
  );
}

/** Equal references are equal content: ids are hashes of it, and cuts depend on nothing else. */
function isSameReference(
  left: ContentReference | undefined,
  right: ContentReference | undefined,
): boolean {
  if (left === undefined || right === undefined) return left === right;
  return equalBytes(encodeReference(left), encodeReference(right));
}

function equalOptional(left: Uint8Array | undefined, right: Uint8Array | undefined): boolean {
  if (left === undefined || right === undefined) return left === right;
  return equalBytes(left, right);
}
