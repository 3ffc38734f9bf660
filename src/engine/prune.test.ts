import assert from 'node:assert/strict';
import { test } from 'node:test';

import { systemRandom } from '../base/random.ts';
import { operation } from '#test/support/operation.ts';
import { backUpSample, SampleRepository } from '#test/support/sample-repository.ts';
import { forgetSnapshots } from '../repository/native/collector/forget.ts';
import { forward } from '../storage/layers/forward.ts';
import { planPrune, prune } from './prune.ts';

async function withGarbage(): Promise<{
  sample: SampleRepository;
  host: ReturnType<SampleRepository['host']>;
}> {
  const sample = new SampleRepository({ packTarget: 64 * 1024 });
  const host = sample.host();
  const id = await backUpSample(host, { x: systemRandom(200_000) });
  await backUpSample(host, { y: 'y' });
  await forgetSnapshots(host.access, [{ id, seal: undefined }]);
  return { sample, host };
}

void test('a plan says in figures what the prune then does', async () => {
  const { sample, host } = await withGarbage();
  const context = operation(sample.clock);
  const plan = await planPrune(host.access, {}, context);
  const { figures } = plan;
  assert.equal(figures.after.bytes, figures.before.bytes - figures.freed);
  const result = await prune(host.access, { ...plan, milliseconds: 5000 }, {}, context);
  assert.equal(
    result.deletedPacks,
    figures.delete.packs + figures.repack.packs + figures.join.packs,
  );
  const summary = context.events.findLast(({ type }) => type === 'summary');
  assert.ok(summary?.type === 'summary' && summary.operation === 'prune');
  assert.ok(summary.milliseconds >= 5000, 'the planning counts');
  const sizes = await Array.fromAsync(sample.storage.list('packs/'), ({ size }) => size);
  assert.ok(Math.abs(sizes.reduce((sum, size) => sum + size, 0) - figures.after.bytes) < 10_000);
});

void test('only owners and janitors prune, and nobody without a bound on listings unless alone', async () => {
  const { sample, host } = await withGarbage();
  const context = operation(sample.clock);
  await assert.rejects(planPrune(sample.host('writer').access, {}, context), {
    code: 'repository/not-permitted',
  });
  const { capabilities } = sample.storage;
  const storage = {
    ...forward(sample.storage),
    capabilities: { ...capabilities, listingLag: undefined },
  };
  const { access } = sample.through(host, storage);
  const plan = await planPrune(access, {}, context);
  await assert.rejects(prune(access, plan, {}, context), {
    code: 'repository/locked',
    hint: /"holdfast prune --alone"/u,
  });
  assert.ok((await prune(access, plan, { alone: true }, context)).deletedPacks > 0);
});

void test('repacks no more than it is allowed to', async () => {
  const { sample, host } = await withGarbage();
  await backUpSample(host, { z: 'z' });
  const context = operation(sample.clock);
  const all = await planPrune(host.access, {}, context);
  assert.ok(all.figures.join.packs > 0);
  const none = await planPrune(host.access, { maxRepack: { bytes: 0 } }, context);
  assert.deepEqual([none.figures.join.packs, none.figures.repack.packs], [0, 0]);
  assert.deepEqual(none.figures.delete, all.figures.delete);
});
