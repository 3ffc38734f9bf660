import { asBuffer } from '../../base/bytes.ts';
import type { DirectoryFilter } from '../../model/path-filter.ts';
import type { TreeEntry } from '../../repository/native/content/tree.ts';
import type { StoredTree } from '../../repository/native/reader/tree-reader.ts';

/** A directory on the way of a restore. */
export interface Level {
  readonly path: Uint8Array;
  readonly entry: TreeEntry;
  readonly tree: StoredTree;
  readonly filter: DirectoryFilter | undefined;
  /** Its tree could be read. */
  readonly isWhole: boolean;
  readonly isLeading: boolean;
  next: number;
  /** Nothing was there before, so nothing needs to be looked at. */
  isFresh: boolean;
  /** Made only when something below it is restored. */
  isMade: boolean;
  /** Something else is in its place, and stays. */
  isBlocked: boolean;
  restoresMetadata: boolean;
  /** Nothing is deleted from it. */
  isKept: boolean;
}

/** Of a directory that nothing is restored of, or that could not be read. */
export const noTree: StoredTree = { entries: [], encoded: [] };

/** A directory that is not made yet. */
export function newLevel(
  given: Pick<Level, 'path' | 'entry' | 'tree' | 'filter' | 'isLeading'>,
): Level {
  return {
    ...given,
    isWhole: given.tree !== noTree,
    next: 0,
    isFresh: false,
    isMade: false,
    isBlocked: false,
    restoresMetadata: !given.isLeading,
    isKept: false,
  };
}

/**
 * The next entry of a directory: first what is no directory, then the directories. So they were stored, and so what lies together in packs is asked for
 * together.
 */
export function nextOf(level: Level): number | undefined {
  const { entries } = level.tree;
  for (; level.next < 2 * entries.length; level.next++) {
    const isSecondPass = level.next >= entries.length;
    const index = isSecondPass ? level.next - entries.length : level.next;
    if ((entries[index]!.type === 'directory') !== isSecondPass) continue;
    level.next++;
    return index;
  }
  return undefined;
}

/** Bytes as a key. */
export function keyOf(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('latin1');
}
