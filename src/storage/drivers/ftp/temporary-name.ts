import path from 'node:path';

import { toHex } from '../../../base/bytes.ts';
import { systemRandom } from '../../../base/random.ts';

/**
 * Files that are being sent carry this in front of their name. No object may be called so, `list` never shows them, and those that a
 * broken connection has left are recognised by it.
 */
const mark = '.holdfast-unfinished-';

/** A temporary that nobody has written to for so many milliseconds has no writer any more. */
export const leftoverAge = 24 * 60 * 60 * 1000;

/** A new name in the directory of `file`, so that it can be renamed to `file`. */
export function temporaryBeside(file: string): string {
  return path.posix.join(path.posix.dirname(file), mark + toHex(systemRandom(12)));
}

/** Whether the last part of a path is reserved for the driver. */
export function isReserved(name: string): boolean {
  return path.posix.basename(name).startsWith(mark);
}
