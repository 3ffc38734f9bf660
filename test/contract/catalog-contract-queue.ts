import assert from 'node:assert/strict';
import { test } from 'node:test';

import { systemClock } from '../../src/base/clock.ts';
import { hasCode } from '../../src/base/errors.ts';
import type { Catalog } from '../../src/catalog/catalog.ts';
import type { NewRun } from '../../src/model/run.ts';
import {
  sampleEnd,
  sampleEntry,
  sampleRun,
  sampleWorker,
  sampleTime,
} from '../support/catalog-samples.ts';
import { type MakePlace, openPlace } from './catalog-place.ts';

const worker = sampleWorker('one');
const lease = 60_000;

async function addAll(
  { queue }: Catalog,
  runs: readonly (readonly [job: string, change?: Partial<NewRun>])[],
): Promise<string[]> {
  const ids: string[] = [];
  for (const [job, change] of runs)
    ids.push((await queue.add(sampleRun(job, change), sampleTime)).id);
  return ids;
}

async function claimedJobs({ queue }: Catalog, now = sampleTime): Promise<string[]> {
  const jobs: string[] = [];
  for (;;) {
    const run = await queue.claim(worker, now);
    if (run === undefined) return jobs;
    jobs.push(run.job);
  }
}

export function queueContract(make: MakePlace): void {
  test('a run is claimed as it was added, and is running then', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    const given = sampleRun('a', { keys: ['job:a', 'queue:q'], parameters: { to: '/x' } });
    const added = await catalog.queue.add(given, sampleTime);
    assert.deepEqual(await catalog.runs.get(added.id), added);
    const run = await catalog.queue.claim(worker, sampleTime + 5);
    assert.deepEqual(run, { ...added, state: 'running', startedAt: sampleTime + 5, worker });
    assert.deepEqual(await catalog.runs.get(added.id), run);
    assert.equal(await catalog.queue.claim(worker, sampleTime + 5), undefined);
  });

  test('restores come first, then what a person waits for, sampleTime the oldest', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    await addAll(catalog, [
      ['scheduled-1'],
      ['scheduled-2'],
      ['manual', { priority: 50, trigger: 'manual' }],
      ['restore', { priority: 100, activity: 'restore' }],
      ['scheduled-3'],
      ['manual-2', { priority: 50 }],
    ]);
    assert.deepEqual(await claimedJobs(catalog), [
      'restore',
      'manual',
      'manual-2',
      'scheduled-1',
      'scheduled-2',
      'scheduled-3',
    ]);
  });

  test('runs that share a key never run at the same time, and hold up nobody else', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    const repository = 'repository:sftp://host/x';
    const [first] = await addAll(catalog, [
      ['a', { keys: ['job:a', repository] }],
      ['b', { keys: ['job:b', repository] }],
      ['c', { keys: [repository, 'job:c', repository] }],
      ['d', { keys: [] }],
    ]);
    assert.deepEqual(await claimedJobs(catalog), ['a', 'd']);
    await catalog.queue.finish(first!, worker.id, sampleEnd('failed'), sampleTime, []);
    assert.deepEqual(await claimedJobs(catalog), ['b']);
  });

  test('a run is not claimed before its time', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    await addAll(catalog, [['late', { notBefore: sampleTime + 100, priority: 9 }], ['now']]);
    assert.deepEqual(await claimedJobs(catalog), ['now']);
    assert.deepEqual(await claimedJobs(catalog, sampleTime + 99), []);
    assert.deepEqual(await claimedJobs(catalog, sampleTime + 100), ['late']);
  });

  test('one run can be claimed alone', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    const ids = await addAll(catalog, [['a'], ['b'], ['b']]);
    const run = await catalog.queue.claim(worker, sampleTime, { only: ids[1]! });
    assert.equal(run?.id, ids[1]);
    assert.equal(await catalog.queue.claim(worker, sampleTime, { only: ids[1]! }), undefined);
    assert.equal(await catalog.queue.claim(worker, sampleTime, { only: ids[2]! }), undefined);
  });

  test('many workers never get the same run, nor one key twice', async () => {
    await using place = await make();
    await using one = await openPlace(place);
    await using other = await openPlace(place);
    await addAll(
      one,
      Array.from({ length: 12 }, (_, index) => [`j${index}`, { keys: [`k${index % 4}`] }]),
    );
    const claims = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        (index % 2 === 0 ? one : other).queue.claim(sampleWorker(`w${index}`), sampleTime),
      ),
    );
    const keys = claims.flatMap((run) => run?.keys ?? []);
    assert.deepEqual(keys.sort(), ['k0', 'k1', 'k2', 'k3']);
  });

  test('a claim is kept by renewing, and only by who holds it', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    const { queue } = catalog;
    const [id = ''] = await addAll(catalog, [['a']]);
    assert.deepEqual(await queue.renew(id, worker.id, sampleTime), {
      held: false,
      cancelled: false,
    });
    await queue.claim(worker, sampleTime);
    assert.deepEqual(await queue.renew(id, 'other', sampleTime), { held: false, cancelled: false });
    assert.deepEqual(await queue.renew(id, worker.id, sampleTime + lease / 2), {
      held: true,
      cancelled: false,
    });
    const next = sampleWorker('two');
    assert.deepEqual(await queue.takeBroken(next, () => false, sampleTime + lease + 1), []);
    const [taken, ...others] = await queue.takeBroken(next, () => false, sampleTime + lease * 1.5);
    assert.deepEqual(others, []);
    assert.equal(taken?.id, id);
    assert.equal(taken.state, 'running');
    assert.equal(taken.worker?.id, 'two');
    // The first one lives after all, and learns that it has lost it.
    assert.deepEqual(await queue.renew(id, worker.id, sampleTime + lease * 2), {
      held: false,
      cancelled: false,
    });
    const late = await queue.finish(id, worker.id, sampleEnd('succeeded'), sampleTime, [
      sampleEntry('r'),
    ]);
    assert.equal(late, false);
    assert.deepEqual(await catalog.outbox.list(), []);
    assert.equal(await queue.finish(id, 'two', sampleEnd('broken'), sampleTime, []), true);
    assert.equal((await catalog.runs.get(id))?.state, 'broken');
  });

  test('runs of dead workers are taken over at once, by one', async () => {
    await using place = await make();
    await using one = await openPlace(place);
    await using other = await openPlace(place);
    const [dead = '', alive = ''] = await addAll(one, [['a'], ['b']]);
    await one.queue.claim(sampleWorker('dead'), sampleTime, { only: dead });
    await one.queue.claim(sampleWorker('alive'), sampleTime, { only: alive });
    const isDead = ({ id }: { readonly id: string }): boolean => id === 'dead';
    const taken = await Promise.all(
      [one, other, one, other].map(({ queue }, index) =>
        queue.takeBroken(sampleWorker(`new ${index}`), isDead, sampleTime + 1),
      ),
    );
    assert.deepEqual(
      taken.flat().map(({ id }) => id),
      [dead],
    );
    // Its keys stay held until it is ended.
    await one.queue.add(sampleRun('a'), sampleTime);
    assert.deepEqual(await claimedJobs(one), []);
    const holder = taken.flat()[0]?.worker?.id ?? '';
    await one.queue.finish(
      dead,
      holder,
      sampleEnd('broken', { reason: 'It died' }),
      sampleTime,
      [],
    );
    assert.deepEqual(await claimedJobs(one), ['a']);
  });

  test('finishing a second time, because nobody heard of the first, changes nothing', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    const [id = ''] = await addAll(catalog, [['a']]);
    await catalog.queue.claim(worker, sampleTime);
    const finish = (outcome: 'failed' | 'succeeded', now: number): Promise<boolean> =>
      catalog.queue.finish(id, worker.id, sampleEnd(outcome), now, [sampleEntry('r')]);
    assert.equal(await finish('failed', sampleTime), true);
    const before = await catalog.runs.get(id);
    assert.equal(await finish('failed', sampleTime + 9), true);
    assert.equal(await finish('succeeded', sampleTime + 9), false);
    assert.deepEqual(await catalog.runs.get(id), before);
    assert.equal((await catalog.runs.history('a', 'backup'))?.failuresInARow, 1);
    assert.equal((await catalog.outbox.list()).length, 1);
  });

  test('a run that waits is cancelled at once, one that runs learns it', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    const { queue, runs } = catalog;
    const [waiting = '', running = ''] = await addAll(catalog, [['a'], ['b']]);
    await queue.claim(worker, sampleTime, { only: running });
    await queue.cancel(waiting, sampleTime + 1);
    await queue.cancel(running, sampleTime + 1);
    const { state, finishedAt } = (await runs.get(waiting))!;
    assert.deepEqual({ state, finishedAt }, { state: 'cancelled', finishedAt: sampleTime + 1 });
    assert.equal(await queue.claim(worker, sampleTime + 2), undefined);
    assert.deepEqual(await queue.renew(running, worker.id, sampleTime), {
      held: true,
      cancelled: true,
    });
    assert.equal((await runs.get(running))?.state, 'running');
    await queue.finish(running, worker.id, sampleEnd('cancelled'), sampleTime + 3, []);
    await queue.cancel(running, sampleTime + 4);
    assert.equal((await runs.get(running))?.finishedAt, sampleTime + 3);
    await assert.rejects(queue.cancel('nothing', sampleTime), (error) =>
      hasCode(error, 'job/missing'),
    );
  });

  test('a run that is postponed comes again at its time, with the reason', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    const { queue, runs } = catalog;
    const [id = ''] = await addAll(catalog, [['a']]);
    await queue.claim(worker, sampleTime);
    await runs.progress(id, worker.id, [
      { name: 's', kind: 'hook', startedAt: sampleTime, output: 'x' },
    ]);
    await queue.postpone(id, worker.id, sampleTime + 500, 'The disk is not there');
    const run = await runs.get(id);
    assert.deepEqual(run, {
      ...sampleRun('a'),
      id,
      queuedAt: sampleTime,
      notBefore: sampleTime + 500,
      state: 'queued',
      reason: 'The disk is not there',
      steps: [],
    });
    // What somebody else does with a claim that is gone has no effect.
    await queue.postpone(id, worker.id, sampleTime + 900, 'again');
    assert.deepEqual(await runs.get(id), run);
    assert.deepEqual(await claimedJobs(catalog, sampleTime + 499), []);
    assert.deepEqual(await claimedJobs(catalog, sampleTime + 500), ['a']);
    await queue.cancel(id, sampleTime + 600);
    await queue.postpone(id, worker.id, sampleTime + 700, 'Not yet');
    assert.equal((await runs.get(id))?.state, 'cancelled');
    await queue.add(sampleRun('a'), sampleTime);
    assert.deepEqual(await claimedJobs(catalog), ['a']);
  });

  test('a run that was put off or queued by a clock which has been put back since is claimed', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    const { queue } = catalog;
    const wrong = sampleTime + 86_400_000;
    const { id } = await queue.add(sampleRun('a'), sampleTime);
    await queue.claim(sampleWorker('one'), sampleTime);
    await queue.postpone(id, 'one', wrong, 'On battery');
    const next = await queue.claim(sampleWorker('two'), sampleTime);
    assert.equal(next?.id, id);
    await queue.postpone(id, 'two', sampleTime + 300_000, 'On battery');
    assert.equal(await queue.claim(sampleWorker('two'), sampleTime), undefined);
    assert.equal((await queue.claim(sampleWorker('two'), sampleTime - 7_200_000))?.id, id);
  });

  test('a run that waits in vain is ended where it waits', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    const { queue, runs } = catalog;
    const [waiting = '', running = ''] = await addAll(catalog, [['a'], ['b']]);
    await queue.claim(worker, sampleTime, { only: running });
    const end = sampleEnd('failed', { reason: 'It waited too long' });
    assert.equal(await queue.finishQueued(waiting, end, sampleTime + 9, [sampleEntry('r')]), true);
    assert.equal(await queue.finishQueued(waiting, end, sampleTime + 9, [sampleEntry('s')]), false);
    assert.equal(await queue.finishQueued(running, end, sampleTime + 9, [sampleEntry('t')]), false);
    const run = await runs.get(waiting);
    assert.equal(run?.state, 'failed');
    assert.equal(run.finishedAt, sampleTime + 9);
    assert.equal((await runs.history('a', 'backup'))?.lastFailure?.id, waiting);
    assert.deepEqual(
      (await catalog.outbox.list()).map(({ report }) => report.id),
      ['r'],
    );
  });

  test('waiting ends when work comes, from wherever, when its time comes, and when it is told to', async () => {
    await using place = await make();
    await using one = await openPlace(place, { clock: systemClock });
    await using other = await openPlace(place, { clock: systemClock });
    // The first wait makes the connection over which the server tells.
    await one.queue.waitForWork(1);
    for (const from of [one, other]) {
      const waiting = one.queue.waitForWork(3_600_000);
      await from.queue.add(
        sampleRun('a', { notBefore: systemClock.now() + 3_000_000 }),
        sampleTime,
      );
      await waiting;
    }
    const controller = new AbortController();
    const aborted = one.queue.waitForWork(3_600_000, { signal: controller.signal });
    controller.abort(new Error('enough'));
    await assert.rejects(aborted, /enough/u);
    await one.queue.add(sampleRun('a', { notBefore: systemClock.now() + 50 }), sampleTime);
    await one.queue.waitForWork(3_600_000);
  });
}
