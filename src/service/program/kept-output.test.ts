import assert from 'node:assert/strict';
import { test } from 'node:test';

import { KEPT_OUTPUT, KeptOutput } from './kept-output.ts';
import { SecretMask } from './mask-secrets.ts';

test('the end of a long output is kept, and no part of a secret', () => {
  const mask = new SecretMask();
  const secret = 'S'.repeat(1000);
  mask.add(secret);
  const output = new KeptOutput(mask);
  for (let count = 0; count < 500; count++) output.push(Buffer.from(`${count} ${secret} x\n`));
  const text = output.end();
  assert.ok(!text.includes('S'));
  assert.ok(text.endsWith('499 *** x\n'));
  const long = new KeptOutput(mask);
  for (let count = 0; count < 10_000; count++) long.push(Buffer.from('a line of some words\n'));
  const cut = long.end();
  assert.equal(cut.length, KEPT_OUTPUT + 1);
  assert.ok(cut.startsWith('…'));
});

test('characters cut between two pieces stay whole, colours go, a progress line shows its last state', () => {
  const output = new KeptOutput(new SecretMask());
  const bytes = Buffer.from('größer\n');
  for (const byte of bytes) output.push(Buffer.from([byte]));
  output.push(Buffer.from('\u001B[31mred\u001B[0m\n1 %\r50 %\r100 %\nend\r\n'));
  assert.equal(output.end(), 'größer\nred\n100 %\nend\n');
});
