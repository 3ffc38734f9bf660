import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { commandTable } from './command-table.ts';
import { parseLine } from './parse.ts';

const parsed = (...argv: readonly string[]): unknown => {
  const { command, given, words, rest } = parseLine(argv, commandTable);
  return [
    command?.name,
    Object.fromEntries(given.map(({ name, text }) => [name, text])),
    words,
    rest,
  ];
};
const refused = (argv: readonly string[], message: RegExp, hint?: RegExp): void => {
  assert.throws(
    () => parseLine(argv, commandTable),
    (error: Error & { code?: string; hint?: string }) => {
      assert.equal(error.code, 'input/usage');
      assert.match(error.message, message);
      if (hint !== undefined) assert.match(error.hint ?? '', hint);
      return true;
    },
  );
};

describe('parseLine()', () => {
  test('takes flags before, between and after words', () => {
    assert.deepEqual(parsed('-q', 'backup', 'a', '--tag', 'x', 'b', '--dry-run'), [
      'backup',
      { quiet: '', tag: 'x', 'dry-run': '' },
      ['a', 'b'],
      undefined,
    ]);
  });

  test('takes values after a blank, after "=", and attached to a letter', () => {
    for (const argv of [['--target', 'd'], ['--target=d'], ['-t', 'd'], ['-td'], ['-t=d']]) {
      assert.deepEqual(parsed('restore', 'u', ...argv), [
        'restore',
        { target: 'd' },
        ['u'],
        undefined,
      ]);
    }
    assert.deepEqual(parsed('backup', '--exclude', '-x'), [
      'backup',
      { exclude: '-x' },
      [],
      undefined,
    ]);
    assert.deepEqual(parsed('backup', '--exclude='), ['backup', { exclude: '' }, [], undefined]);
  });

  test('takes several letters in one word', () => {
    assert.deepEqual(parsed('backup', '-nxe', '*.o'), [
      'backup',
      { 'dry-run': '', 'one-file-system': '', exclude: '*.o' },
      [],
      undefined,
    ]);
  });

  test('does not take the next word for a value that may be left out', () => {
    assert.deepEqual(parsed('check', '--read-data', 'url'), [
      'check',
      { 'read-data': '' },
      ['url'],
      undefined,
    ]);
    assert.deepEqual(parsed('check', '--read-data=1/7'), [
      'check',
      { 'read-data': '1/7' },
      [],
      undefined,
    ]);
  });

  test('hands over what stands after "--" as it is', () => {
    assert.deepEqual(parsed('backup', 'u', '--', '--x', '--'), [
      'backup',
      {},
      ['u'],
      ['--x', '--'],
    ]);
  });

  test('knows commands of two words', () => {
    assert.deepEqual(parsed('key', '-q', 'add', 'u'), ['key add', { quiet: '' }, ['u'], undefined]);
    assert.deepEqual(parsed('key', '--help'), [undefined, { help: '' }, [], undefined]);
  });

  test('refuses what it does not know, with the nearest name', () => {
    refused(['bakcup'], /"bakcup"/u, /"backup"/u);
    refused(['backup', '--exlude', 'x'], /"--exlude" of "backup"/u, /"--exclude"/u);
    refused(['key', 'ad'], /"key ad"/u, /key add/u);
    refused(['key'], /"key"/u, /key list/u);
    refused(['--target', 'x'], /before a command/u);
    refused(['backup', '-Z'], /"-Z"/u);
    refused(['backup', '--toString'], /"--toString"/u);
    refused(['backup', '--tag'], /needs a value/u);
    refused(['xyzzy'], /"xyzzy"/u, /^"holdfast --help"/u);
  });
});
