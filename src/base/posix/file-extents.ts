import { mayCompress } from './file-system.ts';
import {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  SEEK_DATA,
  SEEK_HOLE,
} from './linux-constants.ts';
import { libc } from './libc.ts';
import { checked, SystemError } from './system-error.ts';

/** A stretch of a file that is not a hole; in bytes. */
export interface DataExtent {
  readonly offset: number;
  readonly length: number;
}

const enxio = 6;
const einval = 22;
const enotsup = 95;

/**
 * The data of a file of `size` bytes, in order, without its holes. One extent over everything where the file system
 * does not tell. The file's position is moved.
 *
 * @throws SystemError
 */
export function* dataExtents(fd: number, size: number): Generator<DataExtent, void, void> {
  const system = libc();
  for (let position = 0; position < size;) {
    const start = system.lseek(fd, position, SEEK_DATA);
    if (start < 0) {
      const errno = system.errno();
      if (errno === enxio) return; // nothing but a hole up to the end
      if (errno !== einval && errno !== enotsup) throw new SystemError(errno, 'lseek');
      yield { offset: position, length: size - position };
      return;
    }
    if (start >= size) return;
    const end = Math.min(checked(system.lseek(fd, start, SEEK_HOLE), 'lseek'), size);
    if (end > start) yield { offset: start, length: end - start };
    position = Math.max(end, start + 1);
  }
}

/**
 * Makes a stretch of a file a hole again without changing its size.
 *
 * @returns false where the file system cannot; nothing was changed then.
 * @throws SystemError
 */
export function punchHole(fd: number, offset: number, length: number): boolean {
  const system = libc();
  if (system.fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length) === 0)
    return true;
  const errno = system.errno();
  if (errno === enotsup) return false;
  throw new SystemError(errno, 'fallocate');
}

/**
 * Asks the file system to find the place on the disk for a stretch of a file beforehand, so that it lies together however it is written. The stretch
 * reads as before, and the size stays. Where that is not possible, or would keep the file from being compressed, nothing happens: what is written finds its place
 * then.
 *
 * @throws SystemError
 */
export function reserveSpace(fd: number, offset: number, length: number): void {
  if (mayCompress(fd)) return;
  libc().fallocate(fd, FALLOC_FL_KEEP_SIZE, offset, length);
}
