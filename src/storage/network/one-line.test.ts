import assert from 'node:assert/strict';
import { test } from 'node:test';

import { oneLine } from './one-line.ts';

test('words of a server are one line of bearable length, and move no cursor', () => {
  assert.equal(oneLine(' a\r\n\tb\u001B[2J\u0000 c\n'), 'a b [2J c');
  assert.equal(oneLine('x'.repeat(1000)).length, 300);
  assert.equal(oneLine('x'.repeat(1000), 200).length, 200);
});
