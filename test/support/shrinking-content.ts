/** A content module for store workers: a file that ends early for whoever reads chunks of it, as if it were cut off between scan and storing. */
import { readFileSync } from 'node:fs';

import type {
  ContentModule,
  ExpectedFile,
} from '../../src/repository/native/worker/content-module.ts';
import * as files from '../../src/source/filesystem/file-reader.ts';

const inner = files as ContentModule;
/** Scans ask for more. */
const largestChunk = 4 * 1024 * 1024;

/** Beside the file `path` lies `path.end`: the byte at which it ends. */
export function openForBackup(
  path: Uint8Array,
  expected: ExpectedFile,
): ReturnType<ContentModule['openForBackup']> {
  const file = inner.openForBackup(path, expected);
  const end = Number(readFileSync(`${Buffer.from(path).toString()}.end`, 'utf8'));
  return {
    size: file.size,
    fetch: () => file.fetch(),
    extents: () => file.extents(),
    isUnchanged: () => false,
    readInto(buffer, offset, length, position) {
      const most = length <= largestChunk ? Math.max(0, end - position) : length;
      return most === 0 ? 0 : file.readInto(buffer, offset, Math.min(length, most), position);
    },
    [Symbol.dispose]: () => file[Symbol.dispose](),
  };
}
