import assert from 'node:assert/strict';
import { lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';

import { openHandles, scratchDirectory } from '../../../test/support/scratch-directory.ts';
import { entriesOf, lines, makeTree } from '../../../test/support/walk-lines.ts';
import { setExtendedAttribute } from '../../base/posix/extended-attributes.ts';
import { planSources } from './source-plan.ts';
import { walk, type WalkOptions } from './walk.ts';

test('links that are followed are what they lead to, without an end only if there is one', () => {
  using scratch = scratchDirectory();
  const root = scratch.of('t');
  makeTree(root);
  mkdirSync(scratch.of('outside'));
  writeFileSync(scratch.of('outside/file'), 'outside');
  symlinkSync('../outside', `${root}/out`);
  symlinkSync('b/3', `${root}/to-file`);
  symlinkSync('nowhere', `${root}/dangling`);
  symlinkSync('c/below-a-file', `${root}/below`);
  symlinkSync('itself', `${root}/itself`);
  symlinkSync('.', `${root}/circle`);
  symlinkSync('../..', `${root}/a/deep/up`);
  symlinkSync('nowhere', `${root}/not-wanted`);
  const handles = openHandles();
  const wanted: WalkOptions = {
    followLinks: true,
    exclude: ({ name }) => Buffer.from(name).toString() === 'not-wanted',
  };
  assert.deepEqual(lines(root, [root], wanted), [
    'enter ',
    'source/missing /below',
    'source/unreadable /circle',
    'source/missing /dangling',
    'source/missing /itself',
    ': a b c c.d circle out to-file',
    'enter /a',
    '/a: 1 deep',
    'enter /a/deep',
    'source/unreadable /a/deep/up',
    '/a/deep: 2 up',
    'leave /a/deep incomplete',
    'leave /a',
    'enter /b',
    '/b: 3',
    'leave /b',
    'enter /c.d',
    'leave /c.d',
    'enter /out',
    '/out: file',
    'leave /out',
    'leave  incomplete',
  ]);
  assert.deepEqual(openHandles(), handles);
  const entries = entriesOf(root, { followLinks: true });
  assert.equal(entries.get('out')?.type, 'directory');
  assert.equal(entries.get('circle')?.type, 'symlink');
  const { type, inode, size, links } = entries.get('to-file')!;
  const target = lstatSync(`${root}/b/3`, { bigint: true });
  assert.deepEqual(
    { type, inode, size, links },
    { type: 'file', inode: target.ino, size: 4, links: 1 },
  );
});

test('a directory the walk is in is not entered again from above', () => {
  using scratch = scratchDirectory();
  makeTree(scratch.of('t'));
  symlinkSync('..', scratch.of('t/b/up'));
  assert.deepEqual(lines(scratch.of('t'), [scratch.of('t/b')], { followLinks: true }), [
    'enter /b',
    '/b: 3 up',
    'enter /b/up',
    '/b/up: a b c c.d',
    'enter /b/up/a',
    '/b/up/a: 1 deep',
    'enter /b/up/a/deep',
    '/b/up/a/deep: 2',
    'leave /b/up/a/deep',
    'leave /b/up/a',
    'enter /b/up/b',
    'source/unreadable /b/up/b',
    'leave /b/up/b incomplete',
    'enter /b/up/c.d',
    'leave /b/up/c.d',
    'leave /b/up',
    'leave /b',
  ]);
});

test('more links lead down than the system takes in one path', () => {
  using scratch = scratchDirectory();
  const depth = 100;
  const root = scratch.of('t');
  mkdirSync(root);
  for (let level = 0; level < depth; level++) {
    mkdirSync(scratch.of(`${level}`));
    symlinkSync(scratch.of(`${level}`), level === 0 ? `${root}/l` : scratch.of(`${level - 1}/l`));
  }
  writeFileSync(scratch.of(`${depth - 1}/file`), 'deep');
  const handles = openHandles();
  const found: string[] = [];
  for (const event of walk(planSources([root]), { followLinks: true })) {
    assert.notEqual(event.type, 'problem');
    if (event.type !== 'entries') continue;
    for (const { name, type } of event.entries) {
      if (type === 'file') found.push(readFileSync(event.location.pathOf(name), 'utf8'));
    }
    event.location.release();
  }
  assert.deepEqual(found, ['deep']);
  assert.deepEqual(openHandles(), handles);
});

test('attributes are those of what a link leads to', () => {
  using scratch = scratchDirectory();
  mkdirSync(scratch.of('t'));
  writeFileSync(scratch.of('file'), '');
  setExtendedAttribute(Buffer.from(scratch.of('file')), Buffer.from('user.a'), Buffer.from('b'));
  symlinkSync('../file', scratch.of('t/link'));
  const namesAt = (followLinks: boolean): string[] =>
    (entriesOf(scratch.of('t'), { followLinks }).get('link')?.xattrs ?? []).map(({ name }) =>
      Buffer.from(name).toString(),
    );
  assert.deepEqual(namesAt(true), ['user.a']);
  assert.deepEqual(namesAt(false), []);
});
