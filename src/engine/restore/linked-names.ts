import type { TreeEntry } from '../../repository/native/content/tree.ts';
import type { ExistingEntry } from '../../target/filesystem/target-entry.ts';
import type { Level } from './restore-level.ts';

/** Where a name is, of a directory that may have been left meanwhile. */
export type Place = Pick<Level, 'path' | 'entry' | 'filter' | 'isFresh' | 'restoresMetadata'>;

/** Not all that is known of a directory, which would be kept as long as the place. */
export function placeOf({ path, entry, filter, isFresh, restoresMetadata }: Place): Place {
  return { path, entry, filter, isFresh, restoresMetadata };
}

/** A name whose turn comes when it is known what the others of its inode are. */
export interface WaitingName {
  readonly place: Place;
  readonly entry: TreeEntry;
  readonly encoded: Uint8Array;
}

/** Names that are one inode in the snapshot, the first of which is one of several of an inode in the target. */
interface Group {
  readonly device: number;
  readonly inode: bigint;
  readonly names: WaitingName[];
  /** Those that are names of the same inode in the target. */
  readonly together: WaitingName[];
  /** The directories and names of `together`: a directory that is mounted twice must not count twice. */
  readonly seen: Set<string>;
}

/**
 * Keeps names of a file that is in the target already under several names until all of these are known to be the snapshot's: only then nobody outside sees
 * what is done to the file, and it can stay.
 */
export class LinkedNamesInTarget {
  readonly #groups = new Map<string, Group>();
  /** What is to become one more name of an inode that stays. */
  readonly #missing: WaitingName[] = [];

  has(key: string): boolean {
    return this.#groups.has(key);
  }

  /** Takes a name in; `directory` tells the directory that it is in from all others. */
  add(
    key: string,
    { place, ...own }: WaitingName,
    existing: ExistingEntry | undefined,
    directory: string,
  ): void {
    const name = { ...own, place: placeOf(place) };
    let group = this.#groups.get(key);
    if (group === undefined) {
      if (existing === undefined) throw new TypeError('The first name is in the target');
      const { device, inode } = existing;
      group = { device, inode, names: [], together: [], seen: new Set() };
      this.#groups.set(key, group);
    }
    group.names.push(name);
    if (existing?.inode !== group.inode || existing.device !== group.device) return;
    const seen = `${directory}/${Buffer.from(name.entry.name).toString('latin1')}`;
    if (group.seen.has(seen)) return;
    group.seen.add(seen);
    group.together.push(name);
  }

  /**
   * The names of a key that an inode has, if it has no others; they wait no longer then. What is to become one more goes on waiting: the directory that it is in
   * may be finished already.
   */
  takeComplete(
    key: string,
    existing: ExistingEntry | undefined,
  ): readonly WaitingName[] | undefined {
    const group = this.#groups.get(key);
    if (group === undefined || existing === undefined) return undefined;
    const { names, together } = group;
    const isSame = existing.inode === group.inode && existing.device === group.device;
    if (!isSame || existing.links !== together.length) return undefined;
    this.#groups.delete(key);
    const there = new Set(together);
    for (const name of names) if (!there.has(name)) this.#missing.push(name);
    return together;
  }

  /** All that still wait. */
  takeAll(): WaitingName[] {
    const waiting = Array.from(this.#groups.values(), ({ names }) => names).flat();
    this.#groups.clear();
    return [...this.#missing.splice(0), ...waiting];
  }
}
