import assert from 'node:assert/strict';
import { test } from 'node:test';

import { hasCode } from '../../src/base/errors.ts';
import type { ScheduleState } from '../../src/catalog/catalog.ts';
import { sampleRun, sampleTime } from '../support/catalog-samples.ts';
import { type MakePlace, openPlace } from './catalog-place.ts';

const entry = 'a/backup/1';
const state = (consideredUntil: number, more: Partial<ScheduleState> = {}): ScheduleState => ({
  entry,
  consideredUntil,
  skipNext: 0,
  ...more,
});

export function scheduleContract(make: MakePlace): void {
  test('entries begin once', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    const { schedules } = catalog;
    await schedules.begin([], sampleTime);
    await schedules.begin([entry, 'b/backup/1', entry], sampleTime);
    await schedules.begin([entry, 'c/backup/1'], sampleTime + 5);
    assert.deepEqual(
      [...(await schedules.list()).values()].sort((left, right) =>
        left.entry.localeCompare(right.entry),
      ),
      [
        state(sampleTime),
        { ...state(sampleTime), entry: 'b/backup/1' },
        { ...state(sampleTime + 5), entry: 'c/backup/1' },
      ],
    );
    await schedules.forget(['b/backup/1', 'never']);
    assert.deepEqual([...(await schedules.list()).keys()].sort(), [entry, 'c/backup/1']);
  });

  test('a claim moves the entry on and queues the run', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    await catalog.schedules.begin([entry], sampleTime);
    const to = state(sampleTime + 60, { lastQueued: sampleTime + 50 });
    const run = sampleRun('a', { scheduledFor: sampleTime + 50, parameters: { type: 'full' } });
    const id = await catalog.schedules.claim(state(sampleTime), to, run);
    assert.ok(id);
    assert.deepEqual((await catalog.schedules.list()).get(entry), to);
    const made = await catalog.runs.get(id);
    assert.equal(made?.scheduledFor, sampleTime + 50);
    assert.equal(made.state, 'queued');
    assert.deepEqual(made.parameters, { type: 'full' });
  });

  test('only who still sees it as it is claims it', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    const { schedules, runs } = catalog;
    await schedules.begin([entry], sampleTime);
    assert.equal(
      await schedules.claim(state(sampleTime - 1), state(sampleTime + 1), sampleRun('a')),
      undefined,
    );
    assert.equal(
      await schedules.claim(
        state(sampleTime, { skipNext: 1 }),
        state(sampleTime + 1),
        sampleRun('a'),
      ),
      undefined,
    );
    await schedules.skipNext(entry, 2);
    assert.equal(
      await schedules.claim(state(sampleTime), state(sampleTime + 1), sampleRun('a')),
      undefined,
    );
    assert.equal(
      await schedules.claim(
        state(sampleTime, { skipNext: 2 }),
        state(sampleTime + 1, { skipNext: 1 }),
        undefined,
      ),
      '',
    );
    assert.deepEqual((await schedules.list()).get(entry), state(sampleTime + 1, { skipNext: 1 }));
    await schedules.forget([entry]);
    assert.equal(
      await schedules.claim(
        state(sampleTime + 1, { skipNext: 1 }),
        state(sampleTime + 2),
        sampleRun('a'),
      ),
      undefined,
    );
    assert.deepEqual(await runs.list({}), []);
    await assert.rejects(schedules.skipNext(entry, 1), (error) => hasCode(error, 'job/missing'));
  });

  test('of many instances exactly one claims', async () => {
    await using place = await make();
    await using one = await openPlace(place);
    await using other = await openPlace(place);
    await one.schedules.begin([entry], sampleTime);
    const claims = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        (index % 2 === 0 ? one : other).schedules.claim(
          state(sampleTime),
          state(sampleTime + 60_000),
          sampleRun('a'),
        ),
      ),
    );
    const won = claims.filter((id) => id !== undefined);
    assert.equal(won.length, 1);
    assert.deepEqual(
      (await other.runs.list({})).map(({ id }) => id),
      won,
    );
  });
}
