import { createHash } from 'node:crypto';

import { AppError } from '../../../base/errors.ts';
import { checkObjectName } from '../../object-name.ts';

const ending = '.par2';

/** What stands between the name of an object and the ending of its recovery files. */
const volume = /^\.vol[0-9]+\+[0-9]+$/u;

/** The program takes these for patterns or for separators of directories, and crashes on a name of one character. */
const unusable = /[*?\\\p{Cc}]|^.$/u;

/** Bytes; the longest name of a file that leaves room for `.vol00000+00000.par2`. */
const longest = 230;

/** Whether this is a recovery file of some object. They are not shown. */
export function isPar2Name(name: string): boolean {
  return name.endsWith(ending);
}

/** The small one of the recovery files, with the checksums. */
export function indexNameOf(name: string): string {
  return name + ending;
}

/** Whether `other` is one of the recovery files of the object `name`. */
export function isRecoveryFileOf(name: string, other: string): boolean {
  if (!other.startsWith(name) || !other.endsWith(ending)) return false;
  const between = other.slice(name.length, -ending.length);
  return between === '' || volume.test(between);
}

/** Rejects, with `input/invalid`, what is no name, and names that are kept for recovery files. */
export function checkProtectedName(name: string): void {
  checkObjectName(name);
  if (!isPar2Name(name)) return;
  throw new AppError(
    'input/invalid',
    `Cannot use "${name}" as an object name: ".par2" is reserved for recovery files`,
  );
}

/**
 * How the file with the object is called while the program works on it. The name is written into the recovery files, so it is the last
 * part of the object's own, as duplicity has it, wherever the program can take that.
 */
export function fileNameOf(name: string): string {
  const own = name.slice(name.lastIndexOf('/') + 1);
  if (!unusable.test(own) && Buffer.byteLength(own) <= longest) return own;
  return `object-${createHash('sha256').update(own).digest('hex').slice(0, 32)}`;
}
