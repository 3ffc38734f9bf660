import assert from 'node:assert/strict';
import { test } from 'node:test';

import { systemRandom } from '../../../base/random.ts';
import { lagging } from '#test/support/lagging-storage.ts';
import { steered } from '#test/support/faulty-storage.ts';
import { snapshotFiles } from '#test/support/sample-reading.ts';
import { backUpSample, SampleRepository, storeSample } from '#test/support/sample-repository.ts';
import { checkRepository } from '../check/check-repository.ts';
import { loadIndex } from '../index/index-list.ts';
import { mergeIndex } from '../index/index-merger.ts';
import { openRunTable } from '../writer/run-table.ts';
import { publishFinal, sealFinal } from '../writer/commit.ts';
import { collect } from './collect.ts';
import { forgetSnapshots } from './forget.ts';
import { planCollection } from './prune-plan.ts';

const noise = (length: number): Uint8Array => systemRandom(length);

void test('two packs that both go do not vouch for each other', async () => {
  const sample = new SampleRepository({ packTarget: 512 * 1024 });
  const [one, two] = [sample.host(), sample.host()];
  const shared = { x: noise(40_000) };
  // Both look at the index before either has stored anything: the content is stored twice.
  const tables = [await openRunTable(one.access), await openRunTable(two.access)] as const;
  const runs = [
    await storeSample(one, { ...shared, one: noise(200_000) }, { opened: tables[0] }),
    await storeSample(two, { ...shared, two: noise(200_000) }, { opened: tables[1] }),
  ] as const;
  for (const [index, host] of [one, two].entries()) {
    const { final, relied } = runs[index]!;
    const published = await publishFinal(host.access, final);
    assert.ok('snapshotId' in (await sealFinal(host.access, published, relied, host.sequence, [])));
  }
  const kept = await backUpSample(one, shared);
  await forgetSnapshots(
    one.access,
    runs.map(({ final }) => ({ id: final.id, seal: undefined })),
  );
  const plan = await planCollection(one.access);
  assert.ok(plan.victims.filter(({ use }) => use.pack.head.kind === 'data').length === 2);
  await collect(one.access, plan);
  assert.deepEqual(await snapshotFiles(one.access, kept), new Map(Object.entries(shared)));
});

void test('reaches content behind long lists and in directories of several blobs', async () => {
  const sample = new SampleRepository();
  const host = sample.host();
  const wide = Object.fromEntries(
    Array.from({ length: 40_000 }, (_, index) => [`wide/${'n'.repeat(100)}${index}`, '']),
  );
  const files = { ...wide, 'wide/zzz': noise(500), long: noise(6_000_000) };
  const gone = await backUpSample(host, { ...files, gone: noise(300_000) });
  const kept = await backUpSample(host, files);
  await forgetSnapshots(host.access, [{ id: gone, seal: undefined }]);
  const result = await collect(host.access, await planCollection(host.access));
  assert.ok(result.deletedBytes > 0);
  const found = await snapshotFiles(host.access, kept);
  assert.equal(found.size, 40_002);
  assert.deepEqual(found.get('long'), files.long);
  assert.deepEqual((await checkRepository(host.access)).affected, []);
});

void test('waits where listings lag, before it looks for new snapshots', async () => {
  const sample = new SampleRepository({ packTarget: 64 * 1024 });
  const storage = lagging(sample.storage, { lag: 5, clock: sample.clock });
  const host = sample.host('owner', storage);
  const files = { x: noise(200_000) };
  const first = await backUpSample(host, files);
  sample.clock.advance(60_000);
  await forgetSnapshots(host.access, [{ id: first, seal: undefined }]);
  sample.clock.advance(60_000);
  const plan = await planCollection(host.access);
  assert.ok(plan.victims.length > 0);
  const writer = sample.host('owner', storage);
  const run = await storeSample(writer, files);
  await publishFinal(writer.access, run.final);
  const result = await collect(host.access, plan);
  assert.equal(result.deletedPacks, 0);
  assert.ok(sample.clock.sleeps.includes(5000));
  assert.deepEqual(await snapshotFiles(host.access, run.final.id), new Map(Object.entries(files)));
});

void test('merging index objects loses no mention, whenever a backup comes in between', async () => {
  for (const prefix of ['index/', 'packs/']) {
    const sample = new SampleRepository();
    const host = sample.host();
    await backUpSample(host, { a: 'a' });
    await backUpSample(host, { b: 'b' });
    let isDone = false;
    const storage = steered(sample.storage, (method, name) => {
      if (isDone || method !== 'list' || name !== prefix) return undefined;
      isDone = true;
      return { before: async () => void (await backUpSample(sample.host(), { c: 'c' })) };
    });
    await mergeIndex(sample.through(host, storage).access);
    const { packs } = await loadIndex(host.access);
    assert.equal(packs.size, (await sample.names('packs/')).length, prefix);
  }
});

void test('an aborted or failed prune before the first delete takes its tombstone back', async () => {
  const sample = new SampleRepository({ packTarget: 64 * 1024 });
  const host = sample.host();
  const id = await backUpSample(host, { x: noise(200_000) });
  await forgetSnapshots(host.access, [{ id, seal: undefined }]);
  const plan = await planCollection(host.access);
  const stop = new AbortController();
  const storage = steered(sample.storage, (method, name) => {
    if (method === 'list' && name === 'snapshots/') stop.abort(new Error('Stopped'));
    return undefined;
  });
  await assert.rejects(
    collect(sample.through(host, storage).access, plan, {}, { signal: stop.signal }),
    /Stopped/u,
  );
  assert.deepEqual(await sample.names('tombstones/'), []);
  assert.ok((await sample.names('packs/')).length > 0);
});
