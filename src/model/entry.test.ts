import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import {
  compareTimestamps,
  type EntryType,
  entryTypeOf,
  equalTimestamps,
  isValidName,
  typeBitsOf,
} from './entry.ts';

test('isValidName() takes any bytes that mean one entry of a directory, and nothing else', () => {
  for (const bad of ['', '.', '..', '/', 'a/b', '/a', 'a/', 'a\0', '\0']) {
    assert.equal(isValidName(Buffer.from(bad)), false, JSON.stringify(bad));
  }
  for (const good of ['a', '...', '.a', '..a', ' ', '-rf', '\n', 'x'.repeat(300)]) {
    assert.equal(isValidName(Buffer.from(good)), true, JSON.stringify(good));
  }
  const harmless = fc
    .uint8Array({ minLength: 3 })
    .filter((name) => !name.some((byte) => byte === 0 || byte === 0x2f));
  fc.assert(fc.property(harmless, (name) => isValidName(name)));
});

test('the type bits of a mode and the types belong together', () => {
  const types: readonly EntryType[] = [
    'file',
    'directory',
    'symlink',
    'fifo',
    'socket',
    'character-device',
    'block-device',
  ];
  for (const type of types) assert.equal(entryTypeOf(typeBitsOf(type) | 0o7777), type);
  assert.equal(entryTypeOf(0o644), undefined);
  assert.equal(entryTypeOf(0o150644), undefined);
});

test('times are compared by seconds, then nanoseconds', () => {
  const before = { seconds: -1, nanoseconds: 999_999_999 };
  const epoch = { seconds: 0, nanoseconds: 0 };
  const after = { seconds: 0, nanoseconds: 1 };
  assert.ok(compareTimestamps(before, epoch) < 0);
  assert.ok(compareTimestamps(after, epoch) > 0);
  assert.equal(compareTimestamps(epoch, { ...epoch }), 0);
  assert.ok(equalTimestamps(after, { ...after }));
  assert.ok(!equalTimestamps(before, epoch));
  assert.ok(!equalTimestamps(after, epoch));
});
