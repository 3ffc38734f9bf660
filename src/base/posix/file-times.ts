import { AT_SYMLINK_NOFOLLOW } from './linux-constants.ts';
import { libc } from './libc.ts';
import { terminated } from './path-bytes.ts';
import { checked } from './system-error.ts';

/** Seconds since 1970 (negative before) and nanoseconds counted forwards from them. */
export interface FileTime {
  readonly seconds: number;
  readonly nanoseconds: number;
}

const times = new BigInt64Array(4);
const timesBytes = new Uint8Array(times.buffer);

function prepare(mtime: FileTime): Uint8Array {
  const seconds = BigInt(mtime.seconds);
  const nanoseconds = BigInt(mtime.nanoseconds);
  times[0] = seconds;
  times[1] = nanoseconds;
  times[2] = seconds;
  times[3] = nanoseconds;
  return timesBytes;
}

/** Sets modification and access time of what is open. @throws SystemError */
export function setTimes(fd: number, mtime: FileTime): void {
  checked(libc().futimens(fd, prepare(mtime)), 'futimens');
}

/** Sets modification and access time of a name in a directory; a link itself, not what it points to. @throws SystemError */
export function setTimesAt(directory: number, name: Uint8Array, mtime: FileTime): void {
  const result = libc().utimensat(directory, terminated(name), prepare(mtime), AT_SYMLINK_NOFOLLOW);
  checked(result, 'utimensat', name);
}
