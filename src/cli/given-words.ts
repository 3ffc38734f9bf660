import { readFileSync, readlinkSync } from 'node:fs';

import { pathText } from '../model/path-text.ts';

/**
 * The words of the command line (`process.argv` without Node and the program), each byte of a name that is not UTF-8 as in `pathText`:
 * Node puts U+FFFD in its place. Where the system does not tell the bytes, they stay lost.
 */
export function givenWords(words: readonly string[]): readonly string[] {
  if (!words.some(hasLost)) return words;
  const line = bytesIn(() => readFileSync('/proc/self/cmdline'));
  if (line === undefined) return words;
  const all = partsOf(line);
  // Before them stand Node, its own arguments and the program.
  const given = all.slice(-words.length);
  const isTheirs = given.length === words.length && given.every(isReadAs(words));
  return isTheirs ? given.map(pathText) : words;
}

/** `process.cwd()`, likewise. */
export function givenDirectory(directory: string): string {
  if (!hasLost(directory)) return directory;
  const link = bytesIn(() => readlinkSync('/proc/self/cwd', { encoding: 'buffer' }));
  return link?.toString() === directory ? pathText(link) : directory;
}

const hasLost = (text: string): boolean => text.includes('\ufffd');

const isReadAs =
  (words: readonly string[]) =>
  (part: Buffer, index: number): boolean =>
    part.toString() === words[index];

/** What stands between the NULs; each part ends with one. */
function partsOf(line: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let start = 0; start < line.length;) {
    const end = line.indexOf(0, start);
    parts.push(line.subarray(start, end < 0 ? line.length : end));
    start = end < 0 ? line.length : end + 1;
  }
  return parts;
}

/** Only Linux has such files. */
function bytesIn(read: () => Buffer): Buffer | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
