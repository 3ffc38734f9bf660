import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { inflateRawSync } from 'node:zlib';

import fc from 'fast-check';

import { deflateKinds } from '#test/support/deflate-kinds.ts';

import { ParallelDeflate } from './parallel-deflate.ts';
import type { ParallelDeflateParameters } from './parallel-deflate.ts';
import { zlibDeflate } from './zlib-deflate.ts';

const noise = (length: number, seed: number): Uint8Array => {
  const bytes = new Uint8Array(length);
  let state = (seed + 1) >>> 0;
  for (let i = 0; i < length; i += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
};

/** Text of few words: shrinks to a fraction. */
const text = (length: number, seed: number): Uint8Array =>
  noise(length, seed).map((byte, i) => (i % 7 === 0 ? 32 : 97 + (byte & 3)));

/** What `pieces` become. */
async function encoded(
  pieces: readonly Uint8Array[],
  parameters: ParallelDeflateParameters,
): Promise<Buffer> {
  const out: Uint8Array[] = [];
  await using encoder = new ParallelDeflate((bytes) => void out.push(bytes), parameters);
  for (const piece of pieces) await encoder.write(piece);
  await encoder.finish();
  assert.equal(encoder.sizeBound, Buffer.concat(out).length);
  return Buffer.concat(out);
}

const piecesArbitrary = fc.array(
  fc
    .record({
      kind: fc.constantFrom('noise', 'text', 'zeros'),
      length: fc.oneof(fc.nat(100), fc.nat(5000), fc.nat(150_000)),
      seed: fc.nat(5),
    })
    .map(({ kind, length, seed }) => {
      if (kind === 'noise') return noise(length, seed);
      return kind === 'text' ? text(length, seed) : new Uint8Array(length);
    }),
  { maxLength: 8 },
);

const parametersArbitrary = fc.record({
  level: fc.constantFrom(0, 1, 6, 9),
  blockLength: fc.constantFrom(7, 1000, 32_768, 65_536, 131_072, 300_000),
  concurrency: fc.integer({ min: 1, max: 5 }),
});

for (const [name, by] of deflateKinds()) {
  describe(`parallel deflate by ${name}`, () => {
    test('is one deflate stream of what was written', async () => {
      await fc.assert(
        fc.asyncProperty(piecesArbitrary, parametersArbitrary, async (pieces, given) => {
          const total = pieces.reduce((sum, piece) => sum + piece.length, 0);
          const parameters =
            total > 20_000 && given.blockLength < 1000 ? { ...given, blockLength: 1000 } : given;
          const plain = Buffer.concat(pieces);
          assert.ok(inflateRawSync(await encoded(pieces, { ...parameters, by })).equals(plain));
        }),
        { numRuns: 60 },
      );
    });

    test('depends on the bytes, not on the pieces and the number in flight', async () => {
      const plain = Buffer.concat([text(200_000, 1), noise(100_000, 2), text(300_001, 3)]);
      const whole = await encoded([plain], { by, concurrency: 4 });
      const pieces: Uint8Array[] = [];
      for (let at = 0; at < plain.length; at += 9_999) pieces.push(plain.subarray(at, at + 9_999));
      assert.ok(whole.equals(await encoded(pieces, { by, concurrency: 1 })));
    });

    test('the bound is never exceeded, whenever the stream is finished', async () => {
      await fc.assert(
        fc.asyncProperty(
          piecesArbitrary,
          fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
          fc.constantFrom(1000, 65_536, 131_072),
          async (pieces, settles, blockLength) => {
            // Each beginning of the writes, finished, is compared with the bounds seen at its end.
            for (let count = 0; count <= pieces.length; count += 1) {
              let size = 0;
              await using encoder = new ParallelDeflate((bytes) => void (size += bytes.length), {
                by,
                blockLength,
                level: 1,
              });
              for (const [i, piece] of pieces.slice(0, count).entries()) {
                await encoder.write(piece);
                if (settles[i] === true) {
                  const loose = encoder.sizeBound;
                  await encoder.settle();
                  assert.ok(encoder.sizeBound <= loose);
                }
              }
              const bound = encoder.sizeBound;
              await encoder.finish();
              assert.ok(size <= bound, `${size} > ${bound}`);
            }
          },
        ),
        { numRuns: 25 },
      );
    });

    test('a settled bound is off by the block that is not full only', async () => {
      let size = 0;
      await using encoder = new ParallelDeflate((bytes) => void (size += bytes.length), {
        by,
        blockLength: 131_072,
      });
      await encoder.write(text(10 * 131_072 + 1000, 1));
      await encoder.settle();
      assert.ok(size > 10_000);
      assert.equal(encoder.sizeBound, size + 1000 + 5 + 2);
    });

    test('what does not shrink is stored', async () => {
      const size = (await encoded([noise(1_000_000, 9)], { by, blockLength: 131_072 })).length;
      assert.ok(size <= 1_000_000 + 3 * 5 * 8 + 2, `${size}`);
    });

    test('a slow sink holds the writer back, and is called one at a time', async () => {
      let now = 0;
      let taken = 0;
      let written = 0;
      const blockLength = 1000;
      await using encoder = new ParallelDeflate(
        async () => {
          now += 1;
          assert.equal(now, 1);
          await delay(1);
          taken += 1;
          now -= 1;
        },
        { by, blockLength, concurrency: 3 },
      );
      for (; written < 30; written += 1) {
        await encoder.write(noise(blockLength, written));
        assert.ok(written + 1 - taken <= 3);
      }
      await encoder.finish();
      assert.equal(taken, 31);
    });

    test('what the sink throws fails the calls after it, once', async () => {
      const failure = new Error('No room');
      let calls = 0;
      await using encoder = new ParallelDeflate(
        () => {
          calls += 1;
          throw failure;
        },
        { by, blockLength: 100, concurrency: 2 },
      );
      await assert.rejects(async () => {
        for (let i = 0; i < 10; i += 1) await encoder.write(noise(100, i));
      }, failure);
      await assert.rejects(encoder.settle(), failure);
      await assert.rejects(encoder.finish(), failure);
      assert.equal(calls, 1);
    });

    test('given up, the sink is left alone', async () => {
      let calls = 0;
      {
        await using encoder = new ParallelDeflate(() => void (calls += 1), {
          by,
          blockLength: 50_000,
          level: 9,
        });
        await encoder.write(text(149_000, 1));
      }
      const atEnd = calls;
      await delay(20);
      assert.equal(calls, atEnd);
    });

    test('nothing follows the end', async () => {
      await using encoder = new ParallelDeflate(() => undefined, { by });
      await encoder.finish();
      await assert.rejects(encoder.write(new Uint8Array(1)), { code: 'internal' });
      await assert.rejects(encoder.finish(), { code: 'internal' });
    });
  });
}

test('a block that does not hold what was written is not given to the sink', async () => {
  let calls = 0;
  await using encoder = new ParallelDeflate(() => void (calls += 1), {
    by: {
      ...zlibDeflate,
      isReadBack: true,
      deflate: async (...block) => ({ ...(await zlibDeflate.deflate(...block)), sum: 7 }),
    },
  });
  await encoder.write(text(1000, 1));
  await assert.rejects(encoder.finish(), { code: 'internal' });
  assert.equal(calls, 0);
});

test('blocks by zlib refer to what came before them', async () => {
  const repeated = noise(20_000, 4);
  const size = (
    await encoded([repeated, repeated], {
      by: zlibDeflate,
      blockLength: 20_000,
    })
  ).length;
  assert.ok(size < 21_000, `${size}`);
});
