import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { storageContract } from '#test/contract/storage-contract.ts';
import { faulty, steered } from '#test/support/faulty-storage.ts';
import { logged } from '#test/support/logged-storage.ts';
import { recording } from '#test/support/recording-storage.ts';
import { namesIn, pattern, rejectsWith } from '#test/support/storage-samples.ts';

import { AppError } from '../../base/errors.ts';
import { MemoryStorage } from '../drivers/memory/memory.ts';
import type { Storage } from '../storage.ts';
import { askingAhead } from './asking-ahead.ts';
import { forward } from './forward.ts';

storageContract('askingAhead()', async () => askingAhead(new MemoryStorage()));
storageContract('askingAhead() that was asked', async () => {
  const storage = askingAhead(new MemoryStorage());
  storage.askFor(['', 'packs/', 'index/']);
  return storage;
});

/** Long enough for whatever has begun. */
const aWhile = (): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, 20);
  });

async function filled(): Promise<MemoryStorage> {
  const storage = new MemoryStorage();
  for (const name of ['seals/a', 'seals/b', 'snapshots/a', 'index/a'])
    await storage.put(name, pattern(100));
  return storage;
}

const unreachable = new AppError('storage/unavailable', 'Nobody answers');

describe('askingAhead()', () => {
  test('lists one prefix after the other and reads beside that; each answer is given once', async () => {
    const inner = logged(await filled());
    const slow = steered(inner, (method) =>
      method === 'read' ? { before: () => aWhile() } : undefined,
    );
    await using storage = askingAhead(slow);
    storage.askFor(['seals/', 'snapshots/', 'index/']);
    await aWhile();
    await aWhile();
    const lists = inner.log.filter(({ method }) => method === 'list');
    assert.deepEqual(
      lists.map(({ name, moment }) => `${name} ${moment}`),
      ['seals/', 'snapshots/', 'index/'].flatMap((name) => [`${name} begin`, `${name} end`]),
    );
    const at = (method: string, name: string): number =>
      inner.log.findIndex((entry) => entry.method === method && entry.name === name);
    assert.ok(at('list', 'index/') < at('read', 'seals/a'), 'listings do not wait for reading');
    const before = inner.log.length;
    assert.deepEqual(await namesIn(storage, 'seals/'), ['seals/a', 'seals/b']);
    assert.deepEqual(await storage.read('seals/a'), pattern(100));
    assert.equal(inner.log.length, before, 'what was asked for is not asked for again');
    await namesIn(storage, 'seals/');
    await storage.read('seals/a');
    assert.equal(inner.log.length, before + 4);
  });

  test('leaves what is at hand, what is large, and ranges to whoever reads them', async () => {
    const memory = await filled();
    await memory.put('seals/large', new Uint8Array(17 * 1024 ** 2));
    const inner = recording(memory);
    await using storage = askingAhead(inner);
    storage.askFor(['seals/'], { isAtHand: async (name) => name === 'seals/b' });
    await namesIn(storage, 'seals/');
    const read = (): string[] =>
      inner.calls.filter(({ method }) => method === 'read').map(({ name }) => name);
    assert.deepEqual(read(), ['seals/a']);
    await storage.read('seals/a', { range: { offset: 0, length: 10 } });
    assert.deepEqual(read(), ['seals/a', 'seals/a']);
  });

  test('a listing that fails is an error for whoever wants it, never a shorter one; those behind it are asked for anew', async () => {
    const inner = faulty(await filled(), { list: [{ after: unreachable }, undefined] });
    await using storage = askingAhead(inner);
    storage.askFor(['seals/', 'snapshots/']);
    await aWhile();
    await rejectsWith(namesIn(storage, 'seals/'), 'storage/unavailable');
    assert.deepEqual(await namesIn(storage, 'seals/'), ['seals/a', 'seals/b']);
    assert.deepEqual(await namesIn(storage, 'snapshots/'), ['snapshots/a']);
  });

  test('a read that fails is an error for whoever wants the object, once, and nothing if nobody does', async () => {
    const inner = faulty(await filled(), { read: [unreachable, unreachable, undefined] });
    await using storage = askingAhead(inner);
    storage.askFor(['seals/']);
    await aWhile();
    await rejectsWith(storage.read('seals/a'), 'storage/unavailable');
    assert.deepEqual(await storage.read('seals/a'), pattern(100));
  });

  test('answers nothing with what was asked for before a change', async () => {
    await using storage = askingAhead(await filled());
    storage.askFor(['seals/', 'snapshots/', 'index/']);
    await storage.delete('seals/a');
    assert.deepEqual(await namesIn(storage, 'seals/'), ['seals/b']);
    await rejectsWith(storage.read('seals/a'), 'storage/not-found');
    storage.askFor(['snapshots/']);
    await aWhile();
    await storage.put('snapshots/b', pattern(5));
    await storage.put('snapshots/a', pattern(7));
    assert.deepEqual(await namesIn(storage, 'snapshots/'), ['snapshots/a', 'snapshots/b']);
    assert.deepEqual(await storage.read('snapshots/a'), pattern(7));
  });

  test('nothing goes on after the end', async () => {
    const { storage: inner, running } = hanging(await filled());
    const storage = askingAhead(inner);
    storage.askFor(['seals/', 'snapshots/']);
    await aWhile();
    assert.ok(running() > 0);
    await storage[Symbol.asyncDispose]();
    assert.equal(running(), 0);
  });

  test('who gives up waiting does not take it from others', async () => {
    const { storage: inner, release } = hanging(await filled());
    await using storage = askingAhead(inner);
    storage.askFor(['seals/']);
    await aWhile();
    const stop = new AbortController();
    const given = storage.read('seals/a', { signal: stop.signal });
    stop.abort(new Error('enough'));
    await assert.rejects(given, /enough/u);
    release();
    assert.deepEqual(await storage.read('seals/b'), pattern(100));
  });
});

/** A storage whose reads end when they are released, or by their signal. */
function hanging(inner: Storage): {
  readonly storage: Storage;
  readonly running: () => number;
  readonly release: () => void;
} {
  const gate = Promise.withResolvers<void>();
  let running = 0;
  const storage: Storage = {
    ...forward(inner),
    async read(name, options) {
      running++;
      try {
        const aborted = new Promise<never>((_, reject) => {
          options?.signal?.addEventListener('abort', () => reject(options.signal?.reason));
        });
        await Promise.race([gate.promise, aborted]);
        return await inner.read(name, options);
      } finally {
        // It takes its time to end.
        await aWhile();
        running--;
      }
    },
  };
  return { storage, running: () => running, release: () => gate.resolve() };
}
