import assert from 'node:assert/strict';
import { test } from 'node:test';

import { AppError } from '../../../base/errors.ts';
import { systemRandom } from '../../../base/random.ts';
import { deriveKeyRing, restrictKeyRing } from './key-ring.ts';
import { parseRecoverySheet, recoveryCode, recoverySheet } from './recovery-sheet.ts';

const root = systemRandom(32);
const repositoryId = systemRandom(16);
const ring = deriveKeyRing(root, repositoryId);
const secret = { root, repositoryId };

test('the sheet and the code alone give back the secret', async () => {
  assert.deepEqual(parseRecoverySheet(await recoverySheet(ring)), secret);
  assert.deepEqual(parseRecoverySheet(recoveryCode(ring)), secret);
});

test('the sheet holds a QR code of blocks and fits a terminal', async () => {
  const lines = (await recoverySheet(ring)).split('\n');
  assert.ok(lines.filter((line) => /[▀▄█]{5}/u.test(line)).length > 15);
  const code = lines.filter((line) => /[▀▄█]/u.test(line));
  assert.ok(Math.max(...code.map((line) => line.length)) < 80);
});

test('typing it in may be careless', () => {
  const code = recoveryCode(ring);
  const groups = code.replace('HOLDFAST-RECOVERY-1-', '');
  for (const typed of [
    groups,
    groups.toLowerCase(),
    groups.replaceAll('-', ''),
    groups.replaceAll('-', '\r\n   '),
    groups.replaceAll('O', '0').replaceAll('I', '1').replaceAll('B', '8'),
    `My sheet\nHoldfast recovery 1\n${groups}\nput it into the safe`,
  ]) {
    assert.deepEqual(parseRecoverySheet(typed), secret);
  }
});

test('every mistyped or missing character is noticed', () => {
  const groups = recoveryCode(ring).replace('HOLDFAST-RECOVERY-1-', '').replaceAll('-', '');
  for (let position = 0; position < groups.length; position++) {
    const wrong = groups[position] === 'A' ? 'C' : 'A';
    const typed = groups.slice(0, position) + wrong + groups.slice(position + 1);
    assert.throws(() => parseRecoverySheet(typed), /mistyped/u);
  }
  assert.throws(() => parseRecoverySheet(groups.slice(1)), /cut off/u);
  assert.throws(() => parseRecoverySheet(''), AppError);
  assert.throws(() => parseRecoverySheet(`HOLDFAST-RECOVERY-2\n${groups}`), /version 2/u);
});

test('only an owner has one', async () => {
  await assert.rejects(recoverySheet(restrictKeyRing(ring, 'reader')), AppError);
});
