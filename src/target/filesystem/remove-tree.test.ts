import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';

import { bindMount, noBindMount } from '../../../test/support/bind-mount.ts';
import { makeHostileTree } from '../../../test/support/hostile-tree.ts';
import { openHandles, scratchDirectory } from '../../../test/support/scratch-directory.ts';
import { removeEntry, removeOthers } from './remove-tree.ts';
import { makeDirectory } from './target-entry.ts';
import { TargetTree } from './target-tree.ts';

const bytes = (text: string): Buffer => Buffer.from(text);

test('a tree of any kind and depth is removed, and nothing that its links point to', () => {
  using scratch = scratchDirectory();
  mkdirSync(scratch.of('outside'));
  writeFileSync(scratch.of('outside', 'kept'), '');
  mkdirSync(scratch.of('target'));
  makeHostileTree(scratch.of('target', 'tree'));
  symlinkSync('../../outside', scratch.of('target', 'tree', 'to outside'));
  using tree = TargetTree.open(scratch.of('target'));
  const before = openHandles();
  assert.deepEqual(removeEntry(tree.root, bytes('tree'), { path: bytes('tree') }), []);
  assert.equal(openHandles(), before);
  assert.deepEqual(readdirSync(scratch.of('target')), []);
  assert.deepEqual(readdirSync(scratch.of('outside')), ['kept']);
});

test('a tree deeper than a process has handles is removed', () => {
  using scratch = scratchDirectory();
  {
    using tree = TargetTree.open(scratch.path);
    let path = '';
    for (let depth = 0; depth < 3000; depth++) {
      makeDirectory(tree.directory(bytes(path)), bytes('d'));
      path = path === '' ? 'd' : `${path}/d`;
    }
  }
  using tree = TargetTree.open(scratch.path);
  assert.deepEqual(removeEntry(tree.root, bytes('d'), { path: bytes('d') }), []);
  assert.ok(!existsSync(scratch.of('d')));
});

test('removeOthers() keeps what is wanted and says what goes, without doing it in a dry run', () => {
  using scratch = scratchDirectory();
  for (const name of ['keep', 'go', 'go/below']) mkdirSync(scratch.of(name));
  writeFileSync(scratch.of('go', 'file'), '');
  symlinkSync('keep', scratch.of('link'));
  using tree = TargetTree.open(scratch.path);
  const isWanted = (name: Uint8Array): boolean => Buffer.from(name).toString() === 'keep';
  const run = (dryRun: boolean): string[] => {
    const removed: string[] = [];
    const onRemove = (path: Uint8Array): void => void removed.push(Buffer.from(path).toString());
    const options = { path: bytes('base'), dryRun, onRemove };
    assert.deepEqual(removeOthers(tree.root, isWanted, options), []);
    return removed.sort();
  };
  const expected = ['base/go', 'base/go/below', 'base/go/file', 'base/link'];
  assert.deepEqual(run(true), expected);
  assert.deepEqual(readdirSync(scratch.path).sort(), ['go', 'keep', 'link']);
  assert.deepEqual(run(false), expected);
  assert.deepEqual(readdirSync(scratch.path), ['keep']);
});

test('what is mounted is neither removed nor entered', (t) => {
  using scratch = scratchDirectory();
  mkdirSync(scratch.of('go'));
  mkdirSync(scratch.of('go', 'mount'));
  mkdirSync(scratch.of('data'));
  writeFileSync(scratch.of('data', 'precious'), '');
  // A mount point of the same file system: only the kernel's flag tells.
  using mount = bindMount(scratch.of('data'), scratch.of('go', 'mount'));
  if (mount === undefined) return t.skip(noBindMount);
  using tree = TargetTree.open(scratch.path);
  const problems = removeEntry(tree.root, bytes('go'), { path: bytes('go') });
  assert.equal(problems[0]?.error.code, 'target/refused');
  assert.equal(Buffer.from(problems[0].path).toString(), 'go/mount');
  assert.equal(problems.length, 1);
  assert.deepEqual(readdirSync(scratch.of('data')), ['precious']);
});
