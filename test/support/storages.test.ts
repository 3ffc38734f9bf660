import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { AppError } from '../../src/base/errors.ts';
import { collectAll } from '../../src/storage/byte-stream.ts';
import { MemoryStorage } from '../../src/storage/drivers/memory/memory.ts';
import { storageContract } from '../contract/storage-contract.ts';
import { namesIn, pattern } from './storage-samples.ts';
import { damaging, flipStoredBit } from './damaging-storage.ts';
import { FakeClock } from './fake-clock.ts';
import { faulty, faultyAt } from './faulty-storage.ts';
import { lagging } from './lagging-storage.ts';
import { readOnly, recording } from './recording-storage.ts';

const error = new AppError('storage/unavailable', 'Fault');

storageContract('faulty() without faults', async () => faulty(new MemoryStorage(), {}));
storageContract('recording()', async () => recording(new MemoryStorage()));
storageContract('damaging() nothing', async () => damaging(new MemoryStorage(), () => undefined));
storageContract('lagging() by nothing', async () =>
  lagging(new MemoryStorage(), { lag: 0, clock: new FakeClock() }),
);

test('faulty() follows its script, and repeats its last step', async () => {
  const inner = new MemoryStorage();
  const storage = faulty(inner, {
    put: [undefined, error, { after: error }, error],
    list: [{ after: error }],
  });
  await storage.put('a', pattern(1));
  await assert.rejects(storage.put('b', pattern(1)), error);
  await assert.rejects(storage.put('c', pattern(1)), error);
  await assert.rejects(storage.put('d', pattern(1)), error);
  await assert.rejects(storage.put('e', pattern(1)), error);
  assert.deepEqual(await namesIn(inner, ''), ['a', 'c']);
  const seen: string[] = [];
  await assert.rejects(async () => {
    for await (const { name } of storage.list('')) seen.push(name);
  }, error);
  assert.deepEqual(seen, ['a']);
});

test('faultyAt() fails the call of that number only', async () => {
  const storage = faultyAt(new MemoryStorage(), { number: 3, step: error });
  await storage.put('a', pattern(1));
  await storage.read('a');
  await assert.rejects(storage.stat('a'), error);
  await storage.stat('a');
  assert.equal(storage.called(), 4);
});

test('faulty() can end the world before or after a call', async () => {
  for (const [die, stored] of [
    ['before', []],
    ['after', ['a']],
  ] as const) {
    const inner = new MemoryStorage();
    const how = (): never => {
      throw error;
    };
    await assert.rejects(faulty(inner, { put: [{ die, how }] }).put('a', pattern(1)), error);
    assert.deepEqual(await namesIn(inner, ''), stored);
  }
});

describe('damaging()', () => {
  test('flips the one bit in every way of reading', async () => {
    const inner = new MemoryStorage();
    await inner.put('a', pattern(1_000_000));
    for (const byte of [0, 500_000, -1]) {
      const storage = damaging(inner, (name) => (name === 'a' ? { byte, bit: 3 } : undefined));
      const expected = pattern(1_000_000);
      const place = byte < 0 ? 999_999 : byte;
      expected[place]! ^= 8;
      assert.ok(Buffer.from(expected).equals(await storage.read('a')));
      assert.ok(Buffer.from(expected).equals(await collectAll(await storage.get('a'))));
      const range = { offset: place, length: 1 };
      assert.deepEqual(await storage.read('a', { range }), expected.slice(place, place + 1));
      assert.deepEqual(
        await collectAll(await storage.get('a', { range })),
        expected.slice(place, place + 1),
      );
    }
    assert.deepEqual(await inner.read('a'), pattern(1_000_000));
  });

  test('flipStoredBit() damages for good', async () => {
    const inner = new MemoryStorage();
    await inner.put('a', pattern(10));
    await flipStoredBit(inner, 'a', { byte: -10, bit: 7 });
    assert.equal((await inner.read('a'))[0], 128);
  });
});

test('lagging() shows changes late', async () => {
  const clock = new FakeClock();
  const storage = lagging(new MemoryStorage({ clock }), { lag: 10, clock });
  await storage.put('old', pattern(1));
  clock.advance(11_000);
  await storage.put('new', pattern(1));
  await storage.delete('old');
  assert.deepEqual(await namesIn(storage, ''), ['old']);
  assert.equal((await storage.stat('new')).size, 1);
  clock.advance(11_000);
  assert.deepEqual(await namesIn(storage, ''), ['new']);
});

test('readOnly() refuses changes, recording() remembers calls', async () => {
  const storage = recording(readOnly(new MemoryStorage(), error));
  await assert.rejects(storage.put('a', pattern(1)), error);
  await assert.rejects(storage.delete('b'), error);
  await namesIn(storage, 'p');
  assert.deepEqual(storage.calls, [
    { method: 'put', name: 'a' },
    { method: 'delete', name: 'b' },
    { method: 'list', name: 'p' },
  ]);
});
