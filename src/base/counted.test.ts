import assert from 'node:assert/strict';
import { test } from 'node:test';

import { counted } from './counted.ts';

test('counted() says one thing and several things', () => {
  assert.equal(counted(1, 'file'), '1 file');
  assert.equal(counted(0, 'file'), '0 files');
  assert.equal(counted(1234, 'file'), '1,234 files');
  assert.equal(counted(3, 'directory'), '3 directories');
  assert.equal(counted(2, 'key'), '2 keys');
  assert.equal(counted(2, 'mailbox'), '2 mailboxes');
  assert.equal(counted(2, 'damaged pack'), '2 damaged packs');
  assert.equal(counted(1, 'was', 'were'), '1 was');
  assert.equal(counted(2, 'was', 'were'), '2 were');
});
