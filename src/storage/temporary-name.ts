import path from 'node:path';

import { toHex } from '../base/bytes.ts';
import { systemRandom } from '../base/random.ts';

/**
 * Files that are being written carry this in front of their name, on every storage that has directories. No object may be called so,
 * `list` never shows them, and those that a crash has left are recognised by it.
 */
const mark = '.holdfast-unfinished-';

/** What a mark begins with that no other does. Some FTP servers take a command for whole of which the connection let only the beginning through. */
const markBegins = '.holdfast-u';

/**
 * What is replaced in several steps is called so meanwhile. After a crash between the steps it is the only copy: it is never removed by
 * age, and its name tells whose it is.
 */
const asideMark = '.holdfast-replaced-';

/** Milliseconds: a temporary last written to longer ago has no writer any more, because every write renews the time. */
export const leftoverAge = 24 * 60 * 60 * 1000;

/** A new name in the directory of `file`, so that it can be renamed to `file`. */
export function temporaryBeside(file: string): string {
  return directoryOf(file) + temporaryName();
}

/** A new name that stands in no directory yet. */
export function temporaryName(): string {
  return mark + toHex(systemRandom(12));
}

/** The name that stands for "somebody is about to create this object", where there are no hard links. */
export function claimBeside(file: string): string {
  const directory = directoryOf(file);
  return `${directory}${mark}claim-${file.slice(directory.length)}`;
}

/** Where an object is put that another one is about to replace in several steps. */
export function asideBeside(file: string): string {
  const directory = directoryOf(file);
  return `${directory}${asideMark}${toHex(systemRandom(4))}-${file.slice(directory.length)}`;
}

/** Whether the last part of a path is something that nobody misses when its writer has gone. */
export function isUnfinished(file: string): boolean {
  const name = file.slice(directoryOf(file).length);
  return name.startsWith(mark) || (name.startsWith(markBegins) && mark.startsWith(name));
}

/** Whether the last part of a path is a name that drivers which replace in several steps keep to themselves. */
export function isReserved(file: string): boolean {
  return isUnfinished(file) || file.startsWith(asideMark, directoryOf(file).length);
}

/** With the separator at the end; empty for a name alone. */
function directoryOf(file: string): string {
  return file.slice(0, Math.max(file.lastIndexOf('/'), file.lastIndexOf(path.sep)) + 1);
}
