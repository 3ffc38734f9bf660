import { closeSync, constants, openSync } from 'node:fs';

import { LOCK_EX, LOCK_NB } from './linux-constants.ts';
import { libc } from './libc.ts';
import { SystemError } from './system-error.ts';

/** A lock that ends with `dispose` and, by the system's hand, with the process. */
export interface FileLock extends Disposable {
  readonly path: string;
}

const ewouldblock = 11;

/**
 * Takes an exclusive lock on a file, which is made if it is missing and stays afterwards.
 *
 * @returns `undefined` if somebody else holds it.
 * @throws an error of `node:fs`, or SystemError (file systems without locks: `ENOLCK`, `ENOTSUP`)
 */
export function tryLockFile(path: string): FileLock | undefined {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  const result = libc().flock(fd, LOCK_EX | LOCK_NB);
  const errno = result === 0 ? 0 : libc().errno();
  if (errno !== 0) {
    closeSync(fd);
    if (errno === ewouldblock) return undefined;
    throw new SystemError(errno, 'flock', Buffer.from(path));
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
