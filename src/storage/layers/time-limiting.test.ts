import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { storageContract } from '#test/contract/storage-contract.ts';
import { FakeClock } from '#test/support/fake-clock.ts';
import { pattern, rejectsWith } from '#test/support/storage-samples.ts';

import { systemClock } from '../../base/clock.ts';
import { MemoryStorage } from '../drivers/memory/memory.ts';
import { watchOfCall } from '../call-watch.ts';
import type { Storage } from '../storage.ts';
import { forward } from './forward.ts';
import { timeLimiting } from './time-limiting.ts';

storageContract('timeLimiting()', async () =>
  timeLimiting(new MemoryStorage(), 60_000, systemClock),
);

/** A call that never settles unless it is aborted. */
function hanging(signal?: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** A storage that no longer answers. */
function stuck(inner: Storage): Storage {
  return {
    ...forward(inner),
    put: (_, __, options) => hanging(options?.signal),
    stat: (_, options) => hanging(options?.signal),
    delete: (_, options) => hanging(options?.signal),
    read: (_, options) => hanging(options?.signal),
    get: async (_, options) =>
      new ReadableStream<Uint8Array>({
        pull: () => hanging(options?.signal),
      }),
    async *list(_, options) {
      yield { name: 'a', size: 1 };
      await hanging(options?.signal);
    },
  };
}

describe('timeLimiting()', () => {
  const storage = timeLimiting(stuck(new MemoryStorage()), 30, systemClock);

  for (const [what, call] of [
    ['put', () => storage.put('a', pattern(1))],
    ['stat', () => storage.stat('a')],
    ['delete', () => storage.delete('a')],
    ['read', () => storage.read('a', { range: { offset: 0, length: 1 } })],
    ['get', async () => Array.fromAsync(await storage.get('a'))],
    ['list', () => Array.fromAsync(storage.list(''))],
  ] as const) {
    test(`gives up on a ${what} that hangs`, () => rejectsWith(call(), 'storage/unavailable'));
  }

  /** A storage whose puts and reads do what a test wants. */
  const doing = (work: (signal?: AbortSignal) => Promise<unknown>): Storage => ({
    ...forward(new MemoryStorage()),
    put: async (_, __, options) => void (await work(options?.signal)),
    async read(_, options) {
      await work(options?.signal);
      return pattern(1);
    },
  });

  test('what moves takes as long as it takes', async () => {
    const moving = timeLimiting(
      doing(async (signal) => {
        const watch = watchOfCall();
        for (let step = 0; step < 12; step++) {
          await systemClock.sleep(20, { signal });
          watch.moved();
        }
      }),
      100,
      systemClock,
    );
    await moving.put('a', pattern(1));
    await moving.read('a', { range: { offset: 0, length: 1 } });
  });

  test('waiting on this side does not count', async () => {
    const waiting = timeLimiting(
      doing(() => watchOfCall().waits(() => systemClock.sleep(200))),
      50,
      systemClock,
    );
    await waiting.put('a', pattern(1));
  });

  for (const [what, call, limit] of [
    ['a put', (slow: Storage) => slow.put('a', pattern(16 * 1024 ** 2)), 316],
    ['a read', (slow: Storage) => slow.read('a'), 60],
  ] as const) {
    test(`${what} that has moved and then hangs is given up before its size would allow`, async () => {
      const clock = new FakeClock();
      const begun = clock.monotonic();
      const stopping = timeLimiting(
        doing((signal) => {
          watchOfCall().moved();
          return hanging(signal);
        }),
        60_000,
        clock,
      );
      await rejectsWith(call(stopping), 'storage/unavailable');
      const seconds = (clock.monotonic() - begun) / 1000;
      assert.ok(seconds >= limit && seconds <= 2 * limit + 60, `after ${seconds} s`);
    });
  }

  test('the time that the reader takes does not count', async () => {
    const inner = new MemoryStorage();
    await inner.put('a', pattern(1_000_000));
    await inner.put('b', pattern(1));
    const patient = timeLimiting(inner, 30, systemClock);
    const names: string[] = [];
    for await (const { name } of patient.list('')) {
      await systemClock.sleep(80);
      names.push(name);
    }
    assert.deepEqual(names, ['a', 'b']);
    let size = 0;
    for await (const piece of await patient.get('a')) {
      size += piece.byteLength;
      await systemClock.sleep(50);
    }
    assert.equal(size, 1_000_000);
  });
});
