import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { test } from 'node:test';

import { recording } from '#test/support/recording-storage.ts';
import { pattern } from '#test/support/storage-samples.ts';
import { machine } from '#test/support/small-repository.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { toHex } from '../base/bytes.ts';
import { systemClock } from '../base/clock.ts';
import { copiesDirectory } from '../repository/native/copies-directory.ts';
import type { Description } from '../repository/native/keys/description.ts';
import { MemoryStorage } from '../storage/drivers/memory/memory.ts';
import { askingAhead } from '../storage/layers/asking-ahead.ts';
import { ObjectCache } from '../storage/layers/object-cache.ts';
import { expectSnapshots } from './expect-snapshots.ts';

test('snapshots are listed in the order of the format, and what this machine has is not read', async () => {
  await using directory = await temporaryDirectory();
  const places = machine(directory.path);
  const description = { repositoryId: new Uint8Array(16).fill(7) } as unknown as Description;
  const memory = new MemoryStorage();
  for (const name of ['seals/here', 'seals/there', 'snapshots/there', 'index/here'])
    await memory.put(name, pattern(10));
  const copies = new ObjectCache(
    copiesDirectory(places.cacheDirectory!, toHex(description.repositoryId)),
    places.warn,
  );
  for (const name of ['seals/here', 'index/here']) await copies.store(name, pattern(10));
  const inner = recording(memory);
  await using storage = askingAhead(inner);
  expectSnapshots(storage, 'content', Promise.resolve(description), places, {});
  await systemClock.sleep(100);
  assert.deepEqual(
    inner.calls.map(({ method, name }) => `${method} ${name}`).toSorted(),
    [
      'list forgets/',
      'list index/',
      'list seals/',
      'list snapshots/',
      'read seals/there',
      'read snapshots/there',
    ].toSorted(),
  );
  assert.deepEqual(
    inner.calls.filter(({ method }) => method === 'list').map(({ name }) => name),
    ['seals/', 'snapshots/', 'forgets/', 'index/'],
  );
});

test('a place without a repository, or one that cannot be reached, is told by whoever looks', async () => {
  await using directory = await temporaryDirectory();
  for (const describing of [
    Promise.resolve(undefined),
    Promise.reject<Description>(new Error('gone')),
  ]) {
    await using storage = askingAhead(new MemoryStorage());
    expectSnapshots(storage, 'content', describing, machine(directory.path), {});
    assert.deepEqual(await Array.fromAsync(storage.list('seals/')), []);
  }
});

test('a cache that cannot be used is told by whoever reads, not here as well', async () => {
  await using directory = await temporaryDirectory();
  await writeFile(`${directory.path}/file`, 'no directory');
  const memory = new MemoryStorage();
  await memory.put('seals/a', pattern(10));
  await using storage = askingAhead(memory);
  const places = {
    ...machine(directory.path),
    cacheDirectory: `${directory.path}/file`,
    warn: (problem: Error) => assert.fail(problem),
  };
  const description = { repositoryId: new Uint8Array(16) } as unknown as Description;
  expectSnapshots(storage, 'snapshots', Promise.resolve(description), places, {});
  const listed = await Array.fromAsync(storage.list('seals/'), ({ name }) => name);
  assert.deepEqual(listed, ['seals/a']);
});

test('who only wants to know which snapshots there are does not fetch the index', async () => {
  await using directory = await temporaryDirectory();
  const inner = recording(new MemoryStorage());
  await using storage = askingAhead(inner);
  expectSnapshots(storage, 'snapshots', Promise.resolve(undefined), machine(directory.path), {});
  await systemClock.sleep(50);
  assert.deepEqual(
    inner.calls.map(({ name }) => name),
    ['seals/', 'snapshots/', 'forgets/'],
  );
});
