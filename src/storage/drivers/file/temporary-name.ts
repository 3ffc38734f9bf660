import path from 'node:path';

import { toHex } from '../../../base/bytes.ts';
import { systemRandom } from '../../../base/random.ts';

/**
 * Files that are being written carry this in front of their name. No object may be called so, `list` never shows them, and those
 * that a crash has left are recognised by it.
 */
const mark = '.holdfast-unfinished-';

/** A temporary written to last longer ago than this has no writer any more: every write renews the time. */
export const leftoverAge = 24 * 60 * 60 * 1000;

/** A new name in the directory of `file`, so that it can be renamed to `file`. */
export function temporaryBeside(file: string): string {
  return path.join(path.dirname(file), mark + toHex(systemRandom(12)));
}

/** The name that stands for "somebody is about to create this object", on file systems without hard links. */
export function claimBeside(file: string): string {
  return path.join(path.dirname(file), `${mark}claim-${path.basename(file)}`);
}

/** Whether the last part of a path is reserved for the driver. */
export function isReserved(name: string): boolean {
  return path.basename(name).startsWith(mark);
}
