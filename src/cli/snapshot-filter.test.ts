import assert from 'node:assert/strict';
import { test } from 'node:test';

import { snapshotFilter, splitTags } from './snapshot-filter.ts';

test('splitTags() and snapshotFilter() take lists with commas', () => {
  assert.deepEqual(splitTags(['a, b', 'c', 'a']), ['a', 'b', 'c']);
  assert.throws(() => splitTags(['a,,b']), { code: 'input/usage' });
  assert.throws(() => splitTags(['']), { code: 'input/usage' });
  const flags = { host: ['h'], path: ['x/../y', '/z'], tag: ['a,b', 'c'] };
  assert.deepEqual(snapshotFilter(flags, '/home/me'), {
    hosts: ['h'],
    paths: [Buffer.from('/home/me/y'), Buffer.from('/z')],
    tags: [['a', 'b'], ['c']],
  });
  assert.throws(() => snapshotFilter({ ...flags, path: [''] }, '/home/me'), {
    code: 'input/usage',
  });
});
