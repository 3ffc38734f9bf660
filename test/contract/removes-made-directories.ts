import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import path from 'node:path';

import { namesIn, pattern } from '#test/support/storage-samples.ts';
import type { Storage } from '../../src/storage/storage.ts';

/** Without the one that rsync needs beside the objects. */
async function readdir(directory: string): Promise<readonly string[]> {
  return (await fs.readdir(directory)).filter((name) => name !== '.holdfast-unfinished');
}

/**
 * `Storage.removeMade` leaves directories with something in them, and those that were found. `above` is an empty directory on the disk of the server; `open` opens the storage at `made/there`
 * below it.
 */
export async function removesMadeDirectories(
  above: string,
  open: () => Promise<Storage>,
): Promise<void> {
  const there = path.join(above, 'made', 'there');
  const made = async (name: string): Promise<Storage> => {
    const storage = await open();
    await storage.put(name, pattern(10));
    await storage.delete(name);
    return storage;
  };
  {
    await using storage = await made('a b/ü/c');
    await storage.removeMade?.();
    assert.deepEqual(await readdir(above), []);
    // It is as it was before.
    assert.deepEqual(await namesIn(storage, ''), []);
    await storage.put('a b/ü/c', pattern(10));
    await storage.put('d/e', pattern(10));
    await storage.delete('d/e');
    await storage.removeMade?.();
    assert.deepEqual(await namesIn(storage, ''), ['a b/ü/c']);
    assert.deepEqual(await readdir(there), ['a b']);
    // Nothing stays locked.
    await storage.put('a b/ü/c', pattern(20));
    await storage.delete('a b/ü/c');
  }
  // Whoever finds a directory has not made it, empty or not.
  await using other = await made('x');
  await other.removeMade?.();
  assert.deepEqual(await readdir(there), ['a b']);
}
