import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import { storageContract } from '#test/contract/storage-contract.ts';
import { pattern } from '#test/support/storage-samples.ts';
import { steered } from '#test/support/faulty-storage.ts';

import { collectAll } from '../byte-stream.ts';
import { MemoryStorage } from '../drivers/memory/memory.ts';
import { limiting } from './limiting.ts';

storageContract('limiting() to one call', async () => limiting(new MemoryStorage(), 1));
storageContract('limiting() to three calls', async () => limiting(new MemoryStorage(), 3));

describe('limiting()', () => {
  test('keeps the limit over all methods', async () => {
    let running = 0;
    let peak = 0;
    const inner = new MemoryStorage();
    await inner.put('a', pattern(10));
    const slow = steered(inner, () => ({
      async before() {
        running++;
        peak = Math.max(peak, running);
        await turn();
        running--;
      },
    }));
    const storage = limiting(slow, 3);
    const rounds = Array.from({ length: 10 }, (_, index) => [
      storage.put(`b${index}`, pattern(5)),
      storage.read('a'),
      storage.stat('a'),
      storage.get('a').then(collectAll),
      storage.delete('c'),
      Array.fromAsync(storage.list('')),
    ]);
    await Promise.all(rounds.flat());
    assert.equal(peak, 3);
  });

  test('counts a stream until it is read or cancelled', async () => {
    const inner = new MemoryStorage();
    await inner.put('a', pattern(10));
    const storage = limiting(inner, 1);
    const stream = await storage.get('a');
    let done = false;
    const waiting = storage.stat('a').then(() => (done = true));
    await turn();
    assert.equal(done, false);
    await stream.cancel();
    await waiting;
    await collectAll(await storage.get('a'));
    await storage.stat('a');
  });

  test('lets other calls be made from inside a listing', async () => {
    const storage = limiting(new MemoryStorage(), 1);
    for (const name of ['a', 'b', 'c']) await storage.put(name, pattern(1));
    for await (const { name } of storage.list('')) await storage.delete(name);
    assert.deepEqual(await Array.fromAsync(storage.list('')), []);
  });

  test('frees the place of a call that fails', async () => {
    const storage = limiting(new MemoryStorage(), 1);
    await assert.rejects(storage.get('missing'));
    await assert.rejects(storage.read('missing'));
    await storage.put('a', pattern(1));
  });
});
