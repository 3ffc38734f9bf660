import assert from 'node:assert/strict';
import { test } from 'node:test';

import { plainEntry } from '#test/support/sample-entry.ts';

import type { Entry } from '../model/entry.ts';
import { entryFields, entryLine, modeText } from './entry-text.ts';

const entry: Entry = {
  ...plainEntry,
  name: Buffer.from('a'),
  uid: 1000,
  gid: 100,
  user: 'anna',
  mtime: { seconds: -1, nanoseconds: 5 },
  size: 7,
};

test('modeText() writes modes as ls does', () => {
  const cases = [
    ['file', 0o644, '-rw-r--r--'],
    ['directory', 0o1777, 'drwxrwxrwt'],
    ['file', 0o6755, '-rwsr-sr-x'],
    ['file', 0o7000, '---S--S--T'],
    ['symlink', 0o777, 'lrwxrwxrwx'],
    ['block-device', 0o660, 'brw-rw----'],
  ] as const;
  for (const [type, mode, text] of cases) assert.equal(modeText({ type, mode }), text);
});

test('entryLine() and entryFields() tell of an entry', () => {
  const options = { long: true, timeZone: 'UTC' };
  assert.equal(
    entryLine(Buffer.from('d/a\n'), entry, options),
    '-rw-r--r--  anna:100                     7  1969-12-31 23:59:59  d/a\\n',
  );
  const link: Entry = { ...entry, type: 'symlink', linkTarget: Buffer.from([0x62, 0xff]) };
  assert.match(entryLine(Buffer.from('l'), link, options), / l -> b\\xff$/u);
  const fields = entryFields(Buffer.from('l'), link);
  assert.equal(fields['target_b64'], 'Yv8=');
  assert.equal(fields['mtime'], '1969-12-31T23:59:59.000000005Z');
  assert.equal(fields['mode'], '0644');
  const far = { ...entry, mtime: { seconds: 2 ** 45, nanoseconds: 0 } };
  assert.equal(entryFields(Buffer.from('a'), far)['mtime'], `${2 ** 45}.000000000`);
  assert.match(entryLine(Buffer.from('a'), far, options), /35184372088832/u);
});
