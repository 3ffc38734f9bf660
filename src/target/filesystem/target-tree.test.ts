import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';

import { noSmallDisk, smallDisk } from '../../../test/support/small-disk.ts';
import { openHandles, scratchDirectory } from '../../../test/support/scratch-directory.ts';
import { hasCode } from '../../base/errors.ts';
import { createHardLink, lookAt, makeDirectory } from './target-entry.ts';
import { TargetTree } from './target-tree.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

test('a target is made with what is above it, unless that is not wanted', () => {
  using scratch = scratchDirectory();
  using tree = TargetTree.open(scratch.of('a', 'b'));
  assert.equal(tree.directory(bytes('')), tree.root);
  assert.throws(
    () => TargetTree.open(scratch.of('missing'), { create: false }),
    (error) => hasCode(error, 'target/unwritable'),
  );
  writeFileSync(scratch.of('file'), '');
  assert.throws(
    () => TargetTree.open(scratch.of('file')),
    (error) => hasCode(error, 'target/unwritable'),
  );
});

test('what is in the way of a target is named', () => {
  using scratch = scratchDirectory();
  writeFileSync(scratch.of('file'), '');
  symlinkSync('nowhere', scratch.of('link'));
  for (const [place, reason] of [
    [scratch.of('file', 'x'), `"${scratch.of('file')}" is not a directory (ENOTDIR)`],
    [scratch.of('link'), `the symbolic link "${scratch.of('link')}" leads nowhere (EEXIST)`],
    [scratch.of('link', 'x'), `the symbolic link "${scratch.of('link')}" leads nowhere (EEXIST)`],
    ['/proc/x/y', 'no directory can be made in "/proc" (ENOENT)'],
  ] as const) {
    assert.throws(
      () => TargetTree.open(place),
      new RegExp(RegExp.escape(`Cannot make the restore target "${place}": ${reason}`), 'u'),
    );
  }
});

test('a target on a read-only file system is said to be', async (context) => {
  await using disk = await smallDisk(1_000_000);
  if (disk === undefined) return context.skip(noSmallDisk);
  await disk.makeReadOnly();
  assert.throws(
    () => TargetTree.open(`${disk.path}/one/two`),
    /Cannot make the restore target ".*two": the file system is read-only \(EROFS\)$/u,
  );
});

test('directories are reached in any order with few handles', () => {
  using scratch = scratchDirectory();
  const before = openHandles();
  {
    using tree = TargetTree.open(scratch.path, { openDirectories: 4 });
    const paths: string[] = [];
    for (let index = 0; index < 40; index++) {
      const parent = index < 4 ? '' : (paths[index % 4] ?? '');
      const name = `d${index}`;
      makeDirectory(tree.directory(bytes(parent)), bytes(name));
      paths.push(parent === '' ? name : `${parent}/${name}`);
    }
    for (const path of paths.toReversed()) {
      makeDirectory(tree.directory(bytes(path)), bytes('inner'));
      assert.deepEqual(readdirSync(scratch.of(path)).includes('inner'), true);
    }
    assert.ok(openHandles() <= before + 6, String(openHandles() - before));
  }
  assert.equal(openHandles(), before);
});

test('a path beyond what the system takes at once is reached', () => {
  using scratch = scratchDirectory();
  using tree = TargetTree.open(scratch.path, { openDirectories: 8 });
  const name = 'd'.repeat(250);
  let path = '';
  for (let depth = 0; depth < 40; depth++) {
    makeDirectory(tree.directory(bytes(path)), bytes(name));
    path = path === '' ? name : `${path}/${name}`;
  }
  assert.ok(path.length > 8192);
  tree.forget();
  assert.equal(lookAt(tree.directory(bytes(path)), bytes('nothing')), undefined);
});

test('two directories are good together, however deep', () => {
  using scratch = scratchDirectory();
  using tree = TargetTree.open(scratch.path, { openDirectories: 3 });
  const deep = ['a', 'a/b', 'a/b/c', 'a/b/c/d', 'a/b/c/d/e'];
  for (const path of ['x', ...deep]) mkdirSync(scratch.of(path));
  writeFileSync(scratch.of('x', 'file'), '');
  const [from, to] = tree.directories(bytes('x'), bytes('a/b/c/d/e'));
  createHardLink(to, bytes('name'), from, bytes('file'));
  assert.deepEqual(readdirSync(scratch.of('a/b/c/d/e')), ['name']);
});

test('no path leads out of the target or through a link', () => {
  using scratch = scratchDirectory();
  mkdirSync(scratch.of('outside'));
  mkdirSync(scratch.of('target'));
  symlinkSync('../outside', scratch.of('target', 'link'));
  symlinkSync('.', scratch.of('target', 'self'));
  writeFileSync(scratch.of('target', 'file'), '');
  using tree = TargetTree.open(scratch.of('target'));
  const bad = [
    'link',
    'self',
    'link/below',
    '..',
    '../outside',
    'a/../..',
    '/',
    '/etc',
    'a//b',
    '.',
    'a\0b',
    'file',
  ];
  for (const path of bad) {
    assert.throws(
      () => tree.directory(bytes(path)),
      (error) => hasCode(error, 'target/refused', 'target/unwritable'),
      path,
    );
  }
  assert.throws(() => tree.directory(bytes('link')), {
    code: 'target/refused',
    message: 'Refused to restore "link": it is not a directory',
  });
});
