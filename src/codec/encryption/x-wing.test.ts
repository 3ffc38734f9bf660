import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { fromHex, toHex } from '../../base/bytes.ts';
import { systemRandom } from '../../base/random.ts';
import { MalformedError } from '../binary/byte-reader.ts';
import { decapsulate, encapsulate, keyPairFromSeed, xWingSizes } from './x-wing.ts';

interface Vector {
  readonly seed: string;
  readonly public: string;
  readonly ciphertext: string;
  readonly shared: string;
}

const { vectors } = JSON.parse(
  readFileSync(new URL('x-wing.vectors.json', import.meta.url), 'utf8'),
) as { vectors: readonly Vector[] };

test('agrees with the published vectors', () => {
  assert.equal(vectors.length, 3);
  for (const vector of vectors) {
    const pair = keyPairFromSeed(fromHex(vector.seed));
    assert.equal(toHex(pair.publicKey), vector.public);
    assert.equal(toHex(decapsulate(pair.secret, fromHex(vector.ciphertext))), vector.shared);
  }
});

test('what is encapsulated is decapsulated, and never twice the same', () => {
  const pair = keyPairFromSeed(systemRandom(32));
  const first = encapsulate(pair.publicKey, systemRandom);
  const second = encapsulate(pair.publicKey, systemRandom);
  assert.equal(first.ciphertext.length, xWingSizes.ciphertext);
  assert.equal(first.sharedSecret.length, xWingSizes.sharedSecret);
  assert.deepEqual(decapsulate(pair.secret, first.ciphertext), first.sharedSecret);
  assert.deepEqual(decapsulate(pair.secret, second.ciphertext), second.sharedSecret);
  assert.notDeepEqual(first.sharedSecret, second.sharedSecret);
});

test('a changed bit in either half of the ciphertext gives another secret', () => {
  const pair = keyPairFromSeed(systemRandom(32));
  const { ciphertext, sharedSecret } = encapsulate(pair.publicKey, systemRandom);
  for (const position of [0, 1087, 1088, 1100]) {
    const changed = Uint8Array.from(ciphertext);
    changed[position] = (changed[position] ?? 0) ^ 1;
    assert.notDeepEqual(decapsulate(pair.secret, changed), sharedSecret);
  }
});

test('refuses keys and ciphertexts that cannot be', () => {
  const pair = keyPairFromSeed(systemRandom(32));
  assert.throws(() => keyPairFromSeed(new Uint8Array(31)), RangeError);
  assert.throws(() => encapsulate(new Uint8Array(1215), systemRandom), MalformedError);
  // Coefficients of 4095 are above the modulus of ML-KEM.
  assert.throws(() => encapsulate(new Uint8Array(1216).fill(255), systemRandom), MalformedError);
  assert.throws(() => decapsulate(pair.secret, new Uint8Array(1119)), MalformedError);
  // An ephemeral key of all zeros leads to a shared secret of zeros, which X25519 refuses.
  assert.throws(() => decapsulate(pair.secret, new Uint8Array(1120)), MalformedError);
});
