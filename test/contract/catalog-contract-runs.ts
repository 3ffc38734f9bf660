import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Catalog, RunEnd } from '../../src/catalog/catalog.ts';
import type { Outcome, StepRecord } from '../../src/model/run.ts';
import { sampleEnd, sampleRun, sampleWorker, sampleTime } from '../support/catalog-samples.ts';
import { type MakePlace, openPlace } from './catalog-place.ts';

const worker = sampleWorker('one');

const step = (output?: string): StepRecord => ({
  name: 'backup',
  kind: 'backup',
  destination: 'sftp://host/x',
  startedAt: sampleTime,
  finishedAt: sampleTime + 5,
  outcome: 'succeeded',
  counters: { files: 3, bytes: 2 ** 40, details: { kind: 'full', sure: true } },
  warnings: ['a „Warnung“ \u0000 \ud83d'],
  ...(output !== undefined && { output }),
});

/** A run that ended so; each a second after the one before. */
async function ended(
  { queue }: Catalog,
  job: string,
  outcome: Outcome,
  second: number,
  change: Partial<RunEnd> = {},
): Promise<string> {
  const at = sampleTime + second * 1000;
  const { id } = await queue.add(sampleRun(job), at);
  await queue.claim(worker, at, { only: id });
  await queue.finish(id, worker.id, sampleEnd(outcome, change), at + 500, []);
  return id;
}

export function runContract(make: MakePlace): void {
  test('a run that is over tells all of it', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    const steps = [step('first\nsecond \u0000'), step()];
    const problem = { code: 'storage/unavailable', message: 'Gone', hint: 'Look' };
    const id = await ended(catalog, 'a', 'failed', 0, { reason: 'Gone', problem, steps });
    assert.deepEqual(await catalog.runs.get(id), {
      ...sampleRun('a'),
      id,
      queuedAt: sampleTime,
      startedAt: sampleTime,
      finishedAt: sampleTime + 500,
      state: 'failed',
      reason: 'Gone',
      problem,
      // Half of a pair of surrogates is no character.
      steps: JSON.parse(JSON.stringify(steps)),
      worker,
    });
    assert.equal(await catalog.runs.get('nothing'), undefined);
  });

  test('the steps so far are there while it runs, from who holds it', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    const { id } = await catalog.queue.add(sampleRun('a'), sampleTime);
    await catalog.runs.progress(id, worker.id, [step()]);
    assert.deepEqual((await catalog.runs.get(id))?.steps, []);
    await catalog.queue.claim(worker, sampleTime);
    await catalog.runs.progress(id, worker.id, [step('out')]);
    await catalog.runs.progress(id, 'other', []);
    assert.equal((await catalog.runs.get(id))?.steps[0]?.output, 'out');
  });

  test('runs are listed newest first, by what is asked for', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    const { runs, queue } = catalog;
    const a = await ended(catalog, 'a', 'succeeded', 1);
    const b = await ended(catalog, 'b', 'failed', 2);
    const c = (await queue.add(sampleRun('a', { activity: 'check' }), sampleTime + 3000)).id;
    const ids = async (filter: Parameters<typeof runs.list>[0]): Promise<string[]> =>
      (await runs.list(filter)).map(({ id }) => id);
    assert.deepEqual(await ids({}), [c, b, a]);
    assert.deepEqual(await ids({ limit: 2 }), [c, b]);
    assert.deepEqual(await ids({ job: 'a' }), [c, a]);
    assert.deepEqual(await ids({ activities: ['backup', 'drill'] }), [b, a]);
    assert.deepEqual(await ids({ activities: [] }), []);
    assert.deepEqual(await ids({ states: ['queued', 'failed'] }), [c, b]);
    assert.deepEqual(await ids({ before: sampleTime + 3000, after: sampleTime + 1000 }), [b]);
    assert.deepEqual(await ids({ job: 'a%' }), []);
  });

  test('histories say what was last good, last bad, and how often in a row', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    assert.deepEqual(await catalog.runs.histories(), []);
    assert.equal(await catalog.runs.history('a', 'backup'), undefined);
    const outcomes: readonly Outcome[] = [
      'failed',
      'warned',
      'failed',
      'skipped',
      'broken',
      'cancelled',
    ];
    const rows: (number | undefined)[] = [];
    const ids: string[] = [];
    for (const [index, outcome] of outcomes.entries()) {
      ids.push(await ended(catalog, 'a', outcome, index, { steps: [step('long')] }));
      rows.push((await catalog.runs.history('a', 'backup'))?.failuresInARow);
    }
    assert.deepEqual(rows, [1, 0, 1, 1, 2, 2]);
    await ended(catalog, 'b', 'succeeded', 9);
    const [first, second] = [...(await catalog.runs.histories())].sort((left, right) =>
      left.job.localeCompare(right.job),
    );
    assert.equal(first?.lastRun?.id, ids[5]);
    assert.equal(first?.lastSuccess?.id, ids[1]);
    assert.equal(first?.lastFailure?.id, ids[4]);
    assert.equal(first?.lastSuccess?.steps[0]?.counters?.bytes, 2 ** 40);
    assert.deepEqual(await catalog.runs.history('a', 'backup'), first);
    assert.equal(second?.lastFailure, undefined);
    assert.equal(second?.failuresInARow, 0);
    assert.equal(await catalog.runs.history('b', 'check'), undefined);
  });

  test('old runs go, but the last ten, what histories name and what is not over', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    const waiting = (await catalog.queue.add(sampleRun('a'), sampleTime - 9000)).id;
    const success = await ended(catalog, 'a', 'succeeded', 0);
    const old: string[] = [];
    for (let second = 1; second <= 12; second++)
      old.push(await ended(catalog, 'a', 'failed', second));
    const other = await ended(catalog, 'b', 'succeeded', 0);
    assert.equal(await catalog.runs.dropOlderThan(sampleTime), 0);
    assert.equal(await catalog.runs.dropOlderThan(sampleTime + 1501), 1);
    assert.equal(await catalog.runs.dropOlderThan(sampleTime + 60_000), 1);
    const left = new Set((await catalog.runs.list({})).map(({ id }) => id));
    assert.deepEqual(left, new Set([waiting, success, other, ...old.slice(2)]));
    assert.equal((await catalog.runs.history('a', 'backup'))?.lastSuccess?.id, success);
  });
}
