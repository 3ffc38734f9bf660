import assert from 'node:assert/strict';
import { test } from 'node:test';

import { utf8 } from '../../../base/bytes.ts';
import type { ProgramEnd } from '../../../base/process.ts';
import { decryptionFailure, encryptionFailure } from './gpg-failure.ts';
import { GpgStatusLines } from './gpg-status.ts';

function statusOf(...lines: readonly string[]): GpgStatusLines {
  const status = new GpgStatusLines();
  status.push(utf8(lines.map((line) => `[GNUPG:] ${line}\n`).join('')));
  return status;
}

const ended = (status: number): ProgramEnd => ({
  status,
  killedBy: undefined,
  timedOut: false,
  lastWords: '',
});
const hidden = 'ENC_TO 0000000000000000 18 0';
const okay = ['DECRYPTION_OKAY', 'GOODMDC', 'END_DECRYPTION'];
const codeOf = (lines: readonly string[], status: number): string | undefined =>
  decryptionFailure('gpg', statusOf(...lines), ended(status))?.code;

test('one message that was not changed is accepted, and what gpg only tried in vain', () => {
  const lines = ['BEGIN_DECRYPTION', 'PLAINTEXT 62 0 ', ...okay];
  assert.equal(codeOf(lines, 0), undefined);
  assert.equal(codeOf([hidden, ...lines], 2), undefined);
  assert.equal(codeOf(['ENC_TO A 1 0', 'ENC_TO B 1 0', ...lines], 2), undefined);
  assert.equal(codeOf([...lines, 'ERRSIG A 1 10 00 1 9 -', 'NO_PUBKEY A'], 2), undefined);
  assert.equal(codeOf(['ENC_TO A 1 0', ...lines], 2), 'process/failed');
  assert.equal(codeOf([hidden, ...lines], 1), 'process/failed');
});

test('data outside of the encryption, or twice, are refused whatever gpg says', () => {
  const plaintext = 'PLAINTEXT 62 0 ';
  for (const status of [0, 2]) {
    for (const lines of [
      [plaintext, 'BEGIN_DECRYPTION', plaintext, ...okay],
      ['BEGIN_DECRYPTION', plaintext, ...okay, plaintext],
      ['BEGIN_DECRYPTION', ...okay, plaintext],
      ['BEGIN_DECRYPTION', plaintext, plaintext, ...okay],
      ['BEGIN_DECRYPTION', ...okay],
      ['BEGIN_DECRYPTION', plaintext, 'BADMDC', ...okay],
    ]) {
      assert.equal(codeOf([hidden, ...lines], status), 'repository/damaged', lines.join());
    }
  }
  assert.equal(codeOf([plaintext], 0), 'repository/damaged');
  assert.equal(codeOf(['BEGIN_DECRYPTION', plaintext, 'DECRYPTION_OKAY'], 0), 'repository/damaged');
});

test('an encryption counts when it was finished, and signed if that was wanted', () => {
  const failure = (lines: readonly string[], status: number, isSigned: boolean): unknown =>
    encryptionFailure('gpg', statusOf(...lines), ended(status), isSigned)?.code;
  assert.equal(failure(['END_ENCRYPTION'], 0, false), undefined);
  assert.equal(failure(['SIG_CREATED S', 'END_ENCRYPTION'], 0, true), undefined);
  assert.equal(failure(['END_ENCRYPTION'], 0, true), 'process/failed');
  assert.equal(failure(['SIG_CREATED S'], 0, true), 'process/failed');
  assert.equal(failure(['END_ENCRYPTION'], 2, false), 'process/failed');
  assert.equal(failure(['INV_RECP 10 x', 'END_ENCRYPTION'], 0, false), 'input/invalid');
  assert.equal(failure(['INV_SGNR 9'], 2, true), 'input/invalid');
  assert.equal(failure(['FAILURE sign 67108875'], 2, true), 'repository/wrong-passphrase');
  assert.equal(failure(['FAILURE sign 17'], 2, true), 'input/invalid');
});
