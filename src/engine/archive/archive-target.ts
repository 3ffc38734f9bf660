import { closeSync } from 'node:fs';

import { asBuffer, equalBytes, toHex } from '../../base/bytes.ts';
import { AppError, hasCode } from '../../base/errors.ts';
import { changeModeAt, renameAt, unlinkAt } from '../../base/posix/at-calls.ts';
import { setTimesAt } from '../../base/posix/file-times.ts';
import { nameOf, parentOf } from '../../base/posix/path-bytes.ts';
import { quotePath } from '../../base/posix/system-error.ts';
import { systemRandom } from '../../base/random.ts';
import { isValidName, type Entry } from '../../model/entry.ts';
import { isAtOrBelow } from '../../repository/duplicity/index-order.ts';
import type { ArchivedEntry } from '../../repository/duplicity/reader/archive-reader.ts';
import {
  actionFor,
  looksSame,
  type ExistingPolicy,
  type RestoreAction,
} from '../../target/filesystem/existing-policy.ts';
import { writeAt } from '../../target/filesystem/file-content.ts';
import { clearName } from '../../target/filesystem/remove-tree.ts';
import type { SparedPlaces } from '../../target/filesystem/spared-places.ts';
import {
  createFile,
  createHardLink,
  createSpecial,
  createSymlink,
  type ExistingEntry,
  lookAt,
  makeDirectory,
} from '../../target/filesystem/target-entry.ts';
import { refusal, targetError } from '../../target/filesystem/target-error.ts';
import { MetadataWriter } from '../../target/filesystem/target-metadata.ts';
import type { TargetTree } from '../../target/filesystem/target-tree.ts';
import { isFatal } from '../restore/file-restorer.ts';
import type { RestoreTally } from '../restore/restore-tally.ts';
import { FileQueue } from './file-queue.ts';
import { FirstNames } from './first-names.ts';

export interface ArchiveTargetOptions {
  readonly policy: ExistingPolicy;
  /** Nothing was in the target. */
  readonly isFresh: boolean;
  /** By number, by name where this host has it, or not at all. */
  readonly owners: 'numbers' | 'names' | 'none';
  /** Entries come in no particular order, so that directories are finished when all is there. */
  readonly isUnordered: boolean;
  /** Places that are not to be destroyed: the archive, for one. */
  readonly sparedPlaces: SparedPlaces;
  /** How many threads write new files at most. */
  readonly threads: number;
  readonly signal: AbortSignal;
}

/** A directory that entries are being made in. */
interface Level {
  readonly path: Uint8Array;
  /** Undefined if it is not in the archive, or not to be changed. */
  readonly entry: Entry | undefined;
  /** What it was like before something was made in it, where it is to be like that again. */
  readonly before: ExistingEntry | undefined;
  /** Made now: nothing needs to be looked at. */
  readonly isFresh: boolean;
}

/** Where an entry goes. */
interface Place {
  readonly path: Uint8Array;
  /** The directory that it is in. */
  readonly parent: Uint8Array;
  readonly name: Uint8Array;
  readonly existing: ExistingEntry | undefined;
}

/** The bits that mean somebody else when the owner is not restored. */
const setIds = 0o6000;

/**
 * Writes the entries of an archive into a target, in index order or any other. What is made is private until it is whole; directories get their metadata when they are left; what exists is replaced at once
 * by what is whole already. Everything is reached from the target's handle, never through a link, so that an archive cannot lead out of it. What fails for one entry is told and
 * counted; what would fail for all is thrown. Small new files are written by other threads, and directories are finished after what is in them.
 */
export class ArchiveTarget implements AsyncDisposable {
  readonly #tree: TargetTree;
  readonly #tally: RestoreTally;
  readonly #options: ArchiveTargetOptions;
  readonly #metadata: MetadataWriter;
  readonly #queue: FileQueue;
  /** Whether no two entries can be about the same place, so that one may be made while another one waits. */
  #mayQueue: boolean;
  readonly #levels: Level[] = [];
  /** Directories that get their metadata at the end, by their paths. */
  readonly #unfinished = new Map<string, Level>();
  readonly #firstNames = new FirstNames();
  #rootEntry: Entry | undefined;

  constructor(tree: TargetTree, tally: RestoreTally, options: ArchiveTargetOptions) {
    this.#tree = tree;
    this.#tally = tally;
    this.#options = options;
    const { owners, isFresh } = options;
    const metadata = { owners: owners === 'names' ? 'names' : 'numbers' } as const;
    this.#metadata = new MetadataWriter(metadata);
    this.#mayQueue = !options.isUnordered;
    const { threads, signal } = options;
    this.#queue = new FileQueue(tree, tally, { threads, ...metadata, signal });
    const path = new Uint8Array(0);
    this.#levels.push({ path, entry: undefined, before: undefined, isFresh });
  }

  /** Makes an entry at a path below the target; the empty one is the target itself, which must be a directory. */
  async put(path: Uint8Array, archived: ArchivedEntry): Promise<void> {
    if (archived.isLate && this.#mayQueue) {
      this.#mayQueue = false;
      await this.#queue.drain();
    }
    try {
      if (path.length === 0) this.#takeRoot(archived.entry);
      else await this.#put(path, archived);
    } catch (error) {
      this.#note(path, error);
    }
    this.#settle();
  }

  /** Finishes all directories, the target last. `beforeLast`: before that one, whose time is right then. */
  async finish(beforeLast: () => void = () => undefined): Promise<void> {
    await this.#queue.drain();
    while (this.#levels.length > 1) this.#leave();
    // Those below come first.
    const unfinished = Array.from(this.#unfinished.values()).toSorted(
      (left, right) => right.path.length - left.path.length,
    );
    this.#unfinished.clear();
    for (const level of unfinished) this.#finishDirectory(level);
    beforeLast();
    if (this.#rootEntry !== undefined) {
      this.#metadata.applyToOpen(this.#tree.root, this.#rootEntry, new Uint8Array(0));
    }
    this.#settle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      // What came before a failure is restored all the same, unless it is this that fails: then that was thrown already.
      if (!this.#options.signal.aborted) await this.#queue.drain().catch(() => undefined);
    } finally {
      await this.#queue[Symbol.asyncDispose]();
    }
  }

  #takeRoot(entry: Entry): void {
    if (entry.type !== 'directory') {
      throw refusal(new Uint8Array(0), 'the target is a directory, and this is none');
    }
    this.#tally.directories++;
    const { policy, isFresh } = this.#options;
    if (policy !== 'never' || isFresh) this.#rootEntry = this.#owned(entry);
    this.#tally.entry('restored', () => new Uint8Array(0), 0);
  }

  async #put(path: Uint8Array, archived: ArchivedEntry): Promise<void> {
    const parent = this.#leaveFor(parentOf(path)) ?? (await this.#enter(parentOf(path)));
    const name = nameOf(path);
    const entry = this.#owned(archived.entry);
    const place: Place = {
      path,
      parent: parent.path,
      name,
      existing:
        parent.isFresh && !archived.isLate ? undefined : lookAt(this.#at(parent.path), name),
    };
    const action = this.#action(place, entry, archived);
    if (entry.type === 'directory') {
      this.#putDirectory(place, entry, action);
      return;
    }
    if (action === 'skip') {
      const { size = -1 } = archived;
      if (place.existing !== undefined && looksSame(place.existing, { ...entry, size })) {
        this.#count('unchanged', path, entry, size);
      } else this.#tally.leave(path, archived.size ?? 0);
      return;
    }
    if (entry.type !== 'file') {
      this.#putSpecial(place, entry, action);
      return;
    }
    if (await this.#queued(place, entry, archived)) return;
    // Even what looks the same, which is another file than the one that has the first name by now.
    if (this.#link(place, entry, archived)) return;
    if (action === 'keep') this.#metadata.applyToFile(this.#at(parent.path), name, entry, path);
    const size = action === 'keep' ? entry.size : await this.#putFile(place, entry, archived);
    this.#firstNames.add(archived.linkGroup, { path, entry, size });
    this.#count(action === 'keep' ? 'unchanged' : 'restored', path, entry, size);
  }

  #action({ path, existing }: Place, entry: Entry, { size, isLate }: ArchivedEntry): RestoreAction {
    // It may be what this restore has made.
    if (isLate && existing !== undefined) throw refusal(path, 'something has its name already');
    // A size that is not known is no reason to take a file for the same.
    return actionFor(this.#options.policy, existing, { ...entry, size: size ?? -1 });
  }

  #putDirectory(place: Place, entry: Entry, action: RestoreAction): void {
    const { path, parent, name, existing } = place;
    const spared = existing && this.#options.sparedPlaces.at(existing);
    if (spared?.isUntouchable === true) {
      this.#tally.spared(path, spared);
      return;
    }
    const isThere = existing?.type === 'directory';
    if (action === 'skip' && !isThere) {
      this.#tally.leave(path, 0);
      return;
    }
    if (existing !== undefined && !isThere) this.#remove(place, existing);
    makeDirectory(this.#at(parent), name);
    const keepsMetadata = action === 'skip';
    this.#levels.push({
      path,
      entry: keepsMetadata ? undefined : entry,
      before: keepsMetadata ? existing : undefined,
      isFresh: !isThere,
    });
    this.#tally.directories++;
    this.#tally.entry(isThere ? 'unchanged' : 'restored', () => path, 0);
  }

  #putSpecial(place: Place, entry: Entry, action: RestoreAction): void {
    const { path, parent, name } = place;
    if (action !== 'keep') {
      this.#make(place, (own) => {
        if (entry.type === 'symlink') createSymlink(this.#at(parent), own, entry.linkTarget!);
        else createSpecial(this.#at(parent), own, entry);
      });
    }
    this.#metadata.applyToSpecial(this.#at(parent), name, entry, path);
    this.#tally.others++;
    this.#tally.entry(action === 'keep' ? 'unchanged' : 'restored', () => path, 0);
  }

  /** Has a small new file written by another thread; false if it is not such a file. */
  async #queued(place: Place, entry: Entry, archived: ArchivedEntry): Promise<boolean> {
    const { path, parent, name, existing } = place;
    const { size, linkGroup } = archived;
    // A file that will get other names must be there when they come.
    if (!this.#mayQueue || existing !== undefined || linkGroup !== undefined) return false;
    if (size === undefined || !isValidName(name) || !this.#queue.takes(entry, size)) return false;
    const room = await this.#queue.room(size);
    let filled = 0;
    for await (const piece of archived.content()) {
      this.#options.signal.throwIfAborted();
      if (filled + piece.length <= size) room.set(piece, filled);
      filled += piece.length;
    }
    if (filled !== size) throw otherLength(path, filled, size);
    this.#queue.add(parent, { ...entry, name }, size, (error) => {
      if (error === undefined) this.#count('restored', path, entry, size);
      else this.#tally.problem(path, error);
    });
    return true;
  }

  /** Writes a file under its name, or under another one that it then gives up for it. Returns how many bytes it has. */
  async #putFile(place: Place, entry: Entry, archived: ArchivedEntry): Promise<number> {
    const { path, parent, name, existing } = place;
    const own = existing === undefined ? name : temporaryName();
    const fd = createFile(this.#at(parent), own);
    let isPlaced = false;
    try {
      const size = await this.#write(fd, path, archived);
      if (existing !== undefined) this.#replace(place, own, existing);
      isPlaced = true;
      this.#metadata.applyToOpen(fd, entry, path);
      return size;
    } finally {
      closeSync(fd);
      // What is not whole must not look like the file.
      if (!isPlaced) this.#discard(place, own);
    }
  }

  async #write(fd: number, path: Uint8Array, archived: ArchivedEntry): Promise<number> {
    let size = 0;
    for await (const piece of archived.content()) {
      this.#options.signal.throwIfAborted();
      try {
        writeAt(fd, piece, size);
      } catch (cause) {
        throw targetError('write', path, cause);
      }
      size += piece.length;
      this.#tally.counters.bytesAdded += piece.length;
    }
    if (archived.size === undefined || archived.size === size) return size;
    throw otherLength(path, size, archived.size);
  }

  /** Makes a name one more of a file that was restored before; false if that is not possible or not the same file. */
  #link(place: Place, entry: Entry, archived: ArchivedEntry): boolean {
    const { path, parent } = place;
    const first = this.#firstNames.of(entry, archived);
    if (first === undefined) return false;
    const name = nameOf(first.path);
    try {
      const there = lookAt(this.#at(parentOf(first.path)), name);
      // It must still be what was restored.
      if (there?.type !== 'file' || there.size !== first.size) return false;
      this.#make(place, (own) => {
        const [from, at] = this.#tree.directories(parentOf(first.path), parent);
        createHardLink(at, own, from, name);
      });
    } catch (error) {
      // The file system has no links, or not so many: then it becomes a file of its own.
      if (!hasCode(error, 'target/unwritable') || isFatal(error)) throw error;
      return false;
    }
    this.#tally.links++;
    this.#count('restored', path, entry, first.size);
    return true;
  }

  /** Makes something under its name; where something exists it is made under another one first. */
  #make(place: Place, make: (name: Uint8Array) => void): void {
    const { name, existing } = place;
    if (existing === undefined) {
      make(name);
      return;
    }
    const own = temporaryName();
    make(own);
    try {
      this.#replace(place, own, existing);
    } catch (error) {
      this.#discard(place, own);
      throw error;
    }
  }

  #replace(place: Place, own: Uint8Array, existing: ExistingEntry): void {
    const { path, parent, name } = place;
    const spared = this.#options.sparedPlaces.at(existing);
    if (spared !== undefined) throw refusal(path, `${spared.title} is there`);
    if (existing.type === 'directory') this.#remove(place, existing);
    try {
      renameAt(this.#at(parent), own, name);
    } catch (cause) {
      throw targetError('replace', path, cause);
    }
  }

  #remove({ path, parent, name }: Place, existing: ExistingEntry): void {
    const { sparedPlaces: spared } = this.#options;
    const hintIfFull = 'Move it away, and restore again';
    try {
      clearName(this.#at(parent), name, existing, { path, spared, hintIfFull });
    } finally {
      // What is gone must not be found through a handle that is still open.
      this.#tree.forget();
    }
  }

  #discard({ path, parent }: Place, own: Uint8Array): void {
    try {
      unlinkAt(this.#at(parent), own);
    } catch (cause) {
      this.#tally.problem(path, targetError('remove what is not whole of', path, cause));
    }
  }

  #at(directory: Uint8Array): number {
    return this.#tree.directory(directory);
  }

  /** The directory of this path, after leaving those that it is not in; undefined if it was not entered. */
  #leaveFor(path: Uint8Array): Level | undefined {
    for (;;) {
      const top = this.#levels.at(-1)!;
      if (equalBytes(top.path, path)) return top;
      if (isAtOrBelow(path, top.path)) return undefined;
      this.#leave();
    }
  }

  /** Enters directories that the archive does not have, which are made, until the one of this path. */
  async #enter(path: Uint8Array): Promise<Level> {
    // What is still to be written may have the name of one of them.
    await this.#queue.drain();
    for (;;) {
      const top = this.#levels.at(-1)!;
      if (equalBytes(top.path, path)) return top;
      this.#enterUnasked(top, path);
    }
  }

  /** The next directory on the way to `path`, of which nothing is known. */
  #enterUnasked(parent: Level, path: Uint8Array): void {
    const begin = parent.path.length === 0 ? 0 : parent.path.length + 1;
    const slash = path.indexOf(0x2f, begin);
    const own = slash === -1 ? path : path.subarray(0, slash);
    const name = nameOf(own);
    const at = this.#at(parent.path);
    const before = lookAt(at, name);
    if (before !== undefined && before.type !== 'directory') {
      throw refusal(own, 'something is to be in it, but it is no directory');
    }
    const spared = before && this.#options.sparedPlaces.at(before);
    if (spared?.isUntouchable === true) throw refusal(path, `${spared.title} is there`);
    makeDirectory(at, name);
    this.#levels.push({ path: own, entry: undefined, before, isFresh: before === undefined });
  }

  #leave(): void {
    const level = this.#levels.pop()!;
    if (!this.#options.isUnordered) {
      this.#queue.after(() => this.#finishDirectory(level));
      return;
    }
    const key = keyOf(level.path);
    // Of one that is entered again the archive's entry counts, or else what it was like at first.
    if (level.entry !== undefined || !this.#unfinished.has(key)) this.#unfinished.set(key, level);
  }

  #finishDirectory({ path, entry, before }: Level): void {
    try {
      const at = this.#at(parentOf(path));
      const name = nameOf(path);
      if (entry !== undefined) this.#metadata.applyToDirectory(at, name, entry, path);
      else if (before !== undefined) {
        try {
          changeModeAt(at, name, before.mode);
          setTimesAt(at, name, before.mtime);
        } catch (cause) {
          throw targetError('set the mode and times of', path, cause);
        }
      }
    } catch (error) {
      this.#note(path, error);
    }
    this.#settle();
  }

  #owned(entry: Entry): Entry {
    if (this.#options.owners !== 'none') return entry;
    return {
      ...entry,
      uid: process.geteuid?.() ?? entry.uid,
      gid: process.getegid?.() ?? entry.gid,
      user: undefined,
      group: undefined,
      mode: entry.type === 'directory' ? entry.mode : entry.mode & ~setIds,
    };
  }

  #count(action: 'restored' | 'unchanged', path: Uint8Array, { type }: Entry, size: number): void {
    if (action === 'unchanged') {
      this.#tally.unchanged(path, { type, size });
      return;
    }
    this.#tally.count({ type, size });
    this.#tally.entry(action, () => path, size);
  }

  /** Tells what the metadata has brought to light. */
  #settle(): void {
    const { problems } = this.#metadata;
    if (problems.length > 0) {
      for (const { path, error } of problems.splice(0)) this.#tally.problem(path, error);
    }
    this.#tally.ownersNotRestored += this.#metadata.ownersNotRestored;
    this.#metadata.ownersNotRestored = 0;
  }

  #note(path: Uint8Array, error: unknown): void {
    if (!hasCode(error, 'target/refused', 'target/unwritable', 'repository/damaged')) throw error;
    if (isFatal(error)) throw error;
    if (error.code === 'repository/damaged') this.#tally.damaged++;
    this.#tally.problem(path, error);
  }
}

function otherLength(path: Uint8Array, size: number, expected: number): AppError {
  return new AppError(
    'repository/damaged',
    `${quotePath(path)} has ${size} bytes in the archive instead of ${expected}`,
  );
}

function temporaryName(): Uint8Array {
  return Buffer.from(`.holdfast-${toHex(systemRandom(12))}.unfinished`);
}

/** Bytes as a key. */
function keyOf(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('latin1');
}
