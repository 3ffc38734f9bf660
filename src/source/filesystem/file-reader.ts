import { closeSync, constants, fstatSync, openSync, readSync, type BigIntStats } from 'node:fs';

import { asBuffer } from '../../base/bytes.ts';
import { systemCodeOf } from '../../base/errors.ts';
import { dataExtents, type DataExtent } from '../../base/posix/file-extents.ts';
import { fetchAhead } from '../../base/posix/fetch-ahead.ts';
import { FileStatus } from '../../base/posix/file-status.ts';
import { O_PATH, S_IFMT, S_IFREG } from '../../base/posix/linux-constants.ts';
import { posixSupport } from '../../base/posix/support.ts';
import { SystemError } from '../../base/posix/system-error.ts';
import type { SourceEntry } from '../../model/entry.ts';
import { changedProblem, sourceProblem } from './source-error.ts';

/** Bytes of a file that are asked for before they are read. */
const fetched = 1024 ** 2;

/** What identifies a version of a file's content; compared before and after reading. */
interface Version {
  mode: number;
  inode: bigint;
  device: number;
  size: number;
  blocks: number;
  mtimeSeconds: number;
  mtimeNanoseconds: number;
  ctimeSeconds: number;
  ctimeNanoseconds: number;
}

let shared: FileStatus | undefined;

/** Looks at an open file; the result is only good until the next call on systems with system calls. */
function versionOf(fd: number): Version {
  if (!posixSupport().native) return portableVersion(fstatSync(fd, { bigint: true }));
  shared ??= new FileStatus();
  const errno = shared.readOpen(fd);
  if (errno !== 0) throw new SystemError(errno, 'statx');
  return shared;
}

function portableVersion(stats: BigIntStats): Version {
  const billion = 1_000_000_000n;
  const seconds = (time: bigint): number =>
    Number((time - (((time % billion) + billion) % billion)) / billion);
  const rest = (time: bigint): number => Number(((time % billion) + billion) % billion);
  return {
    mode: Number(stats.mode),
    inode: stats.ino,
    device: Number(stats.dev),
    size: Number(stats.size),
    blocks: Number(stats.blocks),
    mtimeSeconds: seconds(stats.mtimeNs),
    mtimeNanoseconds: rest(stats.mtimeNs),
    ctimeSeconds: seconds(stats.ctimeNs),
    ctimeNanoseconds: rest(stats.ctimeNs),
  };
}

const baseFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const noAccessTime: number = constants.O_NOATIME ?? 0;
const own = process.geteuid?.();

/**
 * Opens what a link leads to, if it is this very file: a named source may be one, and a link that somebody put in its place must not make us open a device.
 *
 * @returns undefined if it leads elsewhere
 */
function openThroughLink(path: Buffer, { inode, device }: SourceEntry): number | undefined {
  if (!posixSupport().native) return undefined;
  const place = openSync(path, O_PATH);
  try {
    const found = versionOf(place);
    const isSame =
      found.inode === inode && found.device === device && (found.mode & S_IFMT) === S_IFREG;
    return isSame ? openSync(`/proc/self/fd/${place}`, constants.O_RDONLY) : undefined;
  } finally {
    closeSync(place);
  }
}

/** Opens without leaving an access time behind, where that is allowed: on own files, and for root. */
function openQuietly(path: Buffer, uid: number, follow: boolean): number {
  const flags = follow ? baseFlags & ~constants.O_NOFOLLOW : baseFlags;
  if (noAccessTime === 0 || (own !== 0 && own !== uid)) return openSync(path, flags);
  try {
    return openSync(path, flags | noAccessTime);
  } catch (error) {
    // Root of a user name space, and some network file systems, are not allowed to.
    if (systemCodeOf(error) !== 'EPERM') throw error;
    return openSync(path, flags);
  }
}

/**
 * Opens a regular file to back it up. `path` is `location.pathOf(name)` of the batch that showed the entry.
 *
 * A FIFO or device put in its place is neither waited for nor read. With `follow` the name may be a link to the file, as in a walk that follows links.
 *
 * @throws AppError `source/unreadable`; `source/changed` if the name now means something else, or nothing
 */
export function openForBackup(
  path: Uint8Array,
  entry: SourceEntry,
  displayPath: Uint8Array = path,
  { follow = false }: { readonly follow?: boolean } = {},
): FileReader {
  let fd: number;
  try {
    fd = openQuietly(asBuffer(path), entry.uid, follow);
  } catch (cause) {
    const linked =
      systemCodeOf(cause) === 'ELOOP' ? openThroughLink(asBuffer(path), entry) : undefined;
    if (linked === undefined) throw sourceProblem('read', displayPath, cause);
    fd = linked;
  }
  try {
    const version = versionOf(fd);
    const isSame =
      version.inode === entry.inode &&
      version.device === entry.device &&
      (version.mode & S_IFMT) === S_IFREG;
    if (!isSame) throw changedProblem(displayPath, 'it was replaced while it was backed up');
    return new FileReader(fd, displayPath, version);
  } catch (error) {
    closeSync(fd);
    throw error instanceof SystemError ? sourceProblem('read', displayPath, error) : error;
  }
}

/** An open regular file. Its `fd` may be read by any thread of the process until it is closed. */
export class FileReader implements Disposable {
  readonly fd: number;
  /** Length in bytes when it was opened. */
  readonly size: number;
  /** Less is allocated than it is long: `extents` is worth asking. */
  readonly isSparse: boolean;
  readonly #path: Uint8Array;
  readonly #mtimeSeconds: number;
  readonly #mtimeNanoseconds: number;
  readonly #ctimeSeconds: number;
  readonly #ctimeNanoseconds: number;
  #isOpen = true;

  constructor(fd: number, path: Uint8Array, version: Version) {
    this.fd = fd;
    this.#path = path;
    this.size = version.size;
    this.isSparse = version.blocks * 512 < version.size;
    this.#mtimeSeconds = version.mtimeSeconds;
    this.#mtimeNanoseconds = version.mtimeNanoseconds;
    this.#ctimeSeconds = version.ctimeSeconds;
    this.#ctimeNanoseconds = version.ctimeNanoseconds;
  }

  /** Has the system read its beginning from the disk meanwhile; the rest of a large file it reads ahead by itself. Costs little for what is in memory. */
  fetch(): void {
    if (this.size > 0 && posixSupport().native) fetchAhead(this.fd, Math.min(this.size, fetched));
  }

  /**
   * Reads up to `length` bytes at `position` into `buffer` from `offset` on; fewer only at the end of the file.
   *
   * @throws AppError `source/unreadable`
   */
  readInto(buffer: Uint8Array, offset: number, length: number, position: number): number {
    let total = 0;
    try {
      while (total < length) {
        const count = readSync(this.fd, buffer, offset + total, length - total, position + total);
        if (count === 0) break;
        total += count;
      }
    } catch (cause) {
      throw sourceProblem('read', this.#path, cause);
    }
    return total;
  }

  /**
   * What of the file is not a hole, in order; the whole of it if it has none or nothing is known. Empty for an empty
   * file. To be read to the end before the file's position matters to anybody.
   *
   * @throws AppError `source/unreadable`
   */
  *extents(): Generator<DataExtent, void, void> {
    if (this.size === 0) return;
    if (!this.isSparse || !posixSupport().native) {
      yield { offset: 0, length: this.size };
      return;
    }
    try {
      yield* dataExtents(this.fd, this.size);
    } catch (cause) {
      throw sourceProblem('find the holes of', this.#path, cause);
    }
  }

  /** Whether size and times are still those it was opened with: what was read is one version. @throws AppError `source/unreadable` */
  isUnchanged(): boolean {
    try {
      const now = versionOf(this.fd);
      return (
        now.size === this.size &&
        now.mtimeNanoseconds === this.#mtimeNanoseconds &&
        now.mtimeSeconds === this.#mtimeSeconds &&
        now.ctimeNanoseconds === this.#ctimeNanoseconds &&
        now.ctimeSeconds === this.#ctimeSeconds
      );
    } catch (cause) {
      throw sourceProblem('look at', this.#path, cause);
    }
  }

  /** A failure of the system is of no account: it cannot be about what was read, and the handle is free all the same. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      closeSync(this.fd);
    } catch (error) {
      // A handle that is not open is a fault of ours.
      if (systemCodeOf(error) === undefined || systemCodeOf(error) === 'EBADF') throw error;
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
