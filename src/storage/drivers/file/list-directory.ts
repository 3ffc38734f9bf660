import path from 'node:path';

import type { CallOptions } from '../../../base/call-options.ts';
import type { StorageObject } from '../../storage.ts';
import { type FileSystem, unlessMissing } from './file-system.ts';
import { isUnfinished } from '../../temporary-name.ts';

/** How many files are looked at together. */
const batch = 64;

export interface ListedDirectory {
  /** On disk. */
  readonly directory: string;
  /** The names of objects in it start with this: empty, or with a slash at the end. */
  readonly name: string;
}

/**
 * Every regular file below a directory whose name starts with `prefix`, depth first. What vanishes meanwhile is left out; whatever
 * else goes wrong rejects. Links, devices and the driver's own temporary files are no objects.
 */
export async function* listDirectory(
  fileSystem: FileSystem,
  start: ListedDirectory,
  prefix: string,
  { signal }: CallOptions = {},
): AsyncGenerator<StorageObject, void, undefined> {
  const waiting = [start];
  for (let current = waiting.pop(); current !== undefined; current = waiting.pop()) {
    const { directory, name: parent } = current;
    const entries = await unlessMissing(() =>
      fileSystem.readdir(directory, { withFileTypes: true }),
    );
    signal?.throwIfAborted();
    const files: string[] = [];
    for (const entry of entries ?? []) {
      const name = parent + entry.name;
      if (entry.isDirectory()) {
        if (startsAlike(`${name}/`, prefix))
          waiting.push({ directory: path.join(directory, entry.name), name: `${name}/` });
      } else if (entry.isFile() && name.startsWith(prefix) && !isUnfinished(name))
        files.push(entry.name);
    }
    for (let first = 0; first < files.length; first += batch) {
      const found = await Promise.all(
        files
          .slice(first, first + batch)
          .map((file) => statObject(fileSystem, path.join(directory, file), parent + file)),
      );
      signal?.throwIfAborted();
      for (const object of found) if (object !== undefined) yield object;
    }
  }
}

/** Size and time of a regular file; `undefined` when it is gone or something else. */
async function statObject(
  fileSystem: FileSystem,
  file: string,
  name: string,
): Promise<StorageObject | undefined> {
  const found = await unlessMissing(() => fileSystem.lstat(file));
  if (found?.isFile() !== true) return undefined;
  return { name, size: found.size, modified: found.mtimeMs };
}

function startsAlike(left: string, right: string): boolean {
  return left.length < right.length ? right.startsWith(left) : left.startsWith(right);
}
