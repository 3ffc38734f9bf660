import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

import { makeHostileTree } from './hostile-tree.ts';
import { scratchDirectory } from './scratch-directory.ts';
import { compareTrees } from './tree-comparer.ts';
import { copyTree } from './tree-copier.ts';

const isRoot = process.geteuid?.() === 0;

test('a hostile tree passes through source and target without any difference', () => {
  using scratch = scratchDirectory();
  makeHostileTree(scratch.of('a'));
  const { unread, unwritten, ownersNotRestored } = copyTree(scratch.of('a'), scratch.of('b'));
  assert.deepEqual(unread, []);
  assert.equal(ownersNotRestored, 0);
  // Root reads everything; everybody else is told what not.
  const locked = isRoot
    ? []
    : ['0', '111', '222'].map((mode) => scratch.of(`a/modes/file ${mode}`));
  const message = (path: string): string =>
    `AppError: Cannot read "${path}": permission denied (EACCES)`;
  assert.deepEqual(unwritten, locked.map(message));
  const without = locked.map((path) => `"${path.slice(scratch.of('a').length + 1)}"`);
  assert.deepEqual(compareTrees(scratch.of('a'), scratch.of('b'), { without }), []);
});

test('the same holds for somebody who is not root', () => {
  if (!isRoot) return;
  const file = new URL(import.meta.url).pathname;
  const somebody = { uid: 65_534, gid: 65_534, env: { TMPDIR: '/tmp' } };
  const { status, stdout } = spawnSync(process.execPath, ['--test', file], somebody);
  assert.equal(status, 0, stdout.toString());
});

test('a hostile tree can be made with everything on the usual file systems', (t) => {
  using scratch = scratchDirectory();
  const { missing } = makeHostileTree(scratch.of('a'));
  t.diagnostic(`missing here: ${missing.join(', ')}`);
  if (isRoot) assert.deepEqual(missing, []);
});
