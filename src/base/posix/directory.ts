import { constants } from 'node:fs';

import { O_CLOEXEC, O_PATH } from './linux-constants.ts';
import { libc } from './libc.ts';
import { terminated } from './path-bytes.ts';
import { checked } from './system-error.ts';

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

const listing = Buffer.alloc(1 << 16);

/**
 * Adds the names in an open directory, without `.` and `..` and in no order, to `names`; a handle can be read once.
 *
 * @throws SystemError; what was read before it is in `names`
 */
export function readNames(fd: number, names: Buffer[]): void {
  const system = libc();
  for (;;) {
    const length = checked(system.getdents64(fd, listing, listing.length), 'getdents64');
    if (length === 0) return;
    // Copied once: the names are parts of the copy.
    const records = Buffer.allocUnsafeSlow(length);
    listing.copy(records, 0, 0, length);
    // struct linux_dirent64: inode 8, offset 8, record length 2, type 1, name until NUL
    for (let offset = 0; offset < length;) {
      const start = offset + 19;
      let end = start;
      while (records[end] !== 0) end++;
      const dots =
        records[start] === 0x2e &&
        (end === start + 1 || (end === start + 2 && records[start + 1] === 0x2e));
      if (!dots) names.push(records.subarray(start, end));
      offset += records[offset + 16]! | (records[offset + 17]! << 8);
    }
  }
}
