import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { test } from 'node:test';

import fc from 'fast-check';

import { concatBytes } from '../../base/bytes.ts';
import { systemRandom } from '../../base/random.ts';
import { MalformedError } from '../binary/byte-reader.ts';
import { maximumPiece, pieceOverhead, PieceOpener, PieceSealer } from './piece-cipher.ts';

test('AES-256-GCM with the number of the piece as a big-endian nonce', () => {
  const key = systemRandom(32);
  const associated = systemRandom(32);
  const plaintext = systemRandom(100);
  const sealer = new PieceSealer(key, associated);
  sealer.seal(plaintext);
  const sealed = sealer.seal(plaintext);
  const nonce = new Uint8Array(12);
  nonce[11] = 1;
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(associated);
  const expected = concatBytes(cipher.update(plaintext), cipher.final(), cipher.getAuthTag());
  assert.deepEqual(sealed, expected);
});

test('pieces open by their numbers, in any order', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }), (pieces) => {
      const key = systemRandom(32);
      const associated = systemRandom(32);
      const sealer = new PieceSealer(key, associated);
      const sealed = pieces.map((piece) => sealer.seal(piece));
      const opener = new PieceOpener(key, associated);
      for (const [number, stored] of [...sealed.entries()].reverse()) {
        assert.deepEqual(opener.open(number, stored), pieces[number]);
      }
    }),
  );
});

test('seals into the middle of a buffer, also over its own plaintext', () => {
  const key = systemRandom(32);
  const out = new Uint8Array(80);
  const plaintext = systemRandom(50);
  out.set(plaintext, 3);
  const written = new PieceSealer(key, key).sealInto(out.subarray(3, 53), out, 3);
  assert.equal(written, 50 + pieceOverhead);
  assert.deepEqual(
    [...out.subarray(0, 3), ...out.subarray(69)],
    Array.from({ length: 14 }, () => 0),
  );
  assert.deepEqual(
    Uint8Array.from(new PieceOpener(key, key).open(0, out.subarray(3, 69))),
    plaintext,
  );
});

test('refuses another number, key, associated data, a changed bit and a missing byte', () => {
  const key = systemRandom(32);
  const associated = systemRandom(32);
  const sealed = new PieceSealer(key, associated).seal(systemRandom(20));
  const opener = new PieceOpener(key, associated);
  assert.throws(() => opener.open(1, sealed), MalformedError);
  assert.throws(() => new PieceOpener(associated, associated).open(0, sealed), MalformedError);
  assert.throws(() => new PieceOpener(key, key).open(0, sealed), MalformedError);
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const changed = Uint8Array.from(sealed);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.throws(() => opener.open(0, changed), MalformedError);
  }
  for (let length = 0; length < sealed.length; length++) {
    assert.throws(() => opener.open(0, sealed.subarray(0, length)), MalformedError);
  }
});

test('refuses pieces that are too large and buffers that are too small', () => {
  const key = systemRandom(32);
  const sealer = new PieceSealer(key, key);
  assert.throws(() => sealer.seal(new Uint8Array(maximumPiece + 1)), RangeError);
  assert.throws(() => sealer.sealInto(new Uint8Array(10), new Uint8Array(25), 0), RangeError);
  assert.equal(sealer.count, 0);
});

test('a key seals so many pieces and not one more', () => {
  const sealer = new PieceSealer(systemRandom(32), systemRandom(32), 3);
  for (let piece = 0; piece < 3; piece++) sealer.seal(new Uint8Array(1));
  assert.throws(() => sealer.seal(new Uint8Array(1)), /Too many pieces/u);
  assert.equal(sealer.count, 3);
});
