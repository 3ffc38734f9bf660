import { closeSync, lstatSync, openSync, readSync, readdirSync } from 'node:fs';
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
