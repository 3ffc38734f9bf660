import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';

import { scratchDirectory } from '#test/support/scratch-directory.ts';
import type { AppError } from '../../../base/errors.ts';
import { openSourceCache } from './open-source-cache.ts';

test('a cache that cannot be used is told of with the reason, and done without', () => {
  using scratch = scratchDirectory();
  writeFileSync(scratch.of('file'), '');
  const problems: AppError[] = [];
  const place = {
    cacheDirectory: scratch.of('file'),
    repositoryId: '00',
    warn: (problem: AppError) => problems.push(problem),
  };
  assert.equal(openSourceCache(place, Buffer.from('/source')), undefined);
  assert.deepEqual(
    problems.map(({ code, message }) => [code, message]),
    [
      [
        'local/unwritable',
        `Cannot use the cache in "${scratch.of('file', '00')}": what should be a directory on the way is none`,
      ],
    ],
  );
});
