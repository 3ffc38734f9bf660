import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { pattern, rejectsWith, sourceOf } from '#test/support/storage-samples.ts';

import { hasCode } from '../../base/errors.ts';
import { Semaphore } from '../../base/semaphore.ts';
import type { Body } from '../body.ts';
import { inMemory, partsOf, uploadParts, wholeBody } from './body-parts.ts';

/** Cuts bytes into pieces of these sizes, again and again. */
function cut(bytes: Uint8Array, sizes: readonly number[]): readonly Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0, index = 0; at < bytes.byteLength; index++) {
    const size = sizes[index % sizes.length] ?? 1;
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

describe('an upload in parts', () => {
  test('gives parts of the size, in order, and the body when joined, however it comes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 400 }),
        fc.integer({ min: 1, max: 90 }),
        fc.array(fc.integer({ min: 1, max: 120 }), { minLength: 1, maxLength: 5 }),
        fc.boolean(),
        async (size, partSize, pieceSizes, inOnePiece) => {
          const bytes = pattern(size);
          const body = inOnePiece ? bytes : sourceOf(cut(bytes, pieceSizes));
          const seen = new Map<number, Uint8Array>();
          const settings = { partSize, parallel: 3, memory: new Semaphore(4) };
          const results = await uploadParts('a', body, settings, async (part) => {
            await new Promise((resolve) => setImmediate(resolve));
            seen.set(part.index, part.bytes);
            return part.index;
          });
          assert.deepEqual(results, [...results.keys()]);
          assert.equal(results.length, Math.ceil(size / partSize));
          const parts = results.map((index) => seen.get(index) ?? new Uint8Array());
          assert.ok(parts.slice(0, -1).every((part) => part.byteLength === partSize));
          assert.ok(Buffer.concat(parts).equals(bytes));
        },
      ),
    );
  });

  test('never has more parts of streams in memory than there are places', async () => {
    const memory = new Semaphore(2);
    let held = 0;
    let most = 0;
    const body = sourceOf(Array.from({ length: 40 }, (_, index) => pattern(10, index)));
    const upload = (): Promise<unknown> =>
      uploadParts('a', body, { partSize: 10, parallel: 4, memory }, async () => {
        held++;
        most = Math.max(most, held);
        await new Promise((resolve) => setImmediate(resolve));
        held--;
      });
    await Promise.all([upload(), upload()]);
    assert.equal(most, 2);
  });

  test('gives the places back after a failure', async () => {
    const memory = new Semaphore(2);
    const settings = { partSize: 10, parallel: 2, memory };
    const body = sourceOf(Array.from({ length: 9 }, () => pattern(10)));
    const failure = new Error('Not this one');
    for (let round = 0; round < 3; round++) {
      await assert.rejects(
        uploadParts('a', body, settings, async ({ index }) => {
          if (index === 1) throw failure;
        }),
        failure,
      );
    }
    assert.equal((await uploadParts('a', body, settings, async () => undefined)).length, 9);
  });

  test('of a body with another size than announced ends before the last part', async () => {
    const settings = { partSize: 10, parallel: 2, memory: new Semaphore(2) };
    for (const size of [29, 31]) {
      const indexes: number[] = [];
      const body = { size, stream: () => sourceOf([pattern(30)]).stream() };
      await assert.rejects(
        uploadParts('a', body, settings, async ({ index }) => void indexes.push(index)),
        (error) => hasCode(error, 'input/invalid'),
      );
      assert.ok(!indexes.includes(Math.ceil(size / 10) - 1), String(indexes));
    }
  });
});

describe('a body in memory', () => {
  test('is the body, also an empty one', async () => {
    const memory = new Semaphore(1);
    for (const pieces of [[], [new Uint8Array()], [pattern(5), pattern(6)]]) {
      const bytes = await inMemory('a', sourceOf(pieces), memory, async (whole) => whole);
      assert.deepEqual(Buffer.from(bytes), Buffer.concat(pieces));
    }
    const array = pattern(7);
    assert.equal(await inMemory('a', array, memory, async (whole) => whole), array);
  });
});

async function partsGiven(body: Body, size: number): Promise<readonly [number, Uint8Array][]> {
  const seen: [number, Uint8Array][] = [];
  for await (const { offset, bytes } of partsOf('a', body, size))
    seen.push([offset, new Uint8Array(bytes)]);
  return seen;
}

describe('parts of a body', () => {
  test('are those of the whole, however its pieces come', async () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 1, max: 40 }), async (lengths, size) => {
        const pieces = lengths.map((length, index) => pattern(length, index));
        const whole = new Uint8Array(Buffer.concat(pieces));
        const expected = await partsGiven(whole, size);
        assert.deepEqual(await partsGiven(sourceOf(pieces), size), expected);
        for (const [offset, bytes] of expected) {
          assert.equal(offset % size, 0);
          assert.ok(bytes.byteLength === size || offset + bytes.byteLength === whole.byteLength);
        }
        assert.deepEqual(new Uint8Array(Buffer.concat(expected.map(([, bytes]) => bytes))), whole);
        assert.deepEqual(await wholeBody('a', sourceOf(pieces)), whole);
      }),
    );
  });

  test('the last one is not given when the body is longer or shorter than announced', async () => {
    for (const size of [19, 20, 22, 30]) {
      const seen: number[] = [];
      // What is too much comes after all that was announced.
      const body = { size, stream: () => sourceOf([pattern(20), pattern(1)]).stream() };
      const reading = (async () => {
        for await (const { offset } of partsOf('a', body, 10)) seen.push(offset);
      })();
      await rejectsWith(reading, 'input/invalid');
      assert.ok(!seen.some((offset) => offset + 10 >= size), `${size}: ${seen.join(' ')}`);
    }
  });
});
