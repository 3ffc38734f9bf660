import { equalBytes } from '../../../base/bytes.ts';
import type { Entry, SourceEntry } from '../../../model/entry.ts';
import type { CachedChild, RememberedChild, RememberedDirectory } from './remembered-directory.ts';

/** A child of a directory that is being put together. */
export interface PendingChild {
  readonly name: Uint8Array;
  /** What the cache will remember; empty if it must not. */
  status: Uint8Array;
  /** Its encoded entry, once it is known; stays undefined if it could not be read, and is left out of the tree then. */
  entry: Uint8Array | undefined;
  ids: Uint8Array;
  /** Its entry is as the cache says, though it was read. */
  unchanged: boolean;
  /** What it is instead of all this: just what the cache says. */
  kept: CachedChild | undefined;
}

/** A subdirectory that the walk will enter later. */
export interface PendingDirectory {
  readonly child: PendingChild;
  /** Undefined if it is as remembered. */
  readonly xattrs: Entry['xattrs'] | undefined;
  readonly remembered: CachedChild | undefined;
}

/** A directory whose children are being stored; complete when the walk has left it and nothing is under way. */
export class OpenDirectory {
  readonly path: Uint8Array;
  readonly entry: SourceEntry;
  /** Undefined if they are those that its parent remembers. */
  readonly xattrs: Entry['xattrs'] | undefined;
  readonly parent: OpenDirectory | undefined;
  /** This directory among its parent's children. */
  readonly place: PendingDirectory | undefined;
  readonly cached: RememberedDirectory | undefined;
  /** Whether it is kept if nothing is in it. */
  readonly keepEmpty: boolean;
  readonly children: PendingChild[] = [];
  /** Subdirectories in the order in which they will be entered. */
  readonly subdirectories: PendingDirectory[] = [];
  nextSubdirectory = 0;
  /** Children under way, and the walk itself. */
  pending = 1;
  #cursor = 0;
  /** All that was found is what is remembered. Then only the subdirectories are among `children`. */
  #isAllKept = false;

  constructor(
    path: Uint8Array,
    entry: SourceEntry,
    xattrs: Entry['xattrs'] | undefined,
    parent: OpenDirectory | undefined,
    place: PendingDirectory | undefined,
    cached: RememberedDirectory | undefined,
    keepEmpty: boolean,
  ) {
    this.path = path;
    this.entry = entry;
    this.xattrs = xattrs;
    this.parent = parent;
    this.place = place;
    this.cached = cached;
    this.keepEmpty = keepEmpty;
  }

  /** What the cache has under a name. Names must be asked for in byte order. */
  remembered(name: Uint8Array): RememberedChild | undefined {
    const children = this.cached?.children;
    if (children === undefined) return undefined;
    for (;;) {
      const child = children[this.#cursor];
      if (child === undefined) return undefined;
      const order = child.compareName(name);
      if (order > 0) return undefined;
      this.#cursor++;
      if (order === 0) return child;
    }
  }

  add(name: Uint8Array): PendingChild {
    const child: PendingChild = {
      name,
      status: noBytes,
      entry: undefined,
      ids: noBytes,
      unchanged: false,
      kept: undefined,
    };
    this.children.push(child);
    return child;
  }

  /** Everything in it is as it is remembered, except perhaps what is in its subdirectories, which are to be added. */
  keepAll(): void {
    this.#isAllKept = true;
  }

  /** Whether nothing in it could be read, or is there. */
  get isEmpty(): boolean {
    if (this.#isAllKept && this.cached!.count > this.children.length) return false;
    return this.children.every(({ kept, entry }) => kept === undefined && entry === undefined);
  }

  /** What is in it, as far as it could be read. */
  get found(): CachedChild[] {
    const found: CachedChild[] = [];
    for (const child of this.#isAllKept ? this.#withKept() : this.children) {
      if (!('kept' in child)) found.push(child);
      else if (child.kept !== undefined) found.push(child.kept);
      else if (child.entry !== undefined) found.push({ ...child, entry: child.entry });
    }
    return found;
  }

  /** What is remembered, with subdirectories in the place of what is remembered of them. */
  *#withKept(): Generator<CachedChild | PendingChild> {
    let next = 0;
    for (const remembered of this.cached!.children) {
      const subdirectory = this.children[next];
      if (subdirectory !== undefined && remembered.compareName(subdirectory.name) === 0) {
        next++;
        yield subdirectory;
      } else {
        yield remembered;
      }
    }
  }

  /** Whether more is known of what is unchanged than the cache remembers, because then it might have changed once more, or not all of it could be read. */
  get hasLearned(): boolean {
    return this.children.some(({ unchanged, status }) => unchanged && status.length > 0);
  }

  /** Whether its tree would be the very one the cache remembers. */
  get isUnchanged(): boolean {
    const { cached, children } = this;
    if (this.#isAllKept) return children.every(({ kept }) => kept !== undefined);
    return (
      cached !== undefined &&
      cached.children.length === children.length &&
      children.every(
        (child, index) =>
          child.kept === cached.children[index] ||
          (child.unchanged &&
            child.entry !== undefined &&
            equalBytes(child.entry, cached.children[index]!.entry)),
      )
    );
  }
}

const noBytes = new Uint8Array(0);
