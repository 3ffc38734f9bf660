import assert from 'node:assert/strict';
import { mkdir, symlink } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';

import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { parseRule } from '../model/filter-rule.ts';
import { compilePathFilter } from '../model/path-filter.ts';
import { refuseNesting } from './nested-destination.ts';

const all = compilePathFilter([]);

test('refuseNesting() finds a repository inside a source, through links and before it exists', async () => {
  await using directory = await temporaryDirectory();
  const source = path.join(directory.path, 'source');
  const link = path.join(directory.path, 'link');
  await mkdir(path.join(source, 'deep'), { recursive: true });
  await symlink('source/deep', link);
  const check = (from: string, place: string, filter = all): void =>
    refuseNesting([Buffer.from(from)], filter, place);
  for (const place of [path.join(source, 'new/er'), path.join(link, 'new'), link]) {
    assert.throws(() => check(source, place), { code: 'input/invalid', message: /lies inside/u });
  }
  assert.throws(() => check(link, path.join(source, 'deep/new')), { code: 'input/invalid' });
  assert.throws(() => check(source, source), { message: /is the source itself/u });
  check(source, `${source}2`);
  check(source, path.join(directory.path, 'other'));
  check(path.join(source, 'deep'), source);

  const without = compilePathFilter([parseRule(path.join(link, 'new'), 'exclude')]);
  check(link, path.join(source, 'deep/new'), without);
  assert.throws(() => check(source, path.join(source, 'deep/new'), without), {
    code: 'input/invalid',
  });
});
