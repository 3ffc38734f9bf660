import assert from 'node:assert/strict';
import { test } from 'node:test';

import { hasCode } from '../../../base/errors.ts';
import { parseFacts, parseLongLine, parseTime } from './directory-entry.ts';

test('lines of MLSD are read, whatever the order and case of their facts', () => {
  assert.deepEqual(parseFacts('modify=20261121033625;size=12;type=file; a  b; c'), {
    name: 'a  b; c',
    kind: 'file',
    size: 12,
    modified: Date.UTC(2026, 10, 21, 3, 36, 25),
  });
  assert.deepEqual(parseFacts('Type=Dir;Modify=19991231235959.5;UNIX.mode=0755; grüße'), {
    name: 'grüße',
    kind: 'directory',
    size: 0,
    modified: Date.UTC(1999, 11, 31, 23, 59, 59, 500),
  });
  assert.equal(parseFacts('type=OS.unix=slink:/etc;size=3; link')?.kind, 'other');
  assert.equal(parseFacts('type=cdir; /here'), undefined);
  assert.equal(parseFacts('type=pdir; ..'), undefined);
});

test('lines as of ls are read, and their times left out', () => {
  assert.deepEqual(parseLongLine('-rw-r--r--   1 ftp ftp  1057 Dec 11 14:35  two  words '), {
    name: ' two  words ',
    kind: 'file',
    size: 1057,
  });
  assert.equal(parseLongLine('drwxr-xr-x 2 ftp ftp 4096 Dec 11 2024 d')?.kind, 'directory');
  assert.equal(parseLongLine('lrwxrwxrwx 1 ftp ftp 4 Dec 11 2024 l -> x')?.kind, 'other');
  assert.equal(parseLongLine('drwxr-xr-x 2 ftp ftp 4096 Dec 11 2024 ..'), undefined);
  assert.equal(parseLongLine('total 12'), undefined);
});

test('a line that makes no sense fails the listing instead of shortening it', () => {
  const isUnreadable = (error: unknown): boolean => hasCode(error, 'storage/unavailable');
  for (const line of ['type=file; no size', 'size=5; no type', 'type=file;size=-1; x', 'nonsense'])
    assert.throws(() => parseFacts(line), isUnreadable, line);
  for (const line of ['ls: cannot open directory', 'a name alone'])
    assert.throws(() => parseLongLine(line), isUnreadable, line);
});

test('times that are none are left out', () => {
  assert.equal(parseTime('20260102030405'), Date.UTC(2026, 0, 2, 3, 4, 5));
  assert.equal(parseTime('yesterday'), undefined);
  assert.equal(parseTime(''), undefined);
});
