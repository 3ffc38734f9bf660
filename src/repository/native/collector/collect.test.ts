import assert from 'node:assert/strict';
import { test } from 'node:test';

import { systemRandom } from '../../../base/random.ts';
import { backUpSample, SampleRepository } from '#test/support/sample-repository.ts';
import type { SampleFiles } from '#test/support/sample-tree.ts';
import { snapshotFiles } from '#test/support/sample-reading.ts';
import { listSnapshots } from '../reader/snapshot-list.ts';
import type { Access } from '../access.ts';
import { objectPrefixes } from '../objects/object-name.ts';
import { collect } from './collect.ts';
import { forgetSnapshots } from './forget.ts';
import { planCollection } from './prune-plan.ts';

const noise = (length: number): Uint8Array => systemRandom(length);

async function bytesOf({ storage }: SampleRepository): Promise<number> {
  const sizes = await Array.fromAsync(storage.list(objectPrefixes.pack), ({ size }) => size);
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function forget(access: Access, ...ids: string[]): Promise<void> {
  const { snapshots } = await listSnapshots(access);
  await forgetSnapshots(
    access,
    snapshots
      .filter(({ final }) => ids.includes(final.id))
      .map(({ final, seal }) => ({ id: final.id, seal })),
  );
}

void test('frees what forgotten snapshots used and nothing else', async () => {
  const sample = new SampleRepository({ packTarget: 64 * 1024 });
  const host = sample.host();
  const kept: SampleFiles = { 'a/x': noise(100_000), 'a/y': 'small', z: noise(50_000) };
  const first = await backUpSample(host, { ...kept, gone: noise(300_000) });
  const second = await backUpSample(host, kept);
  await forget(host.access, first);
  const before = await bytesOf(sample);
  const plan = await planCollection(host.access);
  const result = await collect(host.access, plan);
  assert.ok(result.deletedPacks > 0);
  assert.ok((await bytesOf(sample)) < before - 280_000);
  assert.deepEqual(await sample.names(objectPrefixes.tombstone), []);
  assert.deepEqual(await snapshotFiles(host.access, second), new Map(Object.entries(kept)));
  const again = await planCollection(host.access);
  assert.deepEqual(
    again.victims.map(({ fate }) => fate),
    [],
  );
});
