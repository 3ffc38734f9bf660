import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  filterArguments,
  flagArguments,
  parameterArguments,
  retentionArguments,
  snapshotArguments,
} from './operation-arguments.ts';

test('settings become flags', () => {
  assert.deepEqual(
    flagArguments({ compression: 'best', 'force-read': true, 'no-verify': false, tag: ['a', 'b'] }),
    ['--compression=best', '--force-read', '--tag=a', '--tag=b'],
  );
  assert.throws(() => flagArguments({ '--evil': 'x' }), { code: 'input/invalid' });
});

test('filters keep their order', () => {
  assert.deepEqual(
    filterArguments({
      rules: ['- *.o', '+ keep.o'],
      excludeCaches: true,
      excludeLargerThan: '1G',
      excludeIfPresent: ['.nobackup'],
    }),
    [
      '--exclude=*.o',
      '--include=keep.o',
      '--exclude-if-present=.nobackup',
      '--exclude-caches',
      '--exclude-larger-than=1G',
    ],
  );
  assert.deepEqual(filterArguments({ include: ['*.jpg'], exclude: ['x.jpg'] }), [
    '--include=*.jpg',
    '--exclude=x.jpg',
  ]);
  assert.throws(() => filterArguments({ rules: ['*.o'] }), { code: 'input/invalid' });
  assert.deepEqual(filterArguments(), []);
});

test("snapshots are marked as the job's; a retention without rules keeps everything", () => {
  const job = { kind: 'backup', name: 'a.b', destinations: [], tags: ['x'], host: 'h' } as const;
  assert.deepEqual(snapshotArguments(job), ['--job=a.b', '--tag=x', '--host=h']);
  assert.deepEqual(retentionArguments({ schedule: 'daily', prune: true }), []);
  assert.deepEqual(retentionArguments({ keepTags: ['x'] }), [], 'tags alone drop nothing');
  assert.deepEqual(retentionArguments({ keepDaily: 7, policy: '1W:1D', keepTags: ['x'] }), [
    '--keep-daily=7',
    '--retention-policy=1W:1D',
    '--keep-tag=x',
  ]);
});

test('a parameter that means nothing is told', () => {
  const known = { type: (value: string) => (value === 'full' ? ['--full'] : []) };
  assert.deepEqual(parameterArguments({ type: 'full' }, known), ['--full']);
  assert.throws(() => parameterArguments({ tipe: 'full' }, known), {
    code: 'input/usage',
    hint: 'There are "type"',
  });
});
