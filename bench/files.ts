import { execFileSync } from 'node:child_process';
import { closeSync, lstatSync, openSync, readSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Bytes of all files below a directory. */
export function bytesBelow(directory: string): number {
  let bytes = 0;
  for (const path of filesBelow(directory)) bytes += lstatSync(path).size;
  return bytes;
}

/** Brings all files below a directory into the page cache. */
export function readAll(directory: string): void {
  const buffer = Buffer.alloc(2 ** 20);
  for (const path of filesBelow(directory)) {
    const file = openSync(path, 'r');
    try {
      while (fill(file, buffer) > 0);
    } finally {
      closeSync(file);
    }
  }
}

/**
 * Has the system forget what was deleted before. While ext4 has the inodes of deleted files in memory, and for some minutes, it passes over them one by one whenever a file
 * is made: a restore after thousands of deletions takes several times as long, whoever does it. Only root can; all else in the page cache goes as well.
 */
export function forgetDeletedFiles(): void {
  execFileSync('sync');
  try {
    writeFileSync('/proc/sys/vm/drop_caches', '3');
  } catch {
    process.stderr.write('Not root: restores are slow if much was deleted in the last minutes\n');
  }
}

/** Reads until the buffer is full or the file ends; gives the number of bytes. */
export function fill(file: number, buffer: Buffer): number {
  let length = 0;
  while (length < buffer.length) {
    const read = readSync(file, buffer, length, buffer.length - length, null);
    if (read === 0) break;
    length += read;
  }
  return length;
}

function* filesBelow(directory: string): Generator<string> {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (entry.isFile()) yield path;
  }
}
