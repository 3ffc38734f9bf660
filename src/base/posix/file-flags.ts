import { FS_IOC_GETFLAGS, FS_IOC_SETFLAGS } from './linux-constants.ts';
import { libc } from './libc.ts';
import { checked } from './system-error.ts';

const word = new Uint8Array(8);
const view = new DataView(word.buffer);

/** The flags of an open file or directory that `lsattr` shows. @throws SystemError (`ENOTTY`, `ENOTSUP` without flags) */
export function getFileFlags(fd: number): number {
  view.setBigUint64(0, 0n);
  checked(libc().ioctl(fd, FS_IOC_GETFLAGS, word), 'ioctl');
  return new Uint32Array(word.buffer)[0] ?? 0;
}

/** Sets exactly those of the flags in `mask` that are in `flags`; leaves the others. @throws SystemError */
export function changeFileFlags(fd: number, flags: number, mask: number): void {
  const before = getFileFlags(fd);
  const wanted = (before & ~mask) | (flags & mask);
  if (wanted === before) return;
  new Uint32Array(word.buffer)[0] = wanted;
  checked(libc().ioctl(fd, FS_IOC_SETFLAGS, word), 'ioctl');
}
