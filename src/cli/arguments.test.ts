import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { assignArguments } from './arguments.ts';
import { commandTable } from './command-table.ts';

const assign = (line: string, defaultRepository?: string, without?: readonly string[]): unknown => {
  const [name, ...words] = line.split(' ');
  const command = commandTable.find((candidate) => candidate.name === name)!;
  return assignArguments(command, words, {
    ...(defaultRepository !== undefined && { defaultRepository }),
    ...(without !== undefined && { without }),
  });
};

describe('assignArguments()', () => {
  test('takes the last word of a backup for the repository', () => {
    assert.deepEqual(assign('backup a b /r'), { SOURCE: ['a', 'b'], URL: '/r' });
    assert.deepEqual(assign('backup a'), { SOURCE: ['a'], URL: undefined });
    assert.deepEqual(assign('backup'), { SOURCE: [], URL: undefined });
    assert.deepEqual(assign('backup /r', undefined, ['SOURCE']), { SOURCE: [], URL: '/r' });
  });

  test('takes the first word of other commands for the repository', () => {
    assert.deepEqual(assign('ls /r'), { URL: '/r', 'SNAPSHOT[:PATH]': undefined });
    assert.deepEqual(assign('ls /r latest:/a'), { URL: '/r', 'SNAPSHOT[:PATH]': 'latest:/a' });
    assert.deepEqual(assign('forget /r a b'), { URL: '/r', SNAPSHOT: ['a', 'b'] });
    assert.deepEqual(assign('find /r'), { URL: '/r', PATTERN: [] });
    assert.deepEqual(assign('diff /r a'), { URL: '/r', A: 'a', B: undefined });
  });

  test('refuses a word too many', () => {
    assert.throws(() => assign('ls /r a b'), { code: 'input/usage', message: /"b"/u });
    assert.throws(() => assign('ls /r a b', '/d'), { code: 'input/usage', message: /"b"/u });
    assert.throws(() => assign('backup a /r', undefined, ['SOURCE']), { code: 'input/usage' });
  });

  test('leaves the repository out when there is a default one', () => {
    assert.deepEqual(assign('snapshots', '/d'), { URL: '/d' });
    assert.deepEqual(assign('snapshots r', '/d'), { URL: 'r' });
    assert.deepEqual(assign('ls latest', '/d'), { URL: '/d', 'SNAPSHOT[:PATH]': 'latest' });
    assert.deepEqual(assign('ls /r', '/d'), { URL: '/r', 'SNAPSHOT[:PATH]': undefined });
    assert.deepEqual(assign('ls ./r', '/d'), { URL: './r', 'SNAPSHOT[:PATH]': undefined });
    assert.deepEqual(assign('diff a b', '/d'), { URL: '/d', A: 'a', B: 'b' });
    assert.deepEqual(assign('diff r a b', '/d'), { URL: 'r', A: 'a', B: 'b' });
    assert.deepEqual(assign('find /etc/x', '/d'), { URL: '/d', PATTERN: ['/etc/x'] });
    assert.deepEqual(assign('forget aa bb', '/d'), { URL: '/d', SNAPSHOT: ['aa', 'bb'] });
    assert.deepEqual(assign('forget', '/d'), { URL: '/d', SNAPSHOT: [] });
  });

  test('takes all words of a backup for sources then, unless the last one has a scheme', () => {
    assert.deepEqual(assign('backup /a /b', '/d'), { SOURCE: ['/a', '/b'], URL: '/d' });
    assert.deepEqual(assign('backup /a s3://b', '/d'), { SOURCE: ['/a'], URL: 's3://b' });
    assert.deepEqual(assign('backup s3://b', '/d'), { SOURCE: ['s3://b'], URL: '/d' });
    assert.deepEqual(assign('backup', '/d', ['SOURCE']), { SOURCE: [], URL: '/d' });
    assert.deepEqual(assign('backup /r', '/d', ['SOURCE']), { SOURCE: [], URL: '/r' });
  });

  test('tells the two repositories of a copy apart', () => {
    assert.deepEqual(assign('copy /a /b'), { URL: '/a', URL2: '/b', SNAPSHOT: [] });
    assert.deepEqual(assign('copy /b', '/d'), { URL: '/d', URL2: '/b', SNAPSHOT: [] });
    assert.deepEqual(assign('copy /b latest', '/d'), {
      URL: '/d',
      URL2: '/b',
      SNAPSHOT: ['latest'],
    });
    assert.deepEqual(assign('copy /a /b latest', '/d'), {
      URL: '/a',
      URL2: '/b',
      SNAPSHOT: ['latest'],
    });
  });
});
