import assert from 'node:assert/strict';
import { test } from 'node:test';

import { systemRandom } from '../base/random.ts';
import { operation } from '#test/support/operation.ts';
import { snapshotFiles } from '#test/support/sample-reading.ts';
import { backUpSample, SampleRepository } from '#test/support/sample-repository.ts';
import { checkRepository } from '../repository/native/check/check-repository.ts';
import { listSnapshots } from '../repository/native/reader/snapshot-list.ts';
import { copy, planCopy } from './copy.ts';

const packTarget = 64 * 1024;
const noise = (length: number): Uint8Array => systemRandom(length);

void test('copies snapshots into a repository with other keys, once, reading content once', async () => {
  const from = new SampleRepository({ packTarget });
  const to = new SampleRepository({ packTarget, seed: 33 });
  const [source, target] = [from.host(), to.host()];
  const files = { 'a/x': noise(100_000), 'a/b/c/y': 'small', empty: '', z: noise(50_000) };
  const first = await backUpSample(source, files);
  from.clock.advance(1000);
  await backUpSample(source, { ...files, more: noise(2000) });
  const context = operation(from.clock);
  const place = { access: target.access, sealSequence: target.sequence };
  const input = { timeZone: 'UTC' };
  const plan = await planCopy(source.access, target.access, input, context);
  assert.equal(plan.snapshots.length, 2);
  const summary = await copy(source.access, place, plan, context);
  assert.ok(summary.bytesRead < 155_000, 'what both snapshots share is read once');
  const copies = (await listSnapshots(target.access)).snapshots;
  assert.equal(copies.length, 2);
  const copied = copies[0]!;
  assert.equal(copied.final.origin?.snapshotId, first);
  assert.deepEqual(
    await snapshotFiles(target.access, copied.final.id),
    new Map(Object.entries(files)),
  );
  const original = (await listSnapshots(source.access)).snapshots[0]!;
  const told = ({ snapshot }: typeof original): unknown[] => [
    snapshot.time,
    snapshot.hostname,
    snapshot.paths,
    snapshot.tags,
  ];
  assert.deepEqual(told(copied), told(original));
  const { affected, findings } = await checkRepository(target.access, {
    readData: 'all',
    workers: 1,
  });
  assert.deepEqual(affected, []);
  assert.deepEqual(
    findings.filter(({ object }) => object?.startsWith('packs/')),
    [],
  );

  const again = await planCopy(source.access, target.access, input, context);
  assert.deepEqual([again.snapshots.length, again.already], [0, 2]);
  // Back into the first one: the originals are there.
  const back = await planCopy(target.access, source.access, input, context);
  assert.deepEqual([back.snapshots.length, back.already], [0, 2]);

  from.clock.advance(1000);
  await backUpSample(source, { ...files, newest: noise(3000) });
  const third = await copy(
    source.access,
    place,
    await planCopy(source.access, target.access, input, context),
    context,
  );
  assert.equal(third.bytesRead, 3000, 'what was copied before is not read again');
});
