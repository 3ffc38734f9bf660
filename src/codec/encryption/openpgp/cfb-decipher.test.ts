import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { CfbDecipher } from './cfb-decipher.ts';
import { cipherOf, encryptWith } from './symmetric-cipher.ts';

test('what OpenSSL encrypts in this mode comes out, however it is cut', () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 12 });
  const algorithm = fc.constantFrom(2, 7, 8, 9, 11, 12, 13);
  const seed = fc.uint8Array({ minLength: 32, maxLength: 32 });
  fc.assert(
    fc.property(algorithm, seed, pieces, (number, bytes, plain) => {
      const cipher = cipherOf(number);
      const key = bytes.subarray(0, cipher.keyLength);
      const encrypted = encryptWith(cipher, key);
      const decipher = new CfbDecipher(cipher, key);
      const given = plain.map((piece) => decipher.update(encrypted.update(piece)));
      assert.deepEqual(
        given.map((piece) => Buffer.from(piece)),
        plain.map((piece) => Buffer.from(piece)),
      );
    }),
  );
});

test('what was given stays as it is', () => {
  const cipher = cipherOf(9);
  const key = new Uint8Array(32).fill(7);
  const encrypted = encryptWith(cipher, key);
  const decipher = new CfbDecipher(cipher, key);
  const zeros = new Uint8Array(40);
  const first = decipher.update(encrypted.update(zeros));
  decipher.update(encrypted.update(zeros));
  assert.deepEqual(Buffer.from(first), Buffer.from(zeros));
});
