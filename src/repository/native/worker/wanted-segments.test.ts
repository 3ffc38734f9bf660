import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import type { BlobType } from '../content/blob-id.ts';
import { decodeWanted, encodeWanted } from './wanted-segments.ts';

test('what is wanted of segments comes out as it went in', () => {
  const plain = { noNullPrototype: true };
  const number = fc.nat();
  const blob = fc.record(
    {
      offset: number,
      length: number,
      type: fc.constantFrom<BlobType>(1, 2, 3),
      id: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      uses: fc.array(number),
    },
    plain,
  );
  const segment = fc.record(
    {
      slot: fc.nat(254),
      number,
      offset: fc.maxSafeNat(),
      storedLength: number,
      rawLength: number,
      codec: fc.nat(255),
      blobs: fc.array(blob, { maxLength: 5 }),
    },
    plain,
  );
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 5 }), (segments) => {
      assert.deepEqual(decodeWanted(encodeWanted(segments)), segments);
    }),
  );
});
