import path from 'node:path';

import { toHex } from '../../../base/bytes.ts';
import { systemRandom } from '../../../base/random.ts';

/**
 * Files that are being sent carry this in front of their name. No object may be called so, `list` never shows them, and those that a
 * broken connection has left are recognised by it.
 */
const mark = '.holdfast-unfinished-';

/**
 * What is replaced in several steps is called so meanwhile. After a crash between the steps it is the only copy: it is never removed by
 * age, and its name tells whose it is.
 */
const asideMark = '.holdfast-replaced-';

/** A new name in the directory of `file`, so that it can be renamed to `file`. */
export function temporaryBeside(file: string): string {
  return path.posix.join(path.posix.dirname(file), mark + toHex(systemRandom(12)));
}

/** Where an object is put that another one is about to replace. */
export function asideBeside(file: string): string {
  const name = `${asideMark}${toHex(systemRandom(4))}-${path.posix.basename(file)}`;
  return path.posix.join(path.posix.dirname(file), name);
}

/** Whether the last part of a path is reserved for the driver. */
export function isReserved(name: string): boolean {
  return isUnfinished(name) || path.posix.basename(name).startsWith(asideMark);
}

/** Whether it is something that nobody misses when its writer has gone. */
export function isUnfinished(name: string): boolean {
  return path.posix.basename(name).startsWith(mark);
}
