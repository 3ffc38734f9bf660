import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 as crc32OfZlib } from 'node:zlib';

import fc from 'fast-check';

import { crc32 } from './crc32.ts';

test('a CRC-32 goes on from the one before, whatever the pieces', () => {
  // The check value of the algorithm.
  assert.equal(crc32(Buffer.from('123456789')), 0xcbf4_3926);
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), (pieces) => {
      let sum = 0;
      for (const piece of pieces) sum = crc32(piece, sum);
      assert.equal(sum, crc32OfZlib(Buffer.concat(pieces)));
    }),
  );
  const shared = new Uint8Array(new SharedArrayBuffer(1000), 100, 500).fill(7);
  assert.equal(crc32(shared, 5), crc32OfZlib(shared, 5));
});
