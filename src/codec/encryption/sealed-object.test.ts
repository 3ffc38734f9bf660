import assert from 'node:assert/strict';
import { test } from 'node:test';

import { AppError } from '../../base/errors.ts';
import { systemRandom } from '../../base/random.ts';
import { MalformedError } from '../binary/byte-reader.ts';
import { padme } from '../padme.ts';
import { sha256 } from './key-derivation.ts';
import { openBody, sealBody } from './padded-plaintext.ts';
import { maximumPiece, PieceOpener, PieceSealer } from './piece-cipher.ts';
import { deriveSealKey, openObject, sealObject } from './sealed-object.ts';

const keys = { indexKey: systemRandom(32), repositoryId: systemRandom(16) };
const prefixSize = 76;

test('bodies of all sizes come back, and only the padded size shows', () => {
  for (const size of [0, 1, 251, 252, 253, 5000]) {
    const body = systemRandom(size);
    const small = sealObject(keys, 'seal', body, 256, systemRandom);
    assert.equal(small.length, prefixSize + Math.ceil((size + 4) / 256) * 256 + 16);
    assert.deepEqual(openObject(keys, 'seal', small), body);
    const large = sealObject(keys, 'index', body, 'padme', systemRandom);
    assert.equal(large.length, prefixSize + padme(size + 4) + 16);
    assert.deepEqual(openObject(keys, 'index', large), body);
  }
});

test('a body above 4 MiB takes several pieces', () => {
  const body = systemRandom(maximumPiece + 1000);
  const sealed = sealObject(keys, 'index', body, 'padme', systemRandom);
  assert.deepEqual(openObject(keys, 'index', sealed), body);
  const swapped = Uint8Array.from(sealed);
  swapped.copyWithin(prefixSize, prefixSize + maximumPiece + 16);
  assert.throws(() => openObject(keys, 'index', swapped), MalformedError);
  const whole = sealed.subarray(0, prefixSize + maximumPiece + 16);
  assert.throws(() => openObject(keys, 'index', whole), MalformedError);
});

test('every flipped bit and every missing or added byte is refused', () => {
  const sealed = sealObject(keys, 'forget', systemRandom(30), 256, systemRandom);
  const refused = (bytes: Uint8Array): void => {
    assert.throws(
      () => openObject(keys, 'forget', bytes),
      (error) => error instanceof MalformedError || error instanceof AppError,
    );
  };
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const changed = Uint8Array.from(sealed);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    refused(changed);
  }
  for (let length = 0; length < sealed.length; length++) refused(sealed.subarray(0, length));
  refused(Uint8Array.from([...sealed, 0]));
});

test('an object of another type or repository is refused', () => {
  const sealed = sealObject(keys, 'forget', systemRandom(30), 256, systemRandom);
  assert.throws(() => openObject(keys, 'seal', sealed), MalformedError);
  const renumbered = Uint8Array.from(sealed);
  renumbered[8] = 6;
  assert.throws(() => openObject(keys, 'seal', renumbered), MalformedError);
  const elsewhere = { ...keys, repositoryId: systemRandom(16) };
  assert.throws(() => openObject(elsewhere, 'forget', sealed), MalformedError);
  const stranger = { ...keys, indexKey: systemRandom(32) };
  assert.throws(() => openObject(stranger, 'forget', sealed), MalformedError);
});

test('a newer version or suite is named as such', () => {
  const sealed = sealObject(keys, 'seal', systemRandom(3), 256, systemRandom);
  for (const position of [9, 10]) {
    const newer = Uint8Array.from(sealed);
    newer[position] = 2;
    assert.throws(
      () => openObject(keys, 'seal', newer),
      (error) => error instanceof AppError && error.code === 'repository/unsupported',
    );
  }
});

test('another commitment is refused even if the rest is authentic under the right key', () => {
  const sealed = sealObject(keys, 'seal', systemRandom(3), 256, systemRandom);
  const { key } = deriveSealKey(keys.indexKey, sealed.subarray(12, 44), 'seal', keys.repositoryId);
  const forged = Uint8Array.from(sealed);
  forged.fill(1, 44, prefixSize);
  const sealer = new PieceSealer(key, sha256(forged.subarray(0, prefixSize)));
  sealer.sealInto(new Uint8Array(256), forged, prefixSize);
  assert.throws(() => openObject(keys, 'seal', forged), /another key/u);
});

test('padding that is not zero, and a length beyond the plaintext, are refused', () => {
  const salt = systemRandom(32);
  const { key } = deriveSealKey(keys.indexKey, salt, 'seal', keys.repositoryId);
  const associated = sha256(salt);
  for (const [length, padding] of [
    [2, 7],
    [300, 0],
  ] as const) {
    const plaintext = new Uint8Array(256);
    plaintext[0] = length & 255;
    plaintext[1] = length >> 8;
    plaintext[100] = padding;
    const sealed = new PieceSealer(key, associated).seal(plaintext);
    assert.throws(() => openBody(new PieceOpener(key, associated), sealed), MalformedError);
  }
});

test('a body may begin at a later piece', () => {
  const key = systemRandom(32);
  const sealer = new PieceSealer(key, key);
  const pointer = sealer.seal(systemRandom(12));
  const body = systemRandom(70);
  const sealed = sealBody(sealer, body, 'padme');
  const opener = new PieceOpener(key, key);
  assert.equal(opener.open(0, pointer).length, 12);
  assert.deepEqual(openBody(opener, sealed, 1), body);
  assert.throws(() => openBody(opener, sealed), MalformedError);
});
