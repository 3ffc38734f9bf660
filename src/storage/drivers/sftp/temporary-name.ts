import { toHex } from '../../../base/bytes.ts';
import { systemRandom } from '../../../base/random.ts';

/** Files that are being written carry this in front of their name. No object may be called so, and `list` never shows them. */
const mark = '.holdfast-unfinished-';

/**
 * What is replaced in several steps is called so meanwhile. After a crash between the steps it is the only copy: it is never removed by
 * age, and its name tells whose it is.
 */
const asideMark = '.holdfast-replaced-';

/** A new name in the directory of `file`. */
export function temporaryBeside(file: string): string {
  return directoryOf(file) + mark + toHex(systemRandom(12));
}

/** The name that stands for "somebody is about to create this object", on servers without hard links. */
export function claimBeside(file: string): string {
  const directory = directoryOf(file);
  return `${directory}${mark}claim-${file.slice(directory.length)}`;
}

/** Where an object is put that another one is about to replace. */
export function asideBeside(file: string): string {
  const directory = directoryOf(file);
  return `${directory}${asideMark}${toHex(systemRandom(4))}-${file.slice(directory.length)}`;
}

/** Whether the last part of a path is reserved for the driver. */
export function isReserved(name: string): boolean {
  return isUnfinished(name) || name.startsWith(asideMark, directoryOf(name).length);
}

/** Whether it is something that nobody misses when its writer has gone. */
export function isUnfinished(name: string): boolean {
  return name.startsWith(mark, directoryOf(name).length);
}

/** With the slash at the end. */
function directoryOf(file: string): string {
  return file.slice(0, file.lastIndexOf('/') + 1);
}
