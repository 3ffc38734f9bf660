import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { test } from 'node:test';

import { openHandles, scratchDirectory } from '../../../test/support/scratch-directory.ts';
import { hasCode } from '../../base/errors.ts';
import { libc } from '../../base/posix/libc.ts';
import { writeAt } from './file-content.ts';
import {
  createFile,
  createHardLink,
  createSpecial,
  createSymlink,
  lookAt,
  makeDirectory,
  openForUpdate,
} from './target-entry.ts';
import { TargetTree } from './target-tree.ts';

const bytes = (text: string): Buffer => Buffer.from(text);
const numbers = { deviceMajor: 1, deviceMinor: 3 };

test('new entries are private and refuse names that are taken', () => {
  using scratch = scratchDirectory();
  using tree = TargetTree.open(scratch.path);
  const fd = createFile(tree.root, bytes('file'));
  writeAt(fd, bytes('content'), 0);
  closeSync(fd);
  assert.equal(makeDirectory(tree.root, bytes('directory')), 'created');
  assert.equal(makeDirectory(tree.root, bytes('directory')), 'existing');
  createSymlink(tree.root, bytes('link'), bytes('../anywhere'));
  createHardLink(tree.root, bytes('second'), tree.root, bytes('file'));
  createSpecial(tree.root, bytes('fifo'), { type: 'fifo', ...numbers });
  createSpecial(tree.root, bytes('socket'), { type: 'socket', ...numbers });
  assert.equal(lstatSync(scratch.of('file')).mode & 0o7777, 0o600);
  assert.equal(lstatSync(scratch.of('directory')).mode & 0o7777, 0o700);
  assert.equal(readlinkSync(scratch.of('link')), '../anywhere');
  assert.equal(lstatSync(scratch.of('second')).nlink, 2);
  assert.ok(lstatSync(scratch.of('fifo')).isFIFO());
  assert.ok(lstatSync(scratch.of('socket')).isSocket());
  const taken: readonly (() => unknown)[] = [
    () => createFile(tree.root, bytes('link')),
    () => createSymlink(tree.root, bytes('file'), bytes('x')),
    () => createHardLink(tree.root, bytes('link'), tree.root, bytes('file')),
    () => createSpecial(tree.root, bytes('file'), { type: 'fifo', ...numbers }),
  ];
  for (const call of taken) assert.throws(call, (error) => hasCode(error, 'target/unwritable'));
  assert.throws(() => makeDirectory(tree.root, bytes('link')), { code: 'target/refused' });
});

test('devices are made by root; for others they are a problem with a reason', () => {
  using scratch = scratchDirectory();
  using tree = TargetTree.open(scratch.path);
  const make = () => {
    createSpecial(tree.root, bytes('null'), { type: 'character-device', ...numbers });
  };
  if (process.geteuid?.() !== 0) {
    assert.throws(make, { code: 'target/unwritable' });
    return;
  }
  make();
  assert.equal(lstatSync(scratch.of('null')).rdev, lstatSync('/dev/null').rdev);
});

test('names that mean another place are refused by every function', () => {
  using scratch = scratchDirectory();
  using tree = TargetTree.open(scratch.path);
  for (const bad of ['', '.', '..', 'a/b', '/', '../x', 'a\0']) {
    const name = bytes(bad);
    const calls: readonly (() => unknown)[] = [
      () => createFile(tree.root, name),
      () => makeDirectory(tree.root, name),
      () => createSymlink(tree.root, name, bytes('x')),
      () => createHardLink(tree.root, name, tree.root, bytes('x')),
      () => createHardLink(tree.root, bytes('x'), tree.root, name),
      () => createSpecial(tree.root, name, { type: 'fifo', ...numbers }),
      () => openForUpdate(tree.root, name),
      () => lookAt(tree.root, name),
    ];
    for (const call of calls) assert.throws(call, { code: 'target/refused' }, JSON.stringify(bad));
  }
  for (const target of ['', 'a\0b']) {
    assert.throws(() => createSymlink(tree.root, bytes('l'), bytes(target)), {
      code: 'target/refused',
    });
  }
});

test('lookAt() tells what is there without following it', () => {
  using scratch = scratchDirectory();
  symlinkSync('/etc', scratch.of('link'));
  writeFileSync(scratch.of('file'), '12345', { mode: 0o640 });
  using tree = TargetTree.open(scratch.path);
  assert.equal(lookAt(tree.root, bytes('nothing')), undefined);
  const link = lookAt(tree.root, bytes('link'));
  assert.equal(link?.type, 'symlink');
  assert.equal(Buffer.from(link.linkTarget ?? '').toString(), '/etc');
  const file = lookAt(tree.root, bytes('file'));
  assert.deepEqual([file?.type, file?.mode, file?.size, file?.links], ['file', 0o640, 5, 1]);
  using root = TargetTree.open('/');
  assert.equal(lookAt(root.root, bytes('proc'))?.isMountPoint, true);
  assert.equal(lookAt(root.root, bytes('etc'))?.isMountPoint, false);
});

test('only a regular file with one name is written in place, and is private meanwhile', async () => {
  using scratch = scratchDirectory();
  writeFileSync(scratch.of('file'), 'old', { mode: 0o644 });
  chmodSync(scratch.of('file'), 0o4755);
  writeFileSync(scratch.of('linked'), 'old');
  linkSync(scratch.of('linked'), scratch.of('other name'));
  symlinkSync('file', scratch.of('link'));
  mkdirSync(scratch.of('directory'));
  copyFileSync('/bin/sleep', scratch.of('running'));
  chmodSync(scratch.of('running'), 0o755);
  const child = spawn(scratch.of('running'), ['60']);
  await once(child, 'spawn');
  using tree = TargetTree.open(scratch.path);
  createSpecial(tree.root, bytes('fifo'), { type: 'fifo', ...numbers });
  const before = openHandles();
  for (const name of ['linked', 'link', 'directory', 'fifo', 'running', 'nothing']) {
    assert.equal(openForUpdate(tree.root, bytes(name)), undefined, name);
  }
  child.kill();
  await once(child, 'close');
  const fd = openForUpdate(tree.root, bytes('file'));
  assert.ok(fd !== undefined);
  assert.equal(lstatSync(scratch.of('file')).mode & 0o7777, 0o600);
  writeAt(fd, bytes('new'), 0);
  closeSync(fd);
  assert.equal(readFileSync(scratch.of('file'), 'utf8'), 'new');
  assert.ok(openHandles() <= before);
});

test('a file that gets another name while it is opened is not written in place', () => {
  using scratch = scratchDirectory();
  writeFileSync(scratch.of('file'), '', { mode: 0o644 });
  using tree = TargetTree.open(scratch.path);
  const system = libc();
  const { openat } = system;
  system.openat = (...given) => {
    system.openat = openat;
    linkSync(scratch.of('file'), scratch.of('second'));
    return openat(...given);
  };
  const before = openHandles();
  assert.equal(openForUpdate(tree.root, bytes('file')), undefined);
  assert.equal(openHandles(), before);
  assert.equal(lstatSync(scratch.of('second')).mode & 0o7777, 0o644);
});
