import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { crc32, inflateRawSync } from 'node:zlib';

import fc from 'fast-check';

import { type DeflateLibrary, deflateLibrary } from '../../base/deflate-library.ts';
import { hasCode } from '../../base/errors.ts';
import { deflateBlock, roomForBlock } from './library-block.ts';
import { storedLength } from './stored-blocks.ts';

const library = deflateLibrary();
const lastBlock = Uint8Array.of(3, 0);

/** Bytes that shrink the less the more of them there may be. */
function mixture(length: number, values: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = (seed + 1) >>> 0;
  for (let i = 0; i < length; i += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = (state >>> 16) % values;
  }
  return bytes;
}

function blockOf(from: DeflateLibrary, plain: Uint8Array, level: number): Buffer {
  const out = new Uint8Array(roomForBlock(plain.length)).fill(0xff);
  const before = crc32('what came before');
  const { length, sum } = deflateBlock(from, { plain, sum: before }, level, out);
  assert.equal(sum, crc32(plain, before));
  return Buffer.from(out.subarray(0, length));
}

const partArbitrary = fc
  .record({
    length: fc.oneof(fc.nat(300), fc.nat(120_000)),
    values: fc.constantFrom(1, 2, 40, 230, 256),
    seed: fc.nat(9),
  })
  .map(({ length, values, seed }) => mixture(length, values, seed));

// Under CI it is installed, and whatever is left out fails.
const skip = library === undefined && process.env['CI'] !== 'true' && 'libdeflate is not installed';

describe('a block by libdeflate', { skip }, () => {
  test('can be joined to others, and takes no more than stored', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(partArbitrary, { maxLength: 4 }), { minLength: 1, maxLength: 3 }),
        fc.constantFrom(0, 1, 3, 6, 9),
        (blocks, level) => {
          const joined: Uint8Array[] = [];
          for (const parts of blocks) {
            const plain = Buffer.concat(parts);
            const block = blockOf(library!, plain, level);
            assert.ok(block.length <= storedLength(plain.length));
            joined.push(block);
          }
          const stream = Buffer.concat([...joined, lastBlock]);
          assert.ok(inflateRawSync(stream).equals(Buffer.concat(blocks.flat())));
        },
      ),
      { numRuns: 150 },
    );
  });

  test('is as short as by zlib, and has several blocks where the bytes change', () => {
    const plain = Buffer.concat([mixture(100_000, 3, 1), mixture(100_000, 200, 2)]);
    const block = blockOf(library!, plain, 6);
    assert.ok(block.length < 0.7 * plain.length, `${block.length}`);
  });

  test('a bit that is wrong is noticed, or makes no difference', () => {
    const plain = Buffer.concat([mixture(3000, 5, 3), Buffer.from('a text, a text, a text')]);
    const length = library!.compress(plain, 4, storedLength(plain.length));
    let refused = 0;
    for (let bit = 0; bit < 8 * length; bit += 1) {
      const faulty: DeflateLibrary = {
        get stream() {
          return library!.stream;
        },
        get inflated() {
          return library!.inflated;
        },
        compress(...of) {
          const made = library!.compress(...of);
          library!.stream[bit >> 3]! ^= 1 << (bit & 7);
          return made;
        },
        inflateBlock: () => library!.inflateBlock(),
        crc32: (...of) => library!.crc32(...of),
      };
      let block: Buffer;
      try {
        block = blockOf(faulty, plain, 6);
      } catch (error) {
        assert.ok(hasCode(error, 'internal') || error instanceof assert.AssertionError);
        refused += 1;
        continue;
      }
      assert.ok(inflateRawSync(Buffer.concat([block, lastBlock])).equals(plain), `bit ${bit}`);
    }
    assert.ok(refused > 7 * length, `${refused}`);
  });
});
