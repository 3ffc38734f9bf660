import assert from 'node:assert/strict';
import { test } from 'node:test';

import { utf8 } from '../../../base/bytes.ts';
import { keyDigits, signatureFailure } from './gpg-signature.ts';
import { GpgStatusLines } from './gpg-status.ts';

const subkey = 'AAAAAAAAAAAAAAAAAAAAAAAA1111111122222222';
const primary = 'BBBBBBBBBBBBBBBBBBBBBBBB3333333344444444';

function statusOf(...lines: readonly string[]): GpgStatusLines {
  const status = new GpgStatusLines();
  const text = utf8(lines.map((line) => `[GNUPG:] ${line}\n`).join(''));
  // Lines come in pieces of any length.
  for (let offset = 0; offset < text.length; offset += 7)
    status.push(text.subarray(offset, offset + 7));
  return status;
}

const valid = `VALIDSIG ${subkey} 2026-11-21 1795242937 0 4 0 1 10 00 ${primary}`;
const good = `GOODSIG 1111111122222222 Some Body <some@body>`;

function kindFor(status: GpgStatusLines, key?: string): unknown {
  const wanted = key === undefined ? undefined : { name: key, endings: [keyDigits(key) ?? key] };
  return signatureFailure(status, wanted)?.details['signature'];
}

test('a key is known by the end of the fingerprint of its subkey or primary key', () => {
  const status = statusOf(good, valid);
  for (const key of [
    subkey,
    primary,
    '22222222',
    '0x3333333344444444',
    '11111111 22222222',
    '44444444!',
  ]) {
    assert.equal(kindFor(status, key), undefined, key);
  }
  for (const key of ['33333333', '0x5555555544444444', '11111111', subkey.replace('A', 'B')]) {
    assert.equal(kindFor(status, key), 'other-key', key);
  }
  // Too short to say which key it is.
  assert.equal(keyDigits('2222222'), undefined);
  assert.equal(kindFor(status, ''), 'other-key');
});

test('an expired key is right, a revoked one is not', () => {
  const name = 'Some Body <some@body>';
  assert.equal(kindFor(statusOf(`EXPKEYSIG 1111111122222222 ${name}`, valid), subkey), undefined);
  const revoked = statusOf(`REVKEYSIG 1111111122222222 ${name}`, valid);
  assert.equal(kindFor(revoked, subkey), 'revoked-key');
});

test('no signature, a wrong one, and one that nobody can check', () => {
  assert.equal(kindFor(statusOf('DECRYPTION_OKAY'), subkey), 'missing');
  assert.equal(kindFor(statusOf(valid), subkey), 'missing');
  assert.equal(kindFor(statusOf(`BADSIG 1111111122222222 x`), subkey), 'bad');
  assert.equal(kindFor(statusOf(`BADSIG 1111111122222222 x`)), 'bad');
  assert.equal(kindFor(statusOf(good, valid, 'BADSIG 1111111122222222 x'), subkey), 'bad');
  const unknown = statusOf('ERRSIG 1111111122222222 1 10 00 1 9 -', 'NO_PUBKEY 1111111122222222');
  assert.equal(kindFor(unknown, subkey), 'unknown-key');
  assert.equal(kindFor(unknown), undefined);
});

test('only whole lines of gpg count', () => {
  const status = new GpgStatusLines();
  status.push(utf8(`${good}\nx[GNUPG:] ${good}\n[GNUPG:] GOODSIG`));
  assert.equal(status.all.length, 0);
  status.push(utf8(' A b\n'));
  assert.deepEqual(status.all, [{ keyword: 'GOODSIG', words: ['A', 'b'] }]);
  status.push(utf8('[GNUPG:] FAILURE encrypt 67108875\n[GNUPG:] ERROR x.y 11_BAD_PASSPHRASE\n'));
  assert.deepEqual(status.errorCodes, [11, 11]);
});
