import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { storageContract } from '#test/contract/storage-contract.ts';
import { pattern, rejectsWith } from '#test/support/storage-samples.ts';

import { systemClock } from '../../base/clock.ts';
import { MemoryStorage } from '../drivers/memory/memory.ts';
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
