import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fromHex, toHex } from '../../base/bytes.ts';
import { systemRandom } from '../../base/random.ts';
import { isValidSignature, signerFromSeed } from './signature.ts';

/** RFC 8032, section 7.1, tests 1 to 3: seed, public key, message, signature. */
const vectors = [
  [
    '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  ],
  [
    '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  ],
  [
    'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    'af82',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  ],
] as const;

test('agrees with RFC 8032', () => {
  for (const [seed, publicKey, message, signature] of vectors) {
    const signer = signerFromSeed(fromHex(seed));
    assert.equal(toHex(signer.publicKey), publicKey);
    assert.equal(toHex(signer.sign(fromHex(message))), signature);
    assert.ok(isValidSignature(fromHex(publicKey), fromHex(message), fromHex(signature)));
  }
});

test('refuses every changed bit, other keys and wrong lengths', () => {
  const signer = signerFromSeed(systemRandom(32));
  const message = systemRandom(40);
  const signature = signer.sign(message);
  for (let bit = 0; bit < signature.length * 8; bit++) {
    const changed = Uint8Array.from(signature);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.equal(isValidSignature(signer.publicKey, message, changed), false);
  }
  assert.equal(isValidSignature(signer.publicKey, systemRandom(40), signature), false);
  assert.equal(
    isValidSignature(signerFromSeed(systemRandom(32)).publicKey, message, signature),
    false,
  );
  assert.equal(isValidSignature(signer.publicKey.subarray(1), message, signature), false);
  assert.equal(isValidSignature(signer.publicKey, message, signature.subarray(1)), false);
  assert.equal(isValidSignature(new Uint8Array(32).fill(255), message, signature), false);
});
