import assert from 'node:assert/strict';
import { test } from 'node:test';

import { hasCode } from '../../../base/errors.ts';
import { parseItemized, parseListing } from './rsync-output.ts';

test('a listing is read with odd names, sizes and times', () => {
  const lines = [
    'drwxr-xr-x        4096 2026/11/21 03:36:25 .',
    '-rw-r--r--           3 2026/11/21 03:36:25 #1',
    '-rw-r--r--+ 1234567890123 2026/11/21 03:36:25 \\#134#123',
    '-rw-r--r--           3 2026/11/21 03:36:25 back\\slash',
    '-rw-r--r--           1 2026/11/21 03:36:25 nl\\#012x  two',
    'lrwxrwxrwx           1 2026/11/21 03:36:25 grüße -> 🙂',
  ];
  const entries = parseListing(Buffer.from(`${lines.join('\n')}\n`));
  assert.deepEqual(
    entries.map(({ name }) => name),
    ['.', '#1', '\\#123', 'back\\slash', 'nl\nx  two', 'grüße -> 🙂'],
  );
  assert.deepEqual(
    entries.map(({ type }) => type),
    ['d', '-', '-', '-', '-', 'l'],
  );
  assert.equal(entries[2]?.size, 1_234_567_890_123);
  assert.equal(entries[2]?.modified, Date.UTC(2026, 10, 21, 3, 36, 25));
});

test('a line that is none is an error, and a name that is no UTF-8 has none', () => {
  assert.throws(
    () => parseListing(Buffer.from('Welcome to our server\n')),
    (error) => hasCode(error, 'storage/unavailable'),
  );
  const bytes = Buffer.from('-rw-r--r--           3 2026/11/21 03:36:25 \xFF', 'latin1');
  assert.equal(parseListing(bytes)[0]?.name, undefined);
});

test('itemized lines tell what was transferred, and messages are left out', () => {
  const lines = ['>f+++++++++ a b', '.f          c', 'cd+++++++++ d/', 'receiving file list', ''];
  assert.deepEqual(parseItemized(Buffer.from(lines.join('\n'))), [
    { name: 'a b', isFile: true, transferred: true },
    { name: 'c', isFile: true, transferred: false },
    { name: 'd/', isFile: false, transferred: false },
  ]);
});
