import { closeSync, lstatSync, readdirSync, readlinkSync, realpathSync, statSync } from 'node:fs';

import { AppError } from '../../base/errors.ts';
import { readLinkAt } from '../../base/posix/at-calls.ts';
import {
  listNames,
  type NameList,
  openDirectoryAt,
  openPathAt,
} from '../../base/posix/directory.ts';
import { readExtendedAttributes } from '../../base/posix/extended-attributes.ts';
import { FileStatus } from '../../base/posix/file-status.ts';
import { AT_FDCWD, S_IFDIR, S_IFMT, S_IFREG } from '../../base/posix/linux-constants.ts';
import { joinPath } from '../../base/posix/path-bytes.ts';
import { posixSupport } from '../../base/posix/support.ts';
import { quotePath, SystemError } from '../../base/posix/system-error.ts';
import { entryTypeOf, type ExtendedAttribute, type SourceEntry } from '../../model/entry.ts';
import { entryOfStats, entryOfStatus } from './source-entry.ts';
import type { Comparison } from './walk-memory.ts';

/** A directory while its names are read and looked at. */
export interface OpenDirectory {
  /** The directory itself, under an empty name. */
  readonly self: SourceEntry;
  /** What is in it, once. */
  list(): NameList;
  /** What a name is, without its attributes. Throws what the system says. */
  look(name: Uint8Array, options: { readonly follow: boolean }): SourceEntry;
  /**
   * Whether it holds what is remembered, which are as many names as were listed: then each of these has to be there, and as it was. `undefined` if something is
   * not, and where that cannot be told.
   */
  compare(list: NameList, remembered: Comparison): UnchangedNames | undefined;
  /** The attributes of a name that was looked at, in the same way. */
  attributesOf(
    name: Uint8Array,
    entry: SourceEntry,
    options: { readonly follow: boolean },
  ): readonly ExtendedAttribute[];
  /** A handle for paths that get too long; `undefined` where there is no such thing. */
  makeHandle(): number | undefined;
  close(): void;
}

/** Names that all are what is remembered of them. */
export interface UnchangedNames {
  /** How many they are. */
  readonly count: number;
  /** Those that are directories. */
  readonly subdirectories: readonly SourceEntry[];
  /** How many files are among them, and their bytes together. */
  readonly files: number;
  readonly bytes: number;
}

/** In larger directories too much would have to be looked at twice if the last name is not as it was. */
const mostCompared = 4096;

/**
 * Opens a directory; a link in the last component is refused unless `follow`.
 *
 * @throws SystemError or an error of `node:fs`
 */
export function openDirectory(
  path: Uint8Array,
  options: { readonly follow: boolean },
): OpenDirectory {
  return posixSupport().native
    ? new NativeDirectory(path, options.follow)
    : new PortableDirectory(path, options.follow);
}

const enotdir = 20;
const empty = new Uint8Array(0);
const noAttributes: readonly ExtendedAttribute[] = [];
const thisDirectory = Buffer.from('.');

let sharedStatus: FileStatus | undefined;
/** No file system has longer names. */
const nameRoom = new Uint8Array(1024);

/** Looks at names through its handle: whatever happens to the path meanwhile, it is this directory's children. */
class NativeDirectory implements OpenDirectory {
  readonly self: SourceEntry;
  readonly #fd: number;
  readonly #path: Uint8Array;
  readonly #status: FileStatus;

  constructor(path: Uint8Array, follow: boolean) {
    sharedStatus ??= new FileStatus();
    this.#status = sharedStatus;
    this.#path = path;
    this.#fd = openDirectoryAt(AT_FDCWD, path, { follow });
    try {
      const errno = this.#status.readOpen(this.#fd);
      if (errno !== 0) throw new SystemError(errno, 'statx', path);
      this.self = entryOfStatus(empty, 'directory', this.#status, undefined);
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
  }

  list(): NameList {
    return listNames(this.#fd);
  }

  look(name: Uint8Array, { follow }: { readonly follow: boolean }): SourceEntry {
    const status = this.#status;
    const errno = follow ? status.readFollowing(this.#fd, name) : status.readAt(this.#fd, name);
    if (errno !== 0) throw new SystemError(errno, 'statx', name);
    const type = entryTypeOf(status.mode);
    if (type === undefined) throw unknownKind(name, status.mode);
    const linkTarget = type === 'symlink' ? readLinkAt(this.#fd, name) : undefined;
    return entryOfStatus(name, type, status, linkTarget);
  }

  compare({ count, sum }: NameList, remembered: Comparison): UnchangedNames | undefined {
    if (count > mostCompared) return undefined;
    const status = this.#status;
    const subdirectories: SourceEntry[] = [];
    let files = 0;
    let bytes = 0;
    for (let index = 0; index < count; index++) {
      const length = remembered.next(nameRoom);
      if (length < 0 || status.readTerminatedAt(this.#fd, nameRoom) !== 0) return undefined;
      if (!remembered.isAsBefore(status)) return undefined;
      const type = status.mode & S_IFMT;
      if (type === S_IFREG) {
        files++;
        bytes += status.size;
      } else if (type === S_IFDIR) {
        const name = nameRoom.slice(0, length);
        subdirectories.push(entryOfStatus(name, 'directory', status, undefined));
      }
    }
    // A file system to which "a" is "A" finds both under either name.
    if (remembered.sum !== sum) return undefined;
    return { count, subdirectories, files, bytes };
  }

  attributesOf(
    name: Uint8Array,
    entry: SourceEntry,
    { follow }: { readonly follow: boolean },
  ): readonly ExtendedAttribute[] {
    if (name.length === 0) return readExtendedAttributes(this.#fd, entry.device);
    const path = joinPath(this.#path, name);
    // The calls that read attributes are those that never follow.
    return readExtendedAttributes(follow ? realpathSync(path, 'buffer') : path, entry.device);
  }

  makeHandle(): number {
    return openPathAt(this.#fd, thisDirectory);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** The same with what Node offers everywhere: no attributes, and paths may change under it. */
class PortableDirectory implements OpenDirectory {
  readonly self: SourceEntry;
  readonly #path: Buffer;

  constructor(path: Uint8Array, follow: boolean) {
    this.#path = Buffer.from(path);
    const stats = (follow ? statSync : lstatSync)(this.#path, { bigint: true });
    if (!stats.isDirectory()) throw new SystemError(enotdir, 'open', path);
    this.self = entryOfStats(empty, 'directory', stats, undefined);
  }

  list(): NameList {
    try {
      const names = readdirSync(this.#path, { encoding: 'buffer' });
      return { count: names.length, sum: 0, problem: undefined, names: () => names };
    } catch (problem) {
      if (!(problem instanceof Error)) throw problem;
      return { count: 0, sum: 0, problem, names: () => [] };
    }
  }

  look(name: Uint8Array, { follow }: { readonly follow: boolean }): SourceEntry {
    const path = joinPath(this.#path, name);
    const stats = (follow ? statSync : lstatSync)(path, { bigint: true });
    const type = entryTypeOf(Number(stats.mode));
    if (type === undefined) throw unknownKind(name, Number(stats.mode));
    const linkTarget = type === 'symlink' ? readlinkSync(path, { encoding: 'buffer' }) : undefined;
    return entryOfStats(name, type, stats, linkTarget);
  }

  compare(): undefined {
    return undefined;
  }

  attributesOf(): readonly ExtendedAttribute[] {
    return noAttributes;
  }

  makeHandle(): undefined {
    return undefined;
  }

  close(): void {
    // Nothing is held between calls.
  }
}

function unknownKind(name: Uint8Array, mode: number): AppError {
  const kind = (mode >>> 12).toString(8);
  return new AppError('source/unreadable', `${quotePath(name)} is of an unknown kind (${kind})`);
}
