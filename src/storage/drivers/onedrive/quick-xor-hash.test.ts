import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { QuickXorHash } from './quick-xor-hash.ts';

const hashOf = (bytes: Uint8Array): string => new QuickXorHash().update(bytes).digest();

/** As the description says it, bit by bit. */
function slowly(bytes: Uint8Array): string {
  const bits = new Uint8Array(160);
  bytes.forEach((byte, index) => {
    for (let bit = 0; bit < 8; bit++) {
      const place = (index * 11 + bit) % 160;
      bits[place] = (bits[place] ?? 0) ^ ((byte >>> bit) & 1);
    }
  });
  for (let bit = 0; bit < 53; bit++) {
    const place = 96 + bit;
    bits[place] = (bits[place] ?? 0) ^ (Math.floor(bytes.byteLength / 2 ** bit) % 2);
  }
  const hash = new Uint8Array(20);
  bits.forEach((bit, place) => {
    hash[place >>> 3] = (hash[place >>> 3] ?? 0) | (bit << (place & 7));
  });
  return Buffer.from(hash).toString('base64');
}

describe('QuickXorHash', () => {
  test('gives what is known of short texts', () => {
    assert.equal(hashOf(new Uint8Array()), 'AAAAAAAAAAAAAAAAAAAAAAAAAAA=');
    assert.equal(hashOf(Buffer.from('Sg==', 'base64')), 'SgAAAAAAAAAAAAAAAQAAAAAAAAA=');
    assert.equal(hashOf(Buffer.from('tbQ=', 'base64')), 'taAFAAAAAAAAAAAAAgAAAAAAAAA=');
  });

  test('is the same as by its description, however the bytes come', () => {
    for (const length of [19, 20, 159, 160, 161, 1000, 4801]) {
      const bytes = new Uint8Array(length).map((_, index) => (index * 7919) >>> 3);
      assert.equal(hashOf(bytes), slowly(bytes), `${length} bytes`);
      for (const size of [1, 7, 160, 333]) {
        const hash = new QuickXorHash();
        for (let at = 0; at < length; at += size) hash.update(bytes.subarray(at, at + size));
        assert.equal(hash.digest(), slowly(bytes), `${length} bytes by ${size}`);
      }
    }
  });
});
