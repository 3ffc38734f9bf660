import assert from 'node:assert/strict';
import { test } from 'node:test';

import { toHex } from '../../../base/bytes.ts';
import { systemRandom } from '../../../base/random.ts';
import { flipStoredBit } from '#test/support/damaging-storage.ts';
import { backUpSample, SampleRepository } from '#test/support/sample-repository.ts';
import type { Access } from '../access.ts';
import { objectPrefixes, packName } from '../objects/object-name.ts';
import { loadIndex } from './index-list.ts';
import { mergeIndex } from './index-merger.ts';
import { rebuildIndexObjects } from './rebuild-index.ts';

async function said(access: Access): Promise<Map<string, string>> {
  const { packs } = await loadIndex(access);
  const all = [...packs.values()].map(({ name, size, table }): [string, string] => [
    name,
    `${size} ${toHex(table)}`,
  ]);
  return new Map(all.toSorted(([left], [right]) => (left < right ? -1 : 1)));
}

async function grown(): Promise<{ sample: SampleRepository; access: Access }> {
  const sample = new SampleRepository({ packTarget: 64 * 1024 });
  const [one, other] = [sample.host(), sample.host('writer')];
  for (let run = 0; run < 6; run++) {
    await backUpSample(run % 2 === 0 ? one : other, { [`file-${run}`]: systemRandom(90_000) });
  }
  return { sample, access: one.access };
}

void test('an index made from the packs says what the live one said', async () => {
  const { sample, access } = await grown();
  const live = await said(access);
  assert.ok(live.size > 6);
  await rebuildIndexObjects(access, { dryRun: true });
  assert.equal((await sample.names(objectPrefixes.index)).length, 6);
  await rebuildIndexObjects(access);
  assert.deepEqual(await said(access), live);
  assert.equal((await sample.names(objectPrefixes.index)).length, 1);
  for (const name of await sample.names(objectPrefixes.index)) await sample.storage.delete(name);
  await rebuildIndexObjects(access);
  assert.deepEqual(await said(access), live);
});

void test('what the index says of a pack with a broken tail is not thrown away', async () => {
  const { sample, access } = await grown();
  const live = await said(access);
  const [broken = ''] = live.keys();
  await flipStoredBit(sample.storage, packName(broken), { byte: -1 });
  const { unreadable } = await rebuildIndexObjects(access);
  assert.equal(unreadable.length, 1);
  assert.deepEqual(await said(access), live);
});

void test('merging keeps every mention, also of what is published meanwhile', async () => {
  const { sample, access } = await grown();
  const before = await said(access);
  const late = sample.host();
  const storage = sample.storage;
  let isDone = false;
  const between = {
    ...access,
    storage: {
      ...access.storage,
      location: storage.location,
      capabilities: storage.capabilities,
      put: storage.put.bind(storage),
      get: storage.get.bind(storage),
      read: storage.read.bind(storage),
      stat: storage.stat.bind(storage),
      list: storage.list.bind(storage),
      async delete(name: string) {
        if (!isDone) {
          isDone = true;
          await backUpSample(late, { late: systemRandom(10_000) });
        }
        await storage.delete(name);
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
  };
  const { merged, into } = await mergeIndex(between);
  assert.deepEqual([merged, into], [6, 1]);
  const after = await said(access);
  for (const [name, text] of before) assert.equal(after.get(name), text);
  assert.ok(after.size > before.size);
});
