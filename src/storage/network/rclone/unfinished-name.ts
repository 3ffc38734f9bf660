import { toHex } from '../../../base/bytes.ts';
import { systemRandom } from '../../../base/random.ts';

/** Uploads carry this in front of their name until they are whole; no object may be called so, and no listing shows them. */
const mark = '.holdfast-unfinished-';

/** One that is older than this, in milliseconds, was left by a crash. */
export const leftoverAge = 24 * 60 * 60 * 1000;

/** A new name in the directory of `path`. */
export function unfinishedBeside(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1) + mark + toHex(systemRandom(12));
}

export function isUnfinished(path: string): boolean {
  return path.startsWith(mark, path.lastIndexOf('/') + 1);
}
