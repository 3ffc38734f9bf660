import assert from 'node:assert/strict';
import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';

import { storageContract } from '#test/contract/storage-contract.ts';
import { namesIn, pattern, rejectsWith } from '#test/support/storage-samples.ts';
import { FakeClock } from '#test/support/fake-clock.ts';
import { owning } from '#test/support/owning-storage.ts';
import { recording } from '#test/support/recording-storage.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import type { AppError } from '../../base/errors.ts';
import { MemoryStorage } from '../drivers/memory/memory.ts';
import { caching, type CachingSettings } from './caching.ts';
import { ObjectCache } from './object-cache.ts';

const warn = (problem: AppError): never => {
  throw problem;
};
const cacheable = (name: string): boolean => name.startsWith('index/');
const isSound = (): boolean => true;

storageContract('caching() everything', async () => {
  const directory = await temporaryDirectory();
  return owning(
    caching(new MemoryStorage(), {
      directory: directory.path,
      cacheable: () => true,
      isSound,
      warn,
    }),
    directory,
  );
});
storageContract('caching() nothing', async () =>
  caching(new MemoryStorage(), { directory: '/nowhere', cacheable: () => false, isSound, warn }),
);

describe('caching()', () => {
  async function setUp(settings: Partial<CachingSettings> = {}) {
    const directory = await temporaryDirectory();
    const inner = recording(new MemoryStorage());
    const storage = caching(inner, {
      directory: directory.path,
      cacheable,
      isSound,
      warn,
      ...settings,
    });
    const reads = (): number => inner.calls.filter(({ method }) => method === 'read').length;
    return {
      directory,
      inner,
      storage,
      reads,
      [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
    };
  }

  test('reads an object once, and what was put not at all', async () => {
    await using all = await setUp();
    await all.inner.put('index/a', pattern(10));
    for (let round = 0; round < 3; round++)
      assert.deepEqual(await all.storage.read('index/a'), pattern(10));
    assert.equal(all.reads(), 1);
    await all.storage.put('index/b', pattern(20));
    assert.deepEqual(await all.storage.read('index/b'), pattern(20));
    assert.equal(all.reads(), 1);
  });

  test('does not keep what is not cacheable, too large, or a part', async () => {
    await using all = await setUp({ largest: 100 });
    await all.inner.put('packs/a', pattern(10));
    await all.inner.put('index/large', pattern(101));
    await all.inner.put('index/a', pattern(50));
    for (let round = 0; round < 2; round++) {
      await all.storage.read('packs/a');
      await all.storage.read('index/large');
      await all.storage.read('index/a', { range: { offset: 10 } });
    }
    assert.equal(all.reads(), 6);
    assert.deepEqual(await readdir(all.directory.path), []);
  });

  test('keeps no copy of what was not sound when it was read', async () => {
    await using all = await setUp({ isSound: (_name, bytes) => bytes.length === 10 });
    await all.inner.put('index/a', pattern(9));
    assert.deepEqual(await all.storage.read('index/a'), pattern(9));
    await all.inner.put('index/a', pattern(10));
    for (let round = 0; round < 2; round++)
      assert.deepEqual(await all.storage.read('index/a'), pattern(10));
    assert.equal(all.reads(), 2);
  });

  test('forgets what is deleted or replaced', async () => {
    await using all = await setUp();
    await all.storage.put('index/a', pattern(10));
    await all.storage.put('index/a', pattern(10, 5));
    assert.deepEqual(await all.storage.read('index/a'), pattern(10, 5));
    await all.storage.put('index/a', new Blob([pattern(10, 6).slice().buffer]));
    assert.deepEqual(await all.storage.read('index/a'), pattern(10, 6));
    await all.storage.delete('index/a');
    await rejectsWith(all.storage.read('index/a'), 'storage/not-found');
  });

  test('never believes a damaged, short, foreign or empty copy', async () => {
    await using all = await setUp();
    await all.storage.put('index/a', pattern(10));
    await all.storage.put('index/b', pattern(10, 9));
    const [copy = '', other = ''] = await filesBelow(all.directory.path);
    const sound = await readFile(copy);
    const flipped = Buffer.from(sound);
    flipped[flipped.length - 1]! ^= 1;
    for (const damaged of [
      flipped,
      sound.subarray(0, -1),
      Buffer.alloc(0),
      Buffer.alloc(42),
      await readFile(other),
    ]) {
      await writeFile(copy, damaged);
      assert.deepEqual(await all.storage.read('index/a'), pattern(10));
      assert.deepEqual(await all.storage.read('index/b'), pattern(10, 9));
      assert.deepEqual(await readFile(copy), sound);
    }
  });

  test('goes on without a directory that cannot be used, and says so once', async () => {
    await using directory = await temporaryDirectory();
    const file = path.join(directory.path, 'file');
    await writeFile(file, '');
    const problems: AppError[] = [];
    await using all = await setUp({
      directory: path.join(file, 'cache'),
      warn: (problem) => problems.push(problem),
    });
    await all.storage.put('index/a', pattern(10));
    assert.deepEqual(await all.storage.read('index/a'), pattern(10));
    assert.deepEqual(await all.storage.read('index/a'), pattern(10));
    await all.storage.delete('index/a');
    assert.deepEqual(await namesIn(all.storage, ''), []);
    assert.deepEqual(
      problems.map(({ code }) => code),
      ['local/unwritable'],
    );
  });

  test('keeps only the names it is told to', async () => {
    await using all = await setUp();
    for (const name of ['index/a', 'index/b', 'index/c']) await all.storage.put(name, pattern(10));
    const cache = new ObjectCache(all.directory.path, warn);
    const leftover = path.join(all.directory.path, '.left.unfinished');
    const fresh = path.join(all.directory.path, '.fresh.unfinished');
    await writeFile(leftover, '');
    await writeFile(fresh, '');
    const clock = new FakeClock();
    await utimes(leftover, 1, clock.now() / 1000 - 100_000);
    await utimes(fresh, 1, clock.now() / 1000 - 1000);
    await cache.retain(['index/a', 'index/x'], { clock });
    assert.notEqual(await cache.load('index/a'), undefined);
    assert.equal(await cache.load('index/b'), undefined);
    const files = await filesBelow(all.directory.path);
    assert.ok(files.includes(fresh));
    assert.equal(files.length, 2);
  });
});

/** Sorted so that the copy of "index/a" comes first. */
async function filesBelow(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  const contents = await Promise.all(
    files.map(async (file) => ({ file, last: (await readFile(file)).at(32) ?? -1 })),
  );
  return contents.toSorted((left, right) => left.last - right.last).map(({ file }) => file);
}
