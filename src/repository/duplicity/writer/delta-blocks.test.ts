import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { DeltaBlocks } from './delta-blocks.ts';

test('what is put in in pieces of any size comes out in full blocks and a rest', () => {
  const length = fc.integer({ min: 1, max: 10_000 });
  const sizes = fc.array(fc.integer({ min: 0, max: 9000 }), { maxLength: 12 });
  fc.assert(
    fc.property(length, sizes, (blockLength, pieces) => {
      const blocks = new DeltaBlocks(blockLength);
      const made: Uint8Array[] = [];
      const given: Buffer[] = [];
      for (const [at, size] of pieces.entries()) {
        const piece = Buffer.alloc(size, at + 1);
        given.push(Buffer.from(piece));
        blocks.put(piece);
        // It was copied.
        piece.fill(0xff);
        for (let block = blocks.take(); block !== undefined; block = blocks.take()) {
          assert.equal(block.length, blockLength);
          made.push(block);
        }
      }
      const rest = blocks.rest();
      assert.ok(rest.length < blockLength);
      assert.ok(Buffer.concat([...made, rest]).equals(Buffer.concat(given)));
    }),
  );
});
