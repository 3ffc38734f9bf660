import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  sampleEnd,
  sampleEntry,
  sampleRun,
  sampleWorker,
  sampleTime,
} from '../support/catalog-samples.ts';
import { type MakePlace, openPlace } from './catalog-place.ts';

const hold = 120_000;

export function tellingContract(make: MakePlace): void {
  test('what a run has to tell is in the outbox with its end', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    const { id } = await catalog.queue.add(sampleRun('a'), sampleTime);
    await catalog.queue.claim(sampleWorker('one'), sampleTime);
    const entries = [
      sampleEntry('r1'),
      sampleEntry('r1', { channel: 'ntfy', notBefore: sampleTime + 9 }),
    ];
    await catalog.queue.finish(id, 'one', sampleEnd('failed'), sampleTime, entries);
    const items = await catalog.outbox.list();
    assert.deepEqual(
      items.map((item) => ({ ...item, id: '' })),
      [
        {
          ...entries[0],
          id: '',
          notBefore: sampleTime,
          attempts: 0,
          addedAt: sampleTime,
          givenUp: false,
        },
        { ...entries[1], id: '', attempts: 0, addedAt: sampleTime, givenUp: false },
      ],
    );
  });

  test('an item whose time has come is held by one sender', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    await using other = await openPlace(place);
    const { outbox } = catalog;
    await outbox.add(
      [sampleEntry('1'), sampleEntry('2', { notBefore: sampleTime + 5 }), sampleEntry('3')],
      sampleTime,
    );
    const reports = async (claim: ReturnType<typeof outbox.claim>): Promise<string[]> =>
      (await claim).map(({ report }) => report.id);
    assert.deepEqual(await reports(outbox.claim('w', sampleTime, 1)), ['1']);
    const rest = await Promise.all([
      outbox.claim('w', sampleTime, 9),
      other.outbox.claim('v', sampleTime, 9),
    ]);
    assert.deepEqual(
      rest.flat().map(({ report }) => report.id),
      ['3'],
    );
    assert.deepEqual(await reports(outbox.claim('w', sampleTime + 5, 9)), ['2']);
    // Whoever held them has died.
    assert.deepEqual(await reports(other.outbox.claim('v', sampleTime + hold, 9)), ['1', '3']);
  });

  test('what a clock that was put back has written does not wait until that time comes again', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    const { outbox } = catalog;
    const hour = 3_600_000;
    const wrong = sampleTime + 365 * 24 * hour;
    await outbox.add([sampleEntry('new')], sampleTime + 2 * hour);
    await outbox.add(
      [sampleEntry('failed'), sampleEntry('held'), sampleEntry('late', { notBefore: wrong })],
      sampleTime,
    );
    const due = async (at: number): Promise<string[]> =>
      (await outbox.claim('w', at, 9)).map(({ report }) => report.id).toSorted();
    const [failed] = await outbox.claim('w', sampleTime, 1);
    assert.equal(failed?.report.id, 'failed');
    await outbox.failed(failed.id, 'No answer', sampleTime + 30 * hour);
    const claimed = (await outbox.claim('w', wrong - hour, 9)).map(({ report }) => report.id);
    assert.ok(claimed.includes('held'), 'at a wrong time, by somebody who dies');
    assert.deepEqual(await due(sampleTime), ['failed', 'held', 'late', 'new']);
    assert.deepEqual(await due(sampleTime + 60_000), [], 'they are held');
    assert.deepEqual(await due(sampleTime - 60_000), [], 'clocks of two machines differ a little');
  });

  test('a digest waits for its time, and what failed a while', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    const { outbox } = catalog;
    const day = 86_400_000;
    await outbox.add([sampleEntry('digest', { notBefore: sampleTime + 8 * day })], sampleTime);
    await outbox.add([sampleEntry('failed')], sampleTime);
    const [failed] = await outbox.claim('w', sampleTime, 9);
    await outbox.failed(failed!.id, 'No answer', sampleTime + day / 4);
    assert.deepEqual(await outbox.claim('w', sampleTime, 9), []);
  });

  test('what was sent is gone, what failed comes again, what was given up is shown', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    const { outbox } = catalog;
    await outbox.add([sampleEntry('1'), sampleEntry('2'), sampleEntry('3')], sampleTime);
    // The same report for the same channel is one.
    await outbox.add([sampleEntry('1')], sampleTime + 1);
    const [one, two, three] = await outbox.claim('w', sampleTime, 9);
    await outbox.sent(one!.id);
    await outbox.failed(two!.id, 'No answer', sampleTime + 60);
    await outbox.giveUp(three!.id, 'Refused');
    assert.deepEqual(
      (await outbox.list()).map(({ report, attempts, lastError, notBefore, givenUp }) => [
        report.id,
        attempts,
        lastError,
        notBefore,
        givenUp,
      ]),
      [
        ['2', 1, 'No answer', sampleTime + 60, false],
        ['3', 1, 'Refused', sampleTime, true],
      ],
    );
    assert.deepEqual(await outbox.claim('w', sampleTime + 59, 9), []);
    const again = await outbox.claim('w', sampleTime + hold * 2, 9);
    assert.deepEqual(
      again.map(({ report }) => report.id),
      ['2'],
    );
    await outbox.failed(two!.id, 'No answer again', sampleTime + 90);
    assert.equal((await outbox.list())[0]?.attempts, 2);
    await outbox.retry(three!.id, sampleTime + 80);
    assert.deepEqual(
      (await outbox.claim('w', sampleTime + 80, 9)).map(({ report, attempts }) => [
        report.id,
        attempts,
      ]),
      [['3', 0]],
      'what was given up is as new if somebody asks for it',
    );
  });

  test('the journal keeps what has to be put right until it is', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    await using other = await openPlace(place);
    const { journal } = catalog;
    const entry = { kind: 'containers-stopped', run: 'r', host: 'h', data: { names: ['a'] } };
    const first = await journal.add(entry);
    const second = await journal.add({ ...entry, kind: 'scratch-database' });
    assert.deepEqual(await other.journal.list(), [
      { ...entry, id: first },
      { ...entry, id: second, kind: 'scratch-database' },
    ]);
    await journal.update(first, { names: [] });
    await journal.remove(second);
    assert.deepEqual(await other.journal.list(), [{ ...entry, id: first, data: { names: [] } }]);
  });

  test('notes are set, listed by what they begin with, and changed by one', async () => {
    await using place = await make();
    await using catalog = await openPlace(place);
    await using other = await openPlace(place);
    const { notes } = catalog;
    assert.equal(await notes.get('alarm/a'), undefined);
    assert.equal(await notes.set('alarm/a', 'raised', { expected: null }), true);
    assert.equal(await notes.set('alarm/a', 'again', { expected: null }), false);
    assert.equal(await notes.set('alarm/a', 'again', { expected: 'other' }), false);
    assert.equal(await notes.get('alarm/a'), 'raised');
    await notes.set('Alarm/b', 'x');
    await notes.set('alarm%', 'y');
    await notes.set('alarm/ä', 'z');
    assert.deepEqual(
      [...(await notes.list('alarm/'))],
      [
        ['alarm/a', 'raised'],
        ['alarm/ä', 'z'],
      ],
    );
    assert.equal((await notes.list('')).size, 4);
    assert.equal(await notes.set('alarm/a', undefined, { expected: 'raised' }), true);
    assert.equal(await notes.get('alarm/a'), undefined);
    const races = await Promise.all(
      [notes, other.notes, notes, other.notes].map((store, index) =>
        store.set('digest', `${index}`, { expected: null }),
      ),
    );
    assert.equal(races.filter(Boolean).length, 1);
  });
}
