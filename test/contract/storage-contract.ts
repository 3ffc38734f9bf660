import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { collectAll } from '../../src/storage/byte-stream.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { byName, namesIn, pattern, rejectsWith, sourceOf } from '../support/storage-samples.ts';
import { aborting, concurrency, disposing, failing } from './storage-contract-conduct.ts';

/** What a test gets: a new, empty storage that goes at the end of the test. */
export type OpenStorage = () => Promise<Storage>;

/** How many objects the tests of listings store. */
export interface ListSizes {
  /** More than fit in a page, where there are pages. */
  readonly long: number;
  /** Enough for something to happen in the middle. */
  readonly short: number;
}

/** For most storages. */
export const listSizes: ListSizes = { long: 1100, short: 300 };

const mebibyte = 1024 * 1024;

/** One test for each sentence of the storage contract. Every driver and every layer runs it. */
export function storageContract(
  title: string,
  open: OpenStorage,
  sizes: ListSizes = listSizes,
): void {
  describe(`${title} keeps the storage contract`, { concurrency: false }, () => {
    roundTrips(open);
    names(open);
    ranges(open);
    missingObjects(open);
    replacing(open);
    deleting(open);
    listing(open, sizes);
    aborting(open, sizes);
    failing(open);
    concurrency(open);
    disposing(open);
  });
}

function roundTrips(open: OpenStorage): void {
  test('an object reads back as it was put', async () => {
    await using storage = await open();
    const bytes = pattern(70_000);
    await storage.put('packs/00/one', bytes);
    assert.deepEqual(await storage.read('packs/00/one'), bytes);
    assert.deepEqual(await collectAll(await storage.get('packs/00/one')), bytes);
    const { modified, ...object } = await storage.stat('packs/00/one');
    assert.deepEqual(object, { name: 'packs/00/one', size: bytes.byteLength });
    if (storage.capabilities.modifiedTimes) assert.equal(typeof modified, 'number');
  });

  test('a put does not change its body', async () => {
    await using storage = await open();
    const bytes = pattern(5000);
    await storage.put('a', bytes);
    assert.deepEqual(bytes, pattern(5000));
  });

  test('what is put does not change with the body afterwards', async () => {
    await using storage = await open();
    const bytes = pattern(5000);
    await storage.put('a', bytes);
    bytes.fill(0);
    assert.deepEqual(await storage.read('a'), pattern(5000));
  });

  test('what is read may be changed', async () => {
    await using storage = await open();
    await storage.put('a', pattern(500));
    (await storage.read('a')).fill(0);
    assert.deepEqual(await storage.read('a'), pattern(500));
  });

  test('a body that is part of a larger array is stored alone', async () => {
    await using storage = await open();
    await storage.put('a', pattern(5000).subarray(1000, 2000));
    assert.deepEqual(await storage.read('a'), pattern(5000).slice(1000, 2000));
  });

  test('an empty object is an object', async () => {
    await using storage = await open();
    await storage.put('empty', new Uint8Array());
    await storage.put('empty-stream', sourceOf([]));
    assert.equal((await storage.read('empty')).byteLength, 0);
    assert.equal((await collectAll(await storage.get('empty-stream'))).byteLength, 0);
    assert.equal((await storage.stat('empty')).size, 0);
  });

  test('a large object passes through streams', async () => {
    await using storage = await open();
    const pieces = Array.from({ length: 24 }, (_, index) => pattern(mebibyte, index));
    await storage.put('large', sourceOf([new Uint8Array(), ...pieces]));
    assert.equal((await storage.stat('large')).size, 24 * mebibyte);
    const whole = await collectAll(await storage.get('large'));
    assert.ok(Buffer.concat(pieces).equals(whole));
    assert.ok(Buffer.concat(pieces).equals(await storage.read('large')));
  });

  test('a blob is a body', async () => {
    await using storage = await open();
    await storage.put('blob', new Blob([pattern(3000).slice().buffer]));
    assert.deepEqual(await storage.read('blob'), pattern(3000));
  });
}

function names(open: OpenStorage): void {
  const odd = [
    'with space',
    'per%20cent',
    'grüße/ñandú/日本/🙂',
    'plus+and&or=what?',
    '.hidden/..dots',
    'quote\'"',
    'back\\slash',
    '#1',
  ];
  for (const name of odd) {
    test(`the name ${JSON.stringify(name)} is kept`, async () => {
      await using storage = await open();
      await storage.put(name, pattern(10));
      assert.deepEqual(await storage.read(name), pattern(10));
      assert.deepEqual(await namesIn(storage, ''), [name]);
      assert.deepEqual(await namesIn(storage, name.slice(0, 3)), [name]);
      await storage.delete(name);
      assert.deepEqual(await namesIn(storage, ''), []);
    });
  }

  const wrong = [
    '',
    '/',
    '/absolute',
    'a//b',
    'a/',
    '.',
    '..',
    '../up',
    'a/../../b',
    'a/./b',
    'nul\0',
    'half\uD800',
  ];
  for (const name of wrong) {
    test(`the name ${JSON.stringify(name)} is refused by every method`, async () => {
      await using storage = await open();
      await rejectsWith(storage.put(name, pattern(10)), 'input/invalid');
      await rejectsWith(storage.put(name, pattern(10), { ifAbsent: true }), 'input/invalid');
      await rejectsWith(storage.get(name), 'input/invalid');
      await rejectsWith(storage.read(name), 'input/invalid');
      await rejectsWith(storage.stat(name), 'input/invalid');
      await rejectsWith(storage.delete(name), 'input/invalid');
      assert.deepEqual(await namesIn(storage, ''), []);
    });
  }

  test('names differ by case', async () => {
    await using storage = await open();
    await storage.put('a', pattern(1));
    await storage.put('A', pattern(2));
    assert.deepEqual(await storage.read('a'), pattern(1));
    assert.deepEqual(await namesIn(storage, ''), ['A', 'a']);
  });
}

function ranges(open: OpenStorage): void {
  const size = 10_000;
  const inside = [
    { offset: 0, length: 1 },
    { offset: 5000, length: 1000 },
    { offset: 9000, length: 1000 },
    { offset: 9000 },
    { offset: 0 },
    { offset: -1 },
    { offset: -100, length: 50 },
    { offset: -10_000 },
    { offset: 5000, length: 0 },
    { offset: 10_000 },
  ];
  for (const range of inside) {
    test(`the range ${JSON.stringify(range)} of ${size} bytes is read`, async () => {
      await using storage = await open();
      await storage.put('a', pattern(size));
      const from = range.offset < 0 ? size + range.offset : range.offset;
      const expected = pattern(size).slice(
        from,
        range.length === undefined ? size : from + range.length,
      );
      assert.deepEqual(await storage.read('a', { range }), expected);
      assert.deepEqual(await collectAll(await storage.get('a', { range })), expected);
    });
  }

  const outside = [
    { offset: 9000, length: 1001 },
    { offset: 10_001 },
    { offset: 10_000, length: 1 },
    { offset: -10_001 },
    { offset: -10, length: 11 },
    { offset: 0, length: -1 },
    { offset: 0.5, length: 1 },
    { offset: Number.NaN },
  ];
  for (const range of outside) {
    test(`the range offset ${range.offset}, length ${range.length} of ${size} bytes is refused`, async () => {
      await using storage = await open();
      await storage.put('a', pattern(size));
      await rejectsWith(storage.read('a', { range }), 'storage/bad-range');
      await rejectsWith(storage.get('a', { range }), 'storage/bad-range');
    });
  }
}

function missingObjects(open: OpenStorage): void {
  test('a missing object is not found by get, read, stat and a range', async () => {
    await using storage = await open();
    await storage.put('packs/there', pattern(10));
    for (const name of [
      'missing',
      'packs/missing',
      'packs',
      'packs/there/below',
      'other/missing',
    ]) {
      await rejectsWith(storage.get(name), 'storage/not-found');
      await rejectsWith(storage.read(name), 'storage/not-found');
      await rejectsWith(storage.stat(name), 'storage/not-found');
      await rejectsWith(
        storage.read(name, { range: { offset: 0, length: 1 } }),
        'storage/not-found',
      );
    }
  });
}

function replacing(open: OpenStorage): void {
  test('a put replaces, by a larger and by a smaller object', async () => {
    await using storage = await open();
    for (const size of [1000, 2000, 10]) {
      await storage.put('a', pattern(size, size));
      assert.deepEqual(await storage.read('a'), pattern(size, size));
    }
    assert.deepEqual(await namesIn(storage, ''), ['a']);
  });

  test('ifAbsent creates', async () => {
    await using storage = await open();
    await storage.put('a/b', pattern(10), { ifAbsent: true });
    assert.deepEqual(await storage.read('a/b'), pattern(10));
    assert.deepEqual(await namesIn(storage, ''), ['a/b']);
  });

  test('ifAbsent keeps what is there', async () => {
    await using storage = await open();
    await storage.put('a', pattern(10, 1));
    await rejectsWith(
      storage.put('a', pattern(10, 2), { ifAbsent: true }),
      'storage/already-exists',
    );
    await rejectsWith(
      storage.put('a', sourceOf([pattern(20)]), { ifAbsent: true }),
      'storage/already-exists',
    );
    assert.deepEqual(await storage.read('a'), pattern(10, 1));
  });

  test('ifAbsent creates again after a delete', async () => {
    await using storage = await open();
    await storage.put('a', pattern(10, 1), { ifAbsent: true });
    await storage.delete('a');
    await storage.put('a', pattern(10, 2), { ifAbsent: true });
    assert.deepEqual(await storage.read('a'), pattern(10, 2));
  });
}

function deleting(open: OpenStorage): void {
  test('a deleted object is gone, and deleting it again is no error', async () => {
    await using storage = await open();
    await storage.put('a/b', pattern(10));
    await storage.put('a/c', pattern(10));
    await storage.delete('a/b');
    await storage.delete('a/b');
    await storage.delete('never/was');
    await storage.delete('a');
    await rejectsWith(storage.stat('a/b'), 'storage/not-found');
    assert.deepEqual(await namesIn(storage, ''), ['a/c']);
  });
}

function listing(open: OpenStorage, sizes: ListSizes): void {
  test('an empty storage lists nothing', async () => {
    await using storage = await open();
    assert.deepEqual(await namesIn(storage, ''), []);
    assert.deepEqual(await namesIn(storage, 'packs/'), []);
  });

  test('a list gives what starts with the prefix, also in the middle of a part', async () => {
    await using storage = await open();
    const all = ['index/1', 'packs/a1', 'packs/a2/deep/er', 'packs/b1', 'packs-other', 'pack'];
    for (const name of all) await storage.put(name, pattern(name.length));
    for (const prefix of [
      '',
      'p',
      'pack',
      'packs',
      'packs/',
      'packs/a',
      'packs/a2/',
      'packs/a2/d',
      'packs/b1',
      'packs/b1/',
      'x',
      'index/2',
    ]) {
      const expected = all.filter((name) => name.startsWith(prefix));
      assert.deepEqual(
        await namesIn(storage, prefix),
        expected.toSorted(byName),
        `prefix "${prefix}"`,
      );
    }
    for await (const { name, size, modified } of storage.list('')) {
      assert.equal(size, name.length);
      if (storage.capabilities.modifiedTimes) assert.equal(typeof modified, 'number');
    }
  });

  test('a prefix that no name can start with gives nothing', async () => {
    await using storage = await open();
    await storage.put('a/b', pattern(10));
    for (const prefix of ['/', '../', 'a//', './a', 'a/../', 'a\0'])
      assert.deepEqual(await namesIn(storage, prefix), []);
  });

  test('a long list gives every object once', async () => {
    await using storage = await open();
    const all = Array.from({ length: sizes.long }, (_, index) => `many/${index % 7}/${index}`);
    for (let first = 0; first < all.length; first += 50) {
      await Promise.all(all.slice(first, first + 50).map((name) => storage.put(name, pattern(1))));
    }
    assert.deepEqual(await namesIn(storage, 'many/'), all.toSorted(byName));
  });

  test('what was there throughout is listed while other objects go', async () => {
    await using storage = await open();
    const all = Array.from({ length: sizes.short }, (_, index) => `d/${index % 3}/${index}`);
    await Promise.all(all.map((name) => storage.put(name, pattern(1))));
    const going = new Set(all.filter((_, index) => index % 2 === 1));
    const seen: string[] = [];
    for await (const { name } of storage.list('d/')) {
      seen.push(name);
      const [next] = going;
      if (next === undefined) continue;
      going.delete(next);
      await storage.delete(next);
    }
    assert.equal(new Set(seen).size, seen.length);
    const staying = all.filter((_, index) => index % 2 === 0);
    assert.deepEqual(
      staying.filter((name) => !seen.includes(name)),
      [],
    );
  });

  test('a list may be left early', async () => {
    await using storage = await open();
    await Promise.all(['a', 'b', 'c'].map((name) => storage.put(name, pattern(1))));
    for await (const { name } of storage.list('')) {
      assert.ok(name);
      break;
    }
    await storage.put('d', pattern(1));
    assert.equal((await namesIn(storage, '')).length, 4);
  });
}
