import { constants } from 'node:fs';

import { mixNameHash, nameHashStart } from '../name-sum.ts';
import { O_CLOEXEC, O_PATH } from './linux-constants.ts';
import { libc } from './libc.ts';
import { terminated } from './path-bytes.ts';
import { checked, SystemError } from './system-error.ts';

const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY | O_CLOEXEC;

/** Opens a directory for reading its names; refuses a link (`ENOTDIR`, `ELOOP`) unless told to follow. @throws SystemError */
export function openDirectoryAt(
  directory: number,
  path: Uint8Array,
  { follow = false }: { readonly follow?: boolean } = {},
): number {
  const flags = follow ? directoryFlags : directoryFlags | constants.O_NOFOLLOW;
  return checked(libc().openat(directory, terminated(path), flags, 0), 'open', path);
}

/** A handle of a directory that only serves to reach what is below; needs no permission to read it. @throws SystemError */
export function openPathAt(directory: number, path: Uint8Array): number {
  const flags = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW | O_CLOEXEC;
  return checked(libc().openat(directory, terminated(path), flags, 0), 'open', path);
}

/** Where the first names of a directory come, and what does not fit there. */
const listing = Buffer.alloc(1 << 16);
const further = Buffer.alloc(1 << 16);

/** The names in a directory, without `.` and `..` and in no order. Good until the next directory is listed in this thread. */
export interface NameList {
  readonly count: number;
  /** What stands for them (`base/name-sum.ts`). */
  readonly sum: number;
  /** What ended it too early. */
  readonly problem: Error | undefined;
  /** All of them, in memory of their own. */
  names(): Buffer[];
}

/** Lists an open directory, which can be done once with a handle. Makes nothing for the single name. */
export function listNames(fd: number): NameList {
  const system = libc();
  const records: Buffer[] = [];
  let count = 0;
  let sum = 0;
  let problem: SystemError | undefined;
  try {
    for (let room = listing; ; room = further) {
      const length = checked(system.getdents64(fd, room, room.length), 'getdents64');
      if (length === 0) break;
      // The first may stay where they are: in most directories there are no others.
      records.push(room === listing ? room.subarray(0, length) : copyOf(room, length));
      forEachName(room, length, (_start, _end, hash) => {
        count++;
        sum = (sum + hash) | 0;
      });
    }
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    problem = error;
  }
  const names = (): Buffer[] => {
    const found: Buffer[] = [];
    for (const some of records) {
      const own = some.buffer === listing.buffer ? copyOf(some, some.length) : some;
      forEachName(own, own.length, (start, end) => found.push(own.subarray(start, end)));
    }
    return found;
  };
  return { count, sum, problem, names };
}

/**
 * Adds the names in an open directory, without `.` and `..` and in no order, to `names`; a handle can be read once.
 *
 * @throws SystemError; what was read before it is in `names`
 */
export function readNames(fd: number, names: Buffer[]): void {
  const list = listNames(fd);
  for (const name of list.names()) names.push(name);
  if (list.problem !== undefined) throw list.problem;
}

function copyOf(records: Buffer, length: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(length);
  records.copy(copy, 0, 0, length);
  return copy;
}

/** `struct linux_dirent64`: inode 8, offset 8, record length 2, type 1, name until NUL. */
function forEachName(
  records: Buffer,
  length: number,
  call: (start: number, end: number, hash: number) => void,
): void {
  for (let offset = 0; offset < length;) {
    const start = offset + 19;
    let end = start;
    let hash = nameHashStart;
    for (let byte = records[end]!; byte !== 0; byte = records[++end]!) {
      hash = mixNameHash(hash, byte);
    }
    const dots =
      records[start] === 0x2e &&
      (end === start + 1 || (end === start + 2 && records[start + 1] === 0x2e));
    if (!dots) call(start, end, hash);
    offset += records[offset + 16]! | (records[offset + 17]! << 8);
  }
}
