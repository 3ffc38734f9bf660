import { closeSync, constants, openSync, readSync } from 'node:fs';

import { compareBytes, equalBytes } from '../../base/bytes.ts';
import { AppError, hasCode, systemCodeOf } from '../../base/errors.ts';
import type { NameList } from '../../base/posix/directory.ts';
import { joinPath } from '../../base/posix/path-bytes.ts';
import { quotePath } from '../../base/posix/system-error.ts';
import {
  changedEntry,
  type ExtendedAttribute,
  fileFlag,
  type SourceEntry,
} from '../../model/entry.ts';
import { CountedLocation, type DirectoryLocation } from './directory-location.ts';
import { openDirectory, type OpenDirectory, type UnchangedNames } from './open-directory.ts';
import type { DirectoryMemory, WalkMemory } from './walk-memory.ts';
import { changedProblem, sourceProblem } from './source-error.ts';
import type { Selection, SourcePlan } from './source-plan.ts';

/** What a walk leaves out and what it reads. Paths are absolute, as the user knows them. */
export interface WalkOptions {
  /** Leaves an entry out, a directory with everything below it. Never asked about the root. */
  readonly exclude?: (entry: SourceEntry, path: Uint8Array) => boolean;
  /** Keeps a directory on which another file system is mounted, but not what is mounted. */
  readonly oneFileSystem?: boolean;
  /** Of a directory that has an entry with one of these names, only that entry is kept. */
  readonly excludeIfPresent?: readonly Uint8Array[];
  /** Of a directory with a valid `CACHEDIR.TAG`, only the tag is kept. */
  readonly excludeCaches?: boolean;
  /** Leaves out what is marked `chattr +d`. */
  readonly excludeNoDump?: boolean;
  /** Whether (or for which entries) extended attributes are read; all by default. */
  readonly extendedAttributes?: boolean | ((entry: SourceEntry) => boolean);
  /**
   * A link that is found is what it leads to. One that leads nowhere is left out (`source/missing`); one that leads to
   * a directory the walk is in stays a link (`source/unreadable`), so that the walk comes to an end.
   */
  readonly followLinks?: boolean;
  /** At most so many entries in one event. */
  readonly batchSize?: number;
}

/** Options of a walk that is told what an earlier one saw. */
export interface RememberingWalkOptions extends WalkOptions {
  /** Directories in which all is as it says are told with one `unchanged` event instead of their entries, as far as nothing is left out of them. */
  readonly memory: WalkMemory | undefined;
}

/** The walk goes into a directory. The first event is the root's, whose name is empty. */
export interface EnterEvent {
  readonly type: 'enter';
  readonly path: Uint8Array;
  readonly entry: SourceEntry;
  /** What the memory, if there is one, says of what was in it. */
  readonly remembered: DirectoryMemory | undefined;
}

/**
 * Children of the directory entered last, in byte order, subdirectories among them; a large directory comes in several
 * events. `location.release()` is to be called once for each, when its files have been opened.
 */
export interface EntriesEvent {
  readonly type: 'entries';
  readonly path: Uint8Array;
  readonly location: DirectoryLocation;
  readonly entries: readonly SourceEntry[];
}

/**
 * The directory entered last holds what the memory says, and nothing else: not a name and nothing of `lstat` is different.
 * The counterpart of its `entries` events, with a location of the same kind.
 */
export interface UnchangedEvent extends UnchangedNames {
  readonly type: 'unchanged';
  readonly path: Uint8Array;
  readonly location: DirectoryLocation;
}

/** Everything below a directory has been told. */
export interface LeaveEvent {
  readonly type: 'leave';
  readonly path: Uint8Array;
  /** False if something in this very directory could not be read. */
  readonly complete: boolean;
}

/** `source/unreadable` or `source/changed` for one path; the walk goes on. */
export interface ProblemEvent {
  readonly type: 'problem';
  readonly path: Uint8Array;
  readonly error: AppError;
}

export type WalkEvent = EnterEvent | EntriesEvent | LeaveEvent | ProblemEvent;

/** Those of a walk with a memory. */
export type RememberingWalkEvent = WalkEvent | UnchangedEvent;

interface Frame {
  readonly path: Uint8Array;
  readonly entry: SourceEntry;
  readonly selection: Selection;
  /** A named source or above one: links on the way to it are followed. */
  readonly isNamed: boolean;
  /** Of the source this is part of; `undefined` above all sources. */
  readonly device: number | undefined;
  readonly subdirectories: SourceEntry[];
  /** Those of them that a link leads to. */
  readonly followed: Set<SourceEntry>;
  readonly parent: Frame | undefined;
  readonly isFollowed: boolean;
  /** Of the location's components at most so many are links: the system does not take any number of them. */
  links: number;
  location: CountedLocation;
  next: number;
  complete: boolean;
}

/** From this length on paths are replaced by handles: a name of 255 bytes must still fit below. */
const longestPrefix = 3500;
/** And from so many links on. The system takes 40, but each can lead to further ones. */
const mostLinks = 8;
const tagName = Buffer.from('CACHEDIR.TAG');
const tagSignature = Buffer.from('Signature: 8a477f597d28d172789f06886806bc55');

/**
 * Walks what is backed up, depth first and in byte order of names, synchronously and in batches, so that the caller
 * decides when to wait.
 *
 * Each directory among the entries is entered and left exactly once, after all batches of the directory it lies in;
 * also one that cannot be read. What goes wrong with one path is an event.
 *
 * A path that is swapped for a link meanwhile is noticed: a directory is read only if it is the inode that its parent
 * showed, and children are looked at through its handle.
 *
 * @throws AppError `source/unreadable` or `source/missing` if the root cannot be opened
 */
export function walk(
  plan: SourcePlan,
  options: RememberingWalkOptions,
): Generator<RememberingWalkEvent, void, void>;
export function walk(plan: SourcePlan, options?: WalkOptions): Generator<WalkEvent, void, void>;
export function* walk(
  plan: SourcePlan,
  options: AnyWalkOptions = {},
): Generator<RememberingWalkEvent, void, void> {
  const frames: Frame[] = [];
  try {
    frames.push(rootFrame(plan, options));
    for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
      if (frame.next === 0) {
        const remembered = options.memory?.recall(frame.path);
        yield { type: 'enter', path: frame.path, entry: frame.entry, remembered };
        yield* readDirectory(frame, options, remembered);
      }
      const subdirectory = frame.subdirectories[frame.next];
      frame.next++;
      if (subdirectory === undefined) {
        yield { type: 'leave', path: frame.path, complete: frame.complete };
        frames.pop();
        frame.location.release();
      } else {
        frames.push(frameBelow(frame, subdirectory));
      }
    }
  } finally {
    for (const frame of frames.reverse()) frame.location.release();
  }
}

type AnyWalkOptions = WalkOptions & Partial<RememberingWalkOptions>;

function rootFrame(plan: SourcePlan, options: WalkOptions): Frame {
  const { root } = plan;
  let directory: OpenDirectory;
  try {
    directory = openDirectory(root, { follow: true });
  } catch (cause) {
    const error = sourceProblem('read the directory', root, cause);
    if (error.code !== 'source/changed') throw error;
    throw new AppError('source/missing', error.message, { cause });
  }
  try {
    const { self } = directory;
    const xattrs = attributesOf(directory, self, options);
    return {
      path: root,
      entry: changedEntry(self, { xattrs }),
      selection: plan.selection,
      isNamed: true,
      device: plan.selection === undefined ? self.device : undefined,
      subdirectories: [],
      followed: new Set(),
      parent: undefined,
      isFollowed: false,
      links: 0,
      location: CountedLocation.ofPath(root),
      next: 0,
      complete: true,
    };
  } catch (cause) {
    throw sourceProblem('read the attributes of', root, cause);
  } finally {
    directory.close();
  }
}

function frameBelow(parent: Frame, entry: SourceEntry): Frame {
  const { name } = entry;
  const isFollowed = parent.followed.has(entry);
  const selection = parent.selection?.get(Buffer.from(name).toString('latin1'));
  return {
    path: joinPath(parent.path, name),
    entry,
    selection,
    isNamed: parent.selection !== undefined,
    device: selection === undefined ? (parent.device ?? entry.device) : undefined,
    subdirectories: [],
    followed: new Set(),
    parent,
    isFollowed,
    links: parent.links + (isFollowed ? 1 : 0),
    location: parent.location.below(name),
    next: 0,
    complete: true,
  };
}

function* readDirectory(
  frame: Frame,
  options: AnyWalkOptions,
  remembered: DirectoryMemory | undefined,
): Generator<RememberingWalkEvent, void, void> {
  const { path, entry } = frame;
  const isOtherFileSystem = frame.device !== undefined && entry.device !== frame.device;
  if (isOtherFileSystem && options.oneFileSystem === true) return;
  if (options.followLinks === true && isEntered(frame.parent, entry)) {
    // A link on the way led above it. What lies below is told where it was met first.
    frame.complete = false;
    yield { type: 'problem', path, error: circleProblem(path) };
    return;
  }
  let directory: OpenDirectory;
  try {
    directory = openDirectory(frame.location.prefix, {
      follow: frame.isNamed || frame.isFollowed,
    });
  } catch (cause) {
    frame.complete = false;
    yield { type: 'problem', path, error: sourceProblem('read the directory', path, cause) };
    return;
  }
  try {
    const { self } = directory;
    if (self.inode !== entry.inode || self.device !== entry.device) {
      frame.complete = false;
      const error = changedProblem(path, 'the directory was replaced while it was backed up');
      yield { type: 'problem', path, error };
      return;
    }
    useHandle(frame, directory);
    yield* readEntries(frame, directory, options, remembered);
  } finally {
    directory.close();
  }
}

/** Replaces a path that gets too long for its children, or that leads over too many links. */
function useHandle(frame: Frame, directory: OpenDirectory): void {
  if (frame.location.prefix.length <= longestPrefix && frame.links < mostLinks) return;
  const handle = directory.makeHandle();
  if (handle === undefined) return;
  frame.location.release();
  frame.location = CountedLocation.ofHandle(handle);
  frame.links = 0;
}

/** Whether the walk is in this very directory, by whatever way. */
function isEntered(frame: Frame | undefined, { device, inode }: SourceEntry): boolean {
  for (let above = frame; above !== undefined; above = above.parent) {
    if (above.entry.inode === inode && above.entry.device === device) return true;
  }
  return false;
}

function circleProblem(path: Uint8Array): AppError {
  const message = `Cannot follow ${quotePath(path)}: it leads back to a directory that it lies in`;
  return new AppError('source/unreadable', message, { details: { link: 'circle' } });
}

/** What a link leads to, under its name; a problem if that is nothing, or a directory that the walk is in. */
function followLink(
  frame: Frame,
  directory: OpenDirectory,
  name: Uint8Array,
): SourceEntry | AppError {
  const path = joinPath(frame.path, name);
  try {
    const entry = directory.look(name, { follow: true });
    if (entry.type === 'directory' && isEntered(frame, entry)) return circleProblem(path);
    // It is one more name of the file, but none that the file system counts.
    return changedEntry(entry, { links: 1 });
  } catch (cause) {
    if (!nowhere.has(systemCodeOf(cause) ?? '')) return sourceProblem('look at', path, cause);
    const message = `Cannot follow ${quotePath(path)}: it is a link that leads nowhere`;
    return new AppError('source/missing', message, { cause, details: { link: 'nowhere' } });
  }
}

/** What looking at the end of a link says if there is none. */
const nowhere: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);

function* readEntries(
  frame: Frame,
  directory: OpenDirectory,
  options: AnyWalkOptions,
  remembered: DirectoryMemory | undefined,
): Generator<RememberingWalkEvent, void, void> {
  const { path, location } = frame;
  const { batchSize = 1024 } = options;
  const problem = (where: Uint8Array, error: AppError): ProblemEvent => {
    if (hasCode(error, 'source/unreadable')) frame.complete = false;
    return { type: 'problem', path: where, error };
  };
  let names: Uint8Array[];
  if (frame.selection === undefined) {
    const list = directory.list();
    const unchanged = unchangedNames(frame, directory, list, options, remembered);
    if (unchanged !== undefined) {
      frame.subdirectories.push(...unchanged.subdirectories);
      yield { type: 'unchanged', path, location: location.hold(), ...unchanged };
      return;
    }
    names = withoutTagged(list.names(), location, options);
    if (list.problem !== undefined) {
      yield problem(path, sourceProblem('read all of the directory', path, list.problem));
    }
  } else names = Array.from(frame.selection.keys(), (name) => Buffer.from(name, 'latin1'));
  names.sort(compareBytes);
  let entries: SourceEntry[] = [];
  for (const name of names) {
    let entry: SourceEntry;
    try {
      entry = directory.look(name, { follow: frame.selection !== undefined });
    } catch (cause) {
      const where = joinPath(path, name);
      yield problem(where, sourceProblem('look at', where, cause));
      continue;
    }
    let isFollowed = false;
    let notFollowed: AppError | undefined;
    if (options.followLinks === true && entry.type === 'symlink') {
      const followed = followLink(frame, directory, name);
      if (followed instanceof AppError) notFollowed = followed;
      else {
        entry = followed;
        isFollowed = true;
      }
    }
    if (isExcluded(entry, path, options)) continue;
    if (notFollowed !== undefined) {
      yield problem(joinPath(path, name), notFollowed);
      if (notFollowed.details['link'] !== 'circle') continue;
    }
    if (options.extendedAttributes !== false) {
      try {
        const xattrs = attributesOf(directory, entry, options, isFollowed);
        if (xattrs.length > 0) entry = changedEntry(entry, { xattrs });
      } catch (cause) {
        const where = joinPath(path, name);
        yield problem(where, sourceProblem('read the attributes of', where, cause));
      }
    }
    entries.push(entry);
    if (entry.type === 'directory') {
      frame.subdirectories.push(entry);
      if (isFollowed) frame.followed.add(entry);
    }
    if (entries.length < batchSize) continue;
    yield { type: 'entries', path, location: location.hold(), entries };
    entries = [];
  }
  if (entries.length > 0) yield { type: 'entries', path, location: location.hold(), entries };
}

/** What is in a directory if it is all that is remembered of it, and nothing of it is left out. */
function unchangedNames(
  frame: Frame,
  directory: OpenDirectory,
  list: NameList,
  options: AnyWalkOptions,
  remembered: DirectoryMemory | undefined,
): UnchangedNames | undefined {
  const { memory } = options;
  if (memory === undefined || remembered?.count !== list.count) return undefined;
  if (list.problem !== undefined || !mayBeUnchanged(options)) return undefined;
  if (mayBeTagged(options)) {
    const kept = withoutTagged(list.names(), frame.location, options);
    if (kept.length !== list.count) return undefined;
  }
  return directory.compare(list, remembered.comparison(memory.quietSince));
}

/** Whether all that is in a directory counts, and as it is: otherwise each entry has to be looked at. */
function mayBeUnchanged(options: WalkOptions): boolean {
  return (
    options.exclude === undefined &&
    options.excludeNoDump !== true &&
    options.followLinks !== true &&
    options.extendedAttributes === false
  );
}

function isExcluded(entry: SourceEntry, parent: Uint8Array, options: WalkOptions): boolean {
  if (options.excludeNoDump === true && (entry.fileFlags & fileFlag.noDump) !== 0) return true;
  return options.exclude?.(entry, joinPath(parent, entry.name)) === true;
}

function attributesOf(
  directory: OpenDirectory,
  entry: SourceEntry,
  { extendedAttributes = true }: WalkOptions,
  follow = false,
): readonly ExtendedAttribute[] {
  const wanted =
    typeof extendedAttributes === 'boolean' ? extendedAttributes : extendedAttributes(entry);
  return wanted ? directory.attributesOf(entry.name, entry, { follow }) : [];
}

/** Whether a directory may be marked as one to be left out. */
function mayBeTagged({ excludeIfPresent = [], excludeCaches }: WalkOptions): boolean {
  return excludeCaches === true || excludeIfPresent.length > 0;
}

/** The names that are kept in a directory that may be marked as one to be left out. */
function withoutTagged(
  names: Uint8Array[],
  location: DirectoryLocation,
  { excludeIfPresent, excludeCaches }: WalkOptions,
): Uint8Array[] {
  if (excludeCaches === true && names.some((name) => equalBytes(name, tagName))) {
    if (isCacheTag(location.pathOf(tagName))) return [tagName];
  }
  const marks = excludeIfPresent?.filter((mark) => names.some((name) => equalBytes(name, mark)));
  return marks === undefined || marks.length === 0 ? names : marks;
}

/** Whether the file begins as https://bford.info/cachedir/ says; one that cannot be read does not count. */
function isCacheTag(path: Buffer): boolean {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return false;
  }
  try {
    const start = Buffer.alloc(tagSignature.length);
    return readSync(fd, start, 0, start.length, 0) === start.length && start.equals(tagSignature);
  } catch {
    return false;
  } finally {
    closeSync(fd);
  }
}
