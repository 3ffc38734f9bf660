import assert from 'node:assert/strict';
import { test } from 'node:test';

import { bytesOf, signatureOf } from '#test/support/rsync-samples.ts';

import { shrinkingSums } from './shrinking-sums.ts';
import type { SignatureKind } from './signature-kind.ts';

/** The weak sum, as a signature holds it. */
function weakSum(kind: SignatureKind, bytes: Uint8Array): number {
  const { records } = signatureOf(bytes, { kind, blockLength: 10_000 });
  return new DataView(records.buffer, records.byteOffset).getInt32(0);
}

for (const [weak, kind] of [
  ['rollsum', 'rollsum-md4'],
  ['rabinKarp', 'rabin-karp-md4'],
] as const) {
  test(`${weak} of every end of a block`, () => {
    for (const bytes of [bytesOf(1, 700), new Uint8Array(600).fill(255), bytesOf(2, 1)]) {
      const sums = [...shrinkingSums(weak, weakSum(kind, bytes), bytes)];
      assert.equal(sums.length, bytes.length);
      sums.forEach((sum, index) => {
        assert.equal(sum, weakSum(kind, bytes.subarray(index)), `${weak} from ${index}`);
      });
    }
  });
}
