import { POSIX_FADV_WILLNEED } from './linux-constants.ts';
import { libc } from './libc.ts';

/** Has the system read the first `length` bytes of an open file into its cache, without waiting for them. Where it does not, they are read when they are needed. */
export function fetchAhead(fd: number, length: number): void {
  libc().posix_fadvise(fd, 0, length, POSIX_FADV_WILLNEED);
}
