import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { pattern, rejectsWith, sourceOf } from '#test/support/storage-samples.ts';

import type { Body } from '../body.ts';
import { fragmentsOf, wholeBody } from './body-fragments.ts';

async function fragments(body: Body, size: number): Promise<readonly [number, Uint8Array][]> {
  const seen: [number, Uint8Array][] = [];
  for await (const { offset, bytes } of fragmentsOf('a', body, size))
    seen.push([offset, new Uint8Array(bytes)]);
  return seen;
}

describe('fragments of a body', () => {
  test('are those of the whole, however its pieces come', async () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 1, max: 40 }), async (lengths, size) => {
        const pieces = lengths.map((length, index) => pattern(length, index));
        const whole = new Uint8Array(Buffer.concat(pieces));
        const expected = await fragments(whole, size);
        assert.deepEqual(await fragments(sourceOf(pieces), size), expected);
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
    for (const size of [19, 21, 30]) {
      const seen: number[] = [];
      const body = { size, stream: () => sourceOf([pattern(20)]).stream() };
      const reading = (async () => {
        for await (const { offset } of fragmentsOf('a', body, 10)) seen.push(offset);
      })();
      await rejectsWith(reading, 'input/invalid');
      assert.ok(!seen.some((offset) => offset + 10 >= size), `${size}: ${seen.join(' ')}`);
    }
  });
});
