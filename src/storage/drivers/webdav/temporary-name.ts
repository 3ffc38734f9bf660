import { toHex } from '../../../base/bytes.ts';
import { systemRandom } from '../../../base/random.ts';

/** Files that are being sent carry this in front of their name. No object may be called so, and `list` never shows them. */
const mark = '.holdfast-unfinished-';

/** Milliseconds: an upload that began longer ago than this has no sender any more. */
export const leftoverAge = 24 * 60 * 60 * 1000;

/** A new name for what is being sent. */
export function temporaryName(): string {
  return mark + toHex(systemRandom(12));
}

/** Whether the last part of a name is reserved for the driver. */
export function isReserved(part: string): boolean {
  return part.startsWith(mark);
}
