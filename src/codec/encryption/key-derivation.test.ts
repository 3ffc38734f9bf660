import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fromHex, toHex, utf8 } from '../../base/bytes.ts';
import { hkdf, parts, sha256 } from './key-derivation.ts';

test('HKDF agrees with RFC 5869, test cases 1 to 3', () => {
  assert.equal(
    toHex(
      hkdf(
        new Uint8Array(22).fill(0x0b),
        fromHex('000102030405060708090a0b0c'),
        fromHex('f0f1f2f3f4f5f6f7f8f9'),
        42,
      ),
    ),
    '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
  );
  const range = (from: number, to: number): Uint8Array =>
    Uint8Array.from({ length: to - from }, (_, index) => from + index);
  assert.equal(
    toHex(hkdf(range(0x00, 0x50), range(0x60, 0xb0), range(0xb0, 0x100), 82)),
    'b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87',
  );
  assert.equal(
    toHex(hkdf(new Uint8Array(22).fill(0x0b), new Uint8Array(0), '', 42)),
    '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
  );
});

test('parts cannot run into each other', () => {
  assert.equal(toHex(parts('ab', 'c')), '0261620163');
  assert.notDeepEqual(parts('ab', 'c'), parts('a', 'bc'));
  assert.throws(() => parts(new Uint8Array(256)), RangeError);
});

test('SHA-256 of pieces is that of the whole', () => {
  assert.equal(
    toHex(sha256(utf8('a'), utf8('bc'))),
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  );
});
