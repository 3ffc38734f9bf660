import { closeSync } from 'node:fs';

import { equalBytes } from '../../base/bytes.ts';
import { AppError, systemCodeOf } from '../../base/errors.ts';
import { changeModeAt, removeDirectoryAt, unlinkAt } from '../../base/posix/at-calls.ts';
import { openDirectoryAt, readNames } from '../../base/posix/directory.ts';
import { FileStatus } from '../../base/posix/file-status.ts';
import { joinPath } from '../../base/posix/path-bytes.ts';
import { SystemError } from '../../base/posix/system-error.ts';
import { entryTypeOf } from '../../model/entry.ts';
import type { DirectoryFilter, Verdict } from '../../model/path-filter.ts';
import type { SparedPlace, SparedPlaces } from './spared-places.ts';
import { checkName, type ExistingEntry } from './target-entry.ts';
import { refusal, targetError, type TargetProblem } from './target-error.ts';

/** Who is told of each step; paths are below the target's root. */
export interface RemovalOptions {
  /** The path of what is removed, or of the directory whose entries are. */
  readonly path: Uint8Array;
  /** Says what would be removed without doing it. */
  readonly dryRun?: boolean;
  /** Called before each name is removed; of a directory, after what was in it. */
  readonly onRemove?: (path: Uint8Array) => void;
  /** What stays, with the directories that it lies in. */
  readonly spared?: SparedPlaces;
  /** Called for what stays. */
  readonly onSpare?: (path: Uint8Array, place: SparedPlace) => void;
  /** Of the directory that the names are in: what it leaves out stays at any depth, with the directories that it lies in. */
  readonly filter?: DirectoryFilter | undefined;
}

interface Level {
  readonly name: Uint8Array;
  readonly path: Uint8Array;
  readonly names: Uint8Array[];
  /** Of the directory above, to find the way back. */
  readonly parentInode: bigint;
  readonly parentDevice: number;
  readonly filter: DirectoryFilter | undefined;
  /** Its mode, if it was changed to get at what is in it. */
  readonly before: number | undefined;
  /** Something in it stays, and so does it. */
  stays: boolean;
}

const up = Buffer.from('..');
const here = Buffer.from('.');
const status = { shared: undefined as FileStatus | undefined };

/**
 * Removes the entries of a directory that a snapshot does not have, with everything in them. Links are removed, not
 * followed; what is mounted below is left alone and reported.
 *
 * @returns what could not be removed
 */
export function removeOthers(
  directory: number,
  isWanted: (name: Uint8Array) => boolean,
  options: RemovalOptions,
): TargetProblem[] {
  const names: Buffer[] = [];
  try {
    const fd = openDirectoryAt(directory, here);
    try {
      readNames(fd, names);
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    return [problemOf(options.path, cause)];
  }
  const problems: TargetProblem[] = [];
  for (const name of names) {
    if (isWanted(name)) continue;
    const path = joinPath(options.path, name);
    problems.push(...removeEntry(directory, name, { ...options, path }));
  }
  return problems;
}

/**
 * Removes one entry, a directory with everything in it. However deep it is, only two handles are open at a time.
 *
 * @returns what could not be removed; empty if all is gone
 */
export function removeEntry(
  directory: number,
  name: Uint8Array,
  options: RemovalOptions,
): TargetProblem[] {
  checkName(name);
  status.shared ??= new FileStatus();
  return new Removal(options, status.shared).run(directory, name);
}

/** What something else takes the place of. */
export interface ClearingOptions extends RemovalOptions {
  readonly spared: SparedPlaces;
  /** Given, a directory stays if there is something in it; it says what can be done then. */
  readonly hintIfFull?: string | undefined;
}

/**
 * Removes what something else is to take the place of, unless it is to stay, or something in it.
 *
 * @throws AppError `target/refused` if it stays, or what keeps it from being removed
 */
export function clearName(
  directory: number,
  name: Uint8Array,
  existing: ExistingEntry,
  options: ClearingOptions,
): void {
  const { path, spared } = options;
  const own = spared.at(existing);
  const staying = own === undefined ? [] : [own];
  const onSpare = (_: Uint8Array, place: SparedPlace): void => void staying.push(place);
  const refuse = (): void => {
    const [place] = staying;
    if (place !== undefined) throw refusal(path, `${place.title} is there`);
  };
  // It is looked at first, so that nothing beside what stays is gone.
  const loss =
    existing.type === 'directory' ? lossOf(directory, name, { ...options, onSpare }) : undefined;
  refuse();
  if (loss !== undefined) throw loss;
  const [problem] = removeEntry(directory, name, { ...options, onSpare });
  refuse();
  if (problem !== undefined) throw problem.error;
}

/** Why a directory is not to be removed; undefined if it may be. */
function lossOf(
  directory: number,
  name: Uint8Array,
  options: ClearingOptions,
): AppError | undefined {
  const { path, hintIfFull: hint } = options;
  let goes = false;
  let isEmpty = true;
  const onRemove = (removed: Uint8Array): void => {
    if (equalBytes(removed, path)) goes = true;
    else isEmpty = false;
  };
  const problems = removeEntry(directory, name, { ...options, dryRun: true, onRemove });
  if (hint !== undefined && !(isEmpty && goes))
    return refusal(path, 'a directory with something in it is there', { hint });
  if (goes || problems.length > 0) return undefined;
  return refusal(path, 'a directory is there, with something in it that the filters leave out');
}

class Removal {
  readonly #options: RemovalOptions;
  readonly #status: FileStatus;
  readonly #problems: TargetProblem[] = [];
  readonly #levels: Level[] = [];
  #directory = -1;

  constructor(options: RemovalOptions, fileStatus: FileStatus) {
    this.#options = options;
    this.#status = fileStatus;
  }

  run(directory: number, name: Uint8Array): TargetProblem[] {
    try {
      // An own handle of the same directory, since handles are closed on the way.
      this.#directory = openDirectoryAt(directory, here);
      this.#remove(name, this.#options.path);
      for (let level = this.#levels.at(-1); level !== undefined; level = this.#levels.at(-1)) {
        const next = level.names.pop();
        if (next === undefined) this.#ascend(level);
        else this.#remove(next, joinPath(level.path, next));
      }
    } catch (cause) {
      this.#problems.push(problemOf(this.#levels.at(-1)?.path ?? this.#options.path, cause));
    } finally {
      if (this.#directory >= 0) closeSync(this.#directory);
    }
    return this.#problems;
  }

  /** Removes what is no directory, goes into what is one. */
  #remove(name: Uint8Array, path: Uint8Array): void {
    const found = this.#status;
    try {
      const errno = found.readAt(this.#directory, name);
      if (errno !== 0) throw new SystemError(errno, 'statx', name);
      if (this.#spares(path)) return;
      const verdict = this.#verdictOn(name);
      if (verdict?.included === false) this.#stay();
      else if (entryTypeOf(found.mode) === 'directory') this.#descend(name, path, verdict?.below);
      else {
        this.#options.onRemove?.(path);
        if (this.#options.dryRun !== true) unlinkAt(this.#directory, name);
      }
    } catch (cause) {
      if (systemCodeOf(cause) !== 'ENOENT') this.#problems.push(problemOf(path, cause));
    }
  }

  /** Whether what was found is to stay, and with it the directories that it lies in. */
  #spares(path: Uint8Array): boolean {
    const place = this.#options.spared?.at(this.#status);
    if (place === undefined) return false;
    this.#stay();
    this.#options.onSpare?.(path, place);
    return true;
  }

  /** What the filter says of what was found; undefined without a filter. */
  #verdictOn(name: Uint8Array): Verdict | undefined {
    const top = this.#levels.at(-1);
    const filter = top === undefined ? this.#options.filter : top.filter;
    const { mode, size, mtimeSeconds, mtimeNanoseconds } = this.#status;
    const type = entryTypeOf(mode);
    return filter?.child(name, {
      directory: type === 'directory',
      file: type === 'file',
      size,
      modified: mtimeSeconds * 1000 + mtimeNanoseconds / 1e6,
    });
  }

  /** What was found stays where it is. */
  #stay(): void {
    for (const level of this.#levels) level.stays = true;
  }

  #descend(name: Uint8Array, path: Uint8Array, filter: DirectoryFilter | undefined): void {
    const found = this.#status;
    const { device, uid, mode } = found;
    if (found.isMountRoot) throw refusal(path, 'a file system is mounted there');
    check(found.readOpen(this.#directory));
    if (found.device !== device) throw refusal(path, 'a file system is mounted there');
    const parentInode = found.inode;
    const parentDevice = found.device;
    const isLocked = (mode & 0o700) !== 0o700 && uid === process.geteuid?.();
    const before = isLocked && this.#options.dryRun !== true ? mode & 0o7777 : undefined;
    if (before !== undefined) changeModeAt(this.#directory, name, before | 0o700);
    const fd = openDirectoryAt(this.#directory, name);
    const names: Uint8Array[] = [];
    try {
      readNames(fd, names as Buffer[]);
    } catch (cause) {
      closeSync(fd);
      throw cause;
    }
    closeSync(this.#directory);
    this.#directory = fd;
    const level = { name, path, names, parentInode, parentDevice, filter, before };
    this.#levels.push({ ...level, stays: false });
  }

  /** Back to the directory above, if it still is that one, and removes the emptied one. */
  #ascend(level: Level): void {
    const parent = openDirectoryAt(this.#directory, up);
    closeSync(this.#directory);
    this.#directory = parent;
    const found = this.#status;
    check(found.readOpen(parent));
    if (found.inode !== level.parentInode || found.device !== level.parentDevice) {
      throw refusal(level.path, 'it was moved while it was removed');
    }
    this.#levels.pop();
    if (level.stays) {
      if (level.before !== undefined) changeModeAt(parent, level.name, level.before);
      return;
    }
    this.#options.onRemove?.(level.path);
    if (this.#options.dryRun === true) return;
    try {
      removeDirectoryAt(parent, level.name);
    } catch (cause) {
      // What is still in it has been reported.
      const code = systemCodeOf(cause);
      const isReported = code === 'ENOTEMPTY' && this.#problems.length > 0;
      if (!isReported && code !== 'ENOENT') this.#problems.push(problemOf(level.path, cause));
    }
  }
}

function check(errno: number): void {
  if (errno !== 0) throw new SystemError(errno, 'statx');
}

function problemOf(path: Uint8Array, cause: unknown): TargetProblem {
  const error = cause instanceof AppError ? cause : targetError('remove', path, cause);
  return { path, what: 'entry', error };
}
