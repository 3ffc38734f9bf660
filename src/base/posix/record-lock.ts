import { closeSync, constants, openSync } from 'node:fs';

import type { FileLock } from './file-lock.ts';
import { F_OFD_SETLK, F_WRLCK } from './linux-constants.ts';
import { libc } from './libc.ts';
import { SystemError } from './system-error.ts';

const eacces = 13;
const eagain = 11;

/**
 * Takes an exclusive record lock (`fcntl`, as Python's `lockf` does) on a whole file, which is made if it is missing and stays afterwards. It keeps out
 * other programs that use record locks, and, unlike theirs, also other holders in this process: it belongs to the open file. It
 * knows nothing of the locks of `tryLockFile`.
 *
 * @returns `undefined` if somebody else holds one.
 * @throws an error of `node:fs`, or SystemError (file systems without locks: `ENOLCK`, `EINVAL`)
 */
export function tryLockRecord(path: string): FileLock | undefined {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  // struct flock: type and whence (0, from the start) in 2 bytes each, start and length (0, to the end) in 8 each from byte 8, and a process (0).
  const lock = new Uint8Array(32);
  new DataView(lock.buffer).setInt16(0, F_WRLCK, true);
  const result = libc().fcntl(fd, F_OFD_SETLK, lock);
  const errno = result === 0 ? 0 : libc().errno();
  if (errno !== 0) {
    closeSync(fd);
    if (errno === eagain || errno === eacces) return undefined;
    throw new SystemError(errno, 'fcntl', Buffer.from(path));
  }
  let held = true;
  return {
    path,
    [Symbol.dispose]() {
      if (held) closeSync(fd);
      held = false;
    },
  };
}
