import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { storageContract } from '#test/contract/storage-contract.ts';
import { namesIn, pattern, rejectsWith, sourceOf } from '#test/support/storage-samples.ts';
import { FakeClock } from '#test/support/fake-clock.ts';
import { faulty } from '#test/support/faulty-storage.ts';
import { recording } from '#test/support/recording-storage.ts';

import { AppError } from '../../base/errors.ts';
import { collectAll } from '../byte-stream.ts';
import { MemoryStorage } from '../drivers/memory/memory.ts';
import type { ByteRange, Storage } from '../storage.ts';
import { forward } from './forward.ts';
import { retrying } from './retrying.ts';

const busy = new AppError('storage/unavailable', 'Slow down');
const denied = new AppError('storage/access-denied', 'No');

storageContract('retrying()', async () =>
  retrying(new MemoryStorage(), { clock: new FakeClock() }),
);

storageContract('retrying() over a storage where every second call fails', async () => {
  const script = {
    put: [busy, undefined],
    read: [busy, undefined],
    get: [busy, undefined],
    list: [{ after: busy }, undefined],
  };
  return retrying(faulty(new MemoryStorage(), script), { clock: new FakeClock() });
});

describe('retrying()', () => {
  test('tries again until the call succeeds, and waits longer each time', async () => {
    const clock = new FakeClock();
    const inner = recording(faulty(new MemoryStorage(), { put: [busy, busy, busy, undefined] }));
    await using storage = retrying(inner, { clock, random: () => 0 });
    await storage.put('a', sourceOf([pattern(10), pattern(5)]));
    assert.equal((await storage.stat('a')).size, 15);
    assert.equal(inner.calls.filter(({ method }) => method === 'put').length, 4);
    assert.deepEqual(clock.sleeps, [500, 1000, 2000]);
  });

  test('gives up after so many attempts, with the last error', async () => {
    const clock = new FakeClock();
    const inner = recording(faulty(new MemoryStorage(), { stat: [busy] }));
    await assert.rejects(retrying(inner, { clock, attempts: 3, random: () => 1 }).stat('a'), busy);
    assert.equal(inner.calls.length, 3);
    assert.deepEqual(clock.sleeps, [250, 500]);
  });

  test('waits no longer than the longest delay', async () => {
    const clock = new FakeClock();
    const storage = retrying(faulty(new MemoryStorage(), { delete: [busy] }), {
      clock,
      attempts: 9,
      longestDelay: 3000,
      random: () => 0,
    });
    await assert.rejects(storage.delete('a'), busy);
    assert.deepEqual(clock.sleeps.slice(2), [2000, 3000, 3000, 3000, 3000, 3000]);
  });

  test('does not repeat what will not get better', async () => {
    const clock = new FakeClock();
    for (const error of [
      denied,
      new AppError('storage/out-of-space', 'Full'),
      new TypeError('Bug'),
    ]) {
      const inner = recording(faulty(new MemoryStorage(), { put: [error] }));
      await assert.rejects(retrying(inner, { clock }).put('a', pattern(1)), error);
      assert.equal(inner.calls.length, 1);
    }
    await rejectsWith(retrying(new MemoryStorage(), { clock }).read('a'), 'storage/not-found');
    assert.deepEqual(clock.sleeps, []);
  });

  test('an abort ends the waiting with its reason', async () => {
    const clock = new FakeClock();
    const controller = new AbortController();
    const reason = new Error('Stop');
    const inner = recording(
      faulty(new MemoryStorage(), { put: [{ before: () => controller.abort(reason) }, undefined] }),
    );
    const failing = {
      ...inner,
      put: async (...call: Parameters<Storage['put']>) =>
        inner.put(call[0], call[1]).then(() => Promise.reject(busy)),
    };
    await assert.rejects(
      retrying(failing, { clock }).put('a', pattern(1), { signal: controller.signal }),
      reason,
    );
    assert.equal(inner.calls.length, 1);
  });

  describe('after a lost answer', () => {
    const lost = (inner: Storage): Storage => faulty(inner, { put: [{ after: busy }, undefined] });

    test('an ifAbsent put that finds its own object succeeds', async () => {
      for (const body of [pattern(10), sourceOf([pattern(10)]), pattern(2 * 1024 ** 2)]) {
        const inner = new MemoryStorage();
        await retrying(lost(inner), { clock: new FakeClock() }).put('a', body, { ifAbsent: true });
        assert.deepEqual(await namesIn(inner, ''), ['a']);
      }
    });

    for (const [kind, other, mine] of [
      ['another size', pattern(11), pattern(10)],
      ['other bytes', pattern(10, 7), pattern(10)],
      ['other bytes than its stream', pattern(10, 7), sourceOf([pattern(10)])],
    ] as const) {
      test(`an ifAbsent put that finds an object of ${kind} does not`, async () => {
        const inner = new MemoryStorage();
        const stolen = faulty(inner, { put: [{ before: () => inner.put('a', other) }, undefined] });
        // The first attempt meets the stranger's object, but its answer is lost.
        let first = true;
        const storage = retrying(
          {
            ...forward(stolen),
            async put(name, body, options) {
              const wasFirst = first;
              first = false;
              await stolen.put(name, body, options).catch((error: unknown) => {
                throw wasFirst ? busy : error;
              });
            },
          },
          { clock: new FakeClock() },
        );
        await rejectsWith(storage.put('a', mine, { ifAbsent: true }), 'storage/already-exists');
        assert.deepEqual(await inner.read('a'), other);
      });
    }

    test('the first attempt is believed', async () => {
      const inner = new MemoryStorage();
      await inner.put('a', pattern(10));
      const storage = retrying(inner, { clock: new FakeClock() });
      await rejectsWith(
        storage.put('a', pattern(10), { ifAbsent: true }),
        'storage/already-exists',
      );
    });

    test('a delete succeeds', async () => {
      const inner = new MemoryStorage();
      await inner.put('a', pattern(10));
      await retrying(faulty(inner, { delete: [{ after: busy }, undefined] }), {
        clock: new FakeClock(),
      }).delete('a');
      assert.deepEqual(await namesIn(inner, ''), []);
    });
  });

  const ranges: readonly (ByteRange | undefined)[] = [
    undefined,
    { offset: 1000 },
    { offset: 1000, length: 700_000 },
    { offset: -600_000 },
    { offset: -600_000, length: 500_000 },
  ];
  for (const range of ranges) {
    test(`a stream that breaks off goes on where it was, for the range ${JSON.stringify(range)}`, async () => {
      const inner = new MemoryStorage();
      await inner.put('a', pattern(1_000_000));
      const storage = retrying(breaking(inner), { clock: new FakeClock() });
      const options = range && { range };
      assert.deepEqual(
        await collectAll(await storage.get('a', options)),
        await inner.read('a', options),
      );
    });
  }

  test('a listing that breaks off begins anew and repeats nothing', async () => {
    const inner = new MemoryStorage();
    for (const name of ['a', 'b', 'c']) await inner.put(name, pattern(1));
    const storage = retrying(
      faulty(inner, { list: [{ after: busy }, { after: busy }, undefined] }),
      { clock: new FakeClock() },
    );
    assert.deepEqual(await namesIn(storage, ''), ['a', 'b', 'c']);
    const hopeless = retrying(faulty(inner, { list: [{ after: busy }] }), {
      clock: new FakeClock(),
    });
    await assert.rejects(namesIn(hopeless, ''), busy);
  });
});

/** A storage whose streams break off after their first piece. */
function breaking(inner: Storage): Storage {
  return {
    ...forward(inner),
    async get(name, options) {
      const reader = (await inner.get(name, options)).getReader();
      const { value } = await reader.read();
      let pulls = 0;
      return new ReadableStream<Uint8Array>(
        {
          pull(controller) {
            pulls++;
            if (value === undefined) controller.close();
            else if (pulls === 1) controller.enqueue(value);
            else controller.error(busy);
          },
        },
        { highWaterMark: 0 },
      );
    },
  };
}
