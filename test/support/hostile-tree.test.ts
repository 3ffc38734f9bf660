import assert from 'node:assert/strict';
import { test } from 'node:test';

import { makeHostileTree } from './hostile-tree.ts';
import { scratchDirectory } from './scratch-directory.ts';
import { compareTrees } from './tree-comparer.ts';
import { copyTree } from './tree-copier.ts';

test('a hostile tree passes through source and target without any difference', () => {
  using scratch = scratchDirectory();
  makeHostileTree(scratch.of('a'));
  const report = copyTree(scratch.of('a'), scratch.of('b'));
  assert.deepEqual(report, { unread: [], unwritten: [], ownersNotRestored: 0 });
  assert.deepEqual(compareTrees(scratch.of('a'), scratch.of('b')), []);
});

test('a hostile tree can be made with everything on the usual file systems', (t) => {
  using scratch = scratchDirectory();
  const { missing } = makeHostileTree(scratch.of('a'));
  t.diagnostic(`missing here: ${missing.join(', ')}`);
  if (process.geteuid?.() === 0) assert.deepEqual(missing, []);
});
