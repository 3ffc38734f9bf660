import { closeSync, lstatSync, openSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

import { fill } from './files.ts';

/**
 * Looks for a difference between two trees: kinds, names, permissions, times of files to the second, links and every byte.
 *
 * @returns a sentence that names the first difference, or undefined
 */
export function difference(expected: string, actual: string): string | undefined {
  const one = lstatSync(expected);
  const other = lstatSync(actual, { throwIfNoEntry: false });
  if (other === undefined) return `"${actual}" is not there`;
  if ((one.mode & 0o170_000) !== (other.mode & 0o170_000))
    return `"${actual}" is of another kind than "${expected}"`;
  if (one.isSymbolicLink()) {
    return readlinkSync(expected) === readlinkSync(actual)
      ? undefined
      : `"${actual}" points elsewhere than "${expected}"`;
  }
  if (one.isDirectory()) return differenceInDirectory(expected, actual);
  if (one.mode !== other.mode) return `"${actual}" has other permissions than "${expected}"`;
  if (Math.floor(one.mtimeMs / 1000) !== Math.floor(other.mtimeMs / 1000))
    return `"${actual}" has another time than "${expected}"`;
  if (one.size !== other.size) return `"${actual}" has another size than "${expected}"`;
  return sameContent(expected, actual)
    ? undefined
    : `"${actual}" has other content than "${expected}"`;
}

function differenceInDirectory(expected: string, actual: string): string | undefined {
  const names = readdirSync(expected);
  const extra = new Set(readdirSync(actual)).difference(new Set(names));
  for (const name of extra) return `"${join(actual, name)}" is not in "${expected}"`;
  for (const name of names) {
    const found = difference(join(expected, name), join(actual, name));
    if (found !== undefined) return found;
  }
  return undefined;
}

const expectedBuffer = Buffer.alloc(2 ** 20);
const actualBuffer = Buffer.alloc(2 ** 20);

function sameContent(expected: string, actual: string): boolean {
  const one = openSync(expected, 'r');
  const other = openSync(actual, 'r');
  try {
    for (;;) {
      const length = fill(one, expectedBuffer);
      if (length !== fill(other, actualBuffer)) return false;
      if (expectedBuffer.compare(actualBuffer, 0, length, 0, length) !== 0) return false;
      if (length < expectedBuffer.length) return true;
    }
  } finally {
    closeSync(one);
    closeSync(other);
  }
}
