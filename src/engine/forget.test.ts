import assert from 'node:assert/strict';
import { test } from 'node:test';

import { AppError } from '../base/errors.ts';
import { steered } from '#test/support/faulty-storage.ts';
import { operation } from '#test/support/operation.ts';
import { backUpSample, SampleRepository } from '#test/support/sample-repository.ts';
import {
  completeForgets,
  forgetSnapshots,
  mergeForgets,
} from '../repository/native/collector/forget.ts';
import { finalName, objectPrefixes, sealName } from '../repository/native/objects/object-name.ts';
import { listSnapshots } from '../repository/native/reader/snapshot-list.ts';
import { forget, planForgetting } from './forget.ts';

const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;
const timeZone = 'UTC';

async function ids(sample: SampleRepository): Promise<string[]> {
  const { snapshots } = await listSnapshots(sample.host().access);
  return snapshots.map(({ final }) => final.id);
}

void test('a policy keeps the floor and the newest, and forgetting leaves no alarm', async () => {
  const sample = new SampleRepository();
  const host = sample.host();
  const made: string[] = [];
  for (let day = 0; day < 12; day++) {
    made.push(await backUpSample(host, { day: String(day) }));
    sample.clock.advance(DAY);
  }
  const context = operation(sample.clock);
  const input = { policy: { keepLast: 1 }, timeZone };
  const plan = await planForgetting(host.access, input, context);
  // Three newest, and one for each of seven days: the floor.
  assert.deepEqual(plan.removals.map(({ id }) => id).toSorted(), made.slice(0, 5).toSorted());
  assert.equal((await ids(sample)).length, 12, 'a plan changes nothing');
  await forget(host.access, plan, context);
  assert.deepEqual(await ids(sample), made.slice(5));
  assert.deepEqual((await listSnapshots(host.access)).findings, []);
  const forced = await planForgetting(host.access, { ...input, force: true }, context);
  assert.deepEqual(
    forced.retention.keep.map(({ id }) => id),
    made.slice(-1),
  );
  assert.deepEqual((await planForgetting(host.access, input, context)).removals, []);
});

void test('never leaves nothing without force', async () => {
  const sample = new SampleRepository();
  const host = sample.host();
  const id = await backUpSample(host, { x: 'x' });
  const context = operation(sample.clock);
  await assert.rejects(
    planForgetting(host.access, { policy: { keepLast: 0 }, timeZone }, context),
    { code: 'input/invalid' },
  );
  await assert.rejects(planForgetting(host.access, { policy: {}, timeZone }, context), {
    code: 'input/invalid',
  });
  await assert.rejects(planForgetting(host.access, { named: [id], timeZone }, context), {
    code: 'input/invalid',
  });
  const plan = await planForgetting(host.access, { named: [id], timeZone, force: true }, context);
  await forget(host.access, plan, context);
  assert.deepEqual(await ids(sample), []);
});

void test('by name neither goes below the floor of the repository nor forgets what cannot be read, without force', async () => {
  const sample = new SampleRepository();
  const host = sample.host();
  const { access } = host;
  const made: string[] = [];
  for (let day = 0; day < 5; day++) {
    made.push(await backUpSample(host, { day: String(day) }));
    sample.clock.advance(DAY);
  }
  const context = operation(sample.clock);
  const low = { ...access, settings: { ...access.settings, keepLast: 1, keepDays: 1 } };
  const named = made.slice(0, 3);
  await assert.rejects(planForgetting(access, { named, timeZone }, context), {
    code: 'input/invalid',
    message: /^Only 2 snapshots .* less than the 3 that are to stay/u,
  });
  assert.equal((await planForgetting(low, { named, timeZone }, context)).removals.length, 3);

  const [damaged = ''] = made;
  await sample.storage.put(finalName(damaged), Buffer.from('damaged'));
  const unreadable = { named: [damaged], timeZone };
  await assert.rejects(planForgetting(low, unreadable, context), {
    code: 'input/invalid',
    message: /cannot be read, so nobody can say what would be lost with it$/u,
  });
  const plan = await planForgetting(low, { ...unreadable, force: true }, context);
  assert.deepEqual(plan.unreadable, [damaged]);
  await forget(access, plan, context);
  assert.deepEqual((await sample.names('snapshots/')).includes(finalName(damaged)), false);
});

void test('forgets nothing where it is not certain what has to stay', async () => {
  const sample = new SampleRepository();
  const host = sample.host();
  const { access } = host;
  const id = await backUpSample(host, { x: 'x' });
  const context = operation(sample.clock);
  const plan = await planForgetting(access, { named: [id], timeZone, force: true }, context);
  const doubtedSettings = new AppError('repository/damaged', 'One cannot be read');
  await assert.rejects(forget({ ...access, doubtedSettings }, plan, context), {
    code: 'repository/damaged',
    message: /^Nothing is removed, because .*: One cannot be read$/u,
  });
  assert.deepEqual(await ids(sample), [id]);
});

void test('a crash at any step leaves a snapshot whole or forgotten, and repeating completes it', async () => {
  for (let call = 1; call <= 3; call++) {
    const sample = new SampleRepository();
    const host = sample.host();
    const id = await backUpSample(host, { x: 'x' });
    let changes = 0;
    const dying = steered(sample.storage, (method) =>
      (method === 'put' || method === 'delete') && ++changes === call
        ? new AppError('storage/unavailable', 'Gone')
        : undefined,
    );
    const { seal } = (await listSnapshots(host.access)).snapshots[0]!;
    await assert.rejects(forgetSnapshots(sample.through(host, dying).access, [{ id, seal }]));
    const { findings } = await listSnapshots(host.access);
    assert.deepEqual(
      findings.filter(({ severity }) => severity === 'error'),
      [],
      `call ${call}`,
    );
    assert.deepEqual(await ids(sample), call === 1 ? [id] : []);
    assert.deepEqual(await completeForgets(host.access), call === 1 ? [] : [id]);
    const rest = [...(await sample.names('snapshots/')), ...(await sample.names('seals/'))];
    assert.equal(rest.length, call === 1 ? 2 : 0);
  }
});

void test('a forgotten snapshot that somebody puts back stays forgotten', async () => {
  const sample = new SampleRepository();
  const host = sample.host();
  const id = await backUpSample(host, { x: 'x' });
  const bytes = await Promise.all(
    [finalName(id), sealName(id)].map((name) => sample.storage.read(name)),
  );
  const { seal } = (await listSnapshots(host.access)).snapshots[0]!;
  await forgetSnapshots(host.access, [{ id, seal }]);
  await sample.storage.put(finalName(id), bytes[0]!);
  await sample.storage.put(sealName(id), bytes[1]!);
  assert.deepEqual(await ids(sample), []);
  // Also after its record was merged with others.
  for (let count = 0; count < 16; count++) {
    await forgetSnapshots(host.access, [
      { id: count.toString(16).padStart(32, 'a'), seal: undefined },
    ]);
  }
  assert.equal(await mergeForgets(host.access), 17);
  assert.equal((await sample.names(objectPrefixes.forget)).length, 1);
  assert.deepEqual(await ids(sample), []);
  assert.deepEqual(await completeForgets(host.access), [id]);
});

void test('a flood of snapshots raises an alarm instead of flushing good ones out', async () => {
  const sample = new SampleRepository();
  const thief = sample.host('writer');
  for (let day = 0; day < 12; day++) {
    await backUpSample(thief, { day: String(day) });
    sample.clock.advance(DAY);
  }
  for (let count = 0; count < 26; count++) await backUpSample(thief, { count: String(count) });
  const owner = sample.host();
  const context = operation(sample.clock);
  const input = { policy: { keepLast: 26 }, timeZone };
  await assert.rejects(planForgetting(owner.access, input, context), { code: 'input/invalid' });
  const forced = await planForgetting(owner.access, { ...input, force: true }, context);
  assert.equal(forced.removals.length, 12);
});

void test('goes by the storage of a writer and by the word of an owner', async () => {
  const sample = new SampleRepository();
  const [writer, owner] = [sample.host('writer'), sample.host()];
  const context = operation(sample.clock);
  // Both claim to have made one snapshot a day; in truth all appear within an hour.
  for (const host of [writer, owner]) {
    for (let day = 0; day < 10; day++) {
      const lying = {
        ...host,
        access: {
          ...host.access,
          clock: {
            now: () => sample.clock.now() - (10 - day) * DAY,
            monotonic: () => sample.clock.monotonic(),
            sleep: () => Promise.resolve(),
          },
        },
      };
      await backUpSample(lying, { day: String(day) });
      sample.clock.advance(60 * 1000);
    }
  }
  const plan = await planForgetting(owner.access, { policy: { keepDaily: 10 }, timeZone }, context);
  const kept = (signer: string): number =>
    plan.retention.keep.filter((snapshot) => snapshot.signer === signer).length;
  assert.equal(kept(owner.access.hostId), 10);
  assert.equal(kept(writer.access.hostId), 3, 'one day, and the floor');
});
