import { toHex } from '../../../base/bytes.ts';
import { systemRandom } from '../../../base/random.ts';

/** Uploads carry this in front of their name until they are whole; no object may be called so, and no listing shows them. */
const mark = '.holdfast-unfinished-';

/** A new name in the directory of `path`, or above it if uploads to that one are changed. */
export function unfinishedBeside(path: string): string {
  let directory = path.slice(0, path.lastIndexOf('/') + 1);
  while (isChangedByUpload(`${directory}${mark}`))
    directory = directory.slice(0, directory.lastIndexOf('/', directory.length - 2) + 1);
  return directory + mark + toHex(systemRandom(12));
}

/** `serve restic` puts what lies directly in a directory "data" into directories of its own. */
export function isChangedByUpload(path: string): boolean {
  return /(?:^|\/)data\/[^/]{2,}$/u.test(path);
}

export function isUnfinished(path: string): boolean {
  return path.startsWith(mark, path.lastIndexOf('/') + 1);
}
