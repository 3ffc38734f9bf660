import assert from 'node:assert/strict';
import { test } from 'node:test';

import { systemRandom } from '../base/random.ts';
import { operation } from '#test/support/operation.ts';
import { backUpSample, SampleRepository } from '#test/support/sample-repository.ts';
import { forgetSnapshots } from '../repository/native/collector/forget.ts';
import { stats } from './stats.ts';

void test('counts what there is, what is used, and what everything takes', async () => {
  const sample = new SampleRepository();
  const host = sample.host();
  const first = await backUpSample(host, { x: systemRandom(10_000), y: systemRandom(5000) });
  await backUpSample(host, { z: systemRandom(2000) });
  await forgetSnapshots(host.access, [{ id: first, seal: undefined }]);
  await sample.storage.put('stray.txt', new Uint8Array(7));
  const result = await stats(host.access, operation(sample.clock));
  assert.equal(result.snapshots, 1);
  assert.deepEqual([result.data.blobs, result.data.rawBytes], [3, 17_000]);
  assert.equal(result.data.usedRawBytes, 2000);
  assert.equal(result.data.unusedBlobs, 2);
  assert.deepEqual(result.objects['foreign'], { count: 1, bytes: 7 });
  const listed = await Array.fromAsync(sample.storage.list(''), ({ size }) => size);
  assert.deepEqual(result.total, {
    count: listed.length,
    bytes: listed.reduce((sum, size) => sum + size, 0),
  });
  assert.ok(result.overheadBytes > 0 && result.overheadBytes < result.total.bytes);
});
