import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  linkSync,
  lstatSync,
  openSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { test } from 'node:test';

import { scratchDirectory } from '../../../test/support/scratch-directory.ts';
import { plainEntry } from '../../../test/support/sample-entry.ts';
import {
  readExtendedAttributes,
  setExtendedAttribute,
} from '../../base/posix/extended-attributes.ts';
import type { Entry, ExtendedAttribute } from '../../model/entry.ts';
import { makeDirectory } from './target-entry.ts';
import { MetadataWriter } from './target-metadata.ts';
import { TargetTree } from './target-tree.ts';

const bytes = (text: string): Buffer => Buffer.from(text);
const isRoot = process.geteuid?.() === 0;
const path = bytes('below/the root');

function entry(changes: Partial<Entry> = {}): Entry {
  return {
    ...plainEntry,
    mode: 0o640,
    uid: process.geteuid?.() ?? 0,
    gid: process.getegid?.() ?? 0,
    mtime: { seconds: -3, nanoseconds: 123_456_789 },
    ...changes,
  };
}

const attribute = (name: string, value: string): ExtendedAttribute => ({
  name: bytes(name),
  value: Buffer.from(value, 'hex'),
});
const acl =
  '0200000001000600ffffffff02000700e803000004000400ffffffff10000700ffffffff20000000ffffffff';

function apply(file: string, wanted: Entry, writer = new MetadataWriter()): MetadataWriter {
  const fd = openSync(file, 'r+');
  writer.applyToOpen(fd, wanted, path);
  closeSync(fd);
  return writer;
}

function attributeNames(file: string): string[] {
  return readExtendedAttributes(bytes(file), 0).map(({ name }) => Buffer.from(name).toString());
}

test('mode, times, attributes and an ACL do not undo each other', () => {
  using scratch = scratchDirectory();
  writeFileSync(scratch.of('file'), 'x', { mode: 0o600 });
  const wanted = entry({
    mode: 0o6470,
    xattrs: [attribute('system.posix_acl_access', acl), attribute('user.a', '00ff')],
  });
  const writer = apply(scratch.of('file'), wanted);
  assert.deepEqual(writer.problems, []);
  const stats = lstatSync(scratch.of('file'), { bigint: true });
  assert.equal(stats.mtimeNs, -2_876_543_211n);
  assert.equal(Number(stats.mode) & 0o7000, 0o6000);
  assert.deepEqual(attributeNames(scratch.of('file')), ['system.posix_acl_access', 'user.a']);
});

test('set-user-ID bits and capabilities survive the change of owner', () => {
  if (!isRoot) return;
  using scratch = scratchDirectory();
  writeFileSync(scratch.of('file'), 'x');
  const capability = attribute('security.capability', '0100000200200000000000000000000000000000');
  const wanted = entry({ mode: 0o4755, uid: 12_345, gid: 54_321, xattrs: [capability] });
  assert.deepEqual(apply(scratch.of('file'), wanted).problems, []);
  const stats = lstatSync(scratch.of('file'));
  assert.deepEqual([stats.uid, stats.gid, stats.mode & 0o7777], [12_345, 54_321, 0o4755]);
  assert.deepEqual(attributeNames(scratch.of('file')), ['security.capability']);
});

test('attributes that the snapshot does not know go, inherited lists as well', () => {
  using scratch = scratchDirectory();
  writeFileSync(scratch.of('file'), 'x');
  for (const { name, value } of [
    attribute('user.old', '01'),
    attribute('system.posix_acl_access', acl),
  ]) {
    setExtendedAttribute(bytes(scratch.of('file')), name, value);
  }
  assert.deepEqual(apply(scratch.of('file'), entry()).problems, []);
  assert.deepEqual(attributeNames(scratch.of('file')), []);
  assert.equal(lstatSync(scratch.of('file')).mode & 0o7777, 0o640);
});

test('a new file belongs to its owner, whatever was thought of the directory', () => {
  using scratch = scratchDirectory();
  const own = entry();
  const cases = [
    { made: { uid: own.uid, gid: own.gid, isBare: true }, wanted: own },
    // The directory has come to give its group to what is made in it.
    ...(isRoot
      ? [
          {
            made: { uid: 7, gid: 8, isBare: true },
            wanted: entry({ uid: 7, gid: 8, mode: 0o4755 }),
          },
          { made: { uid: 0, gid: 0, isBare: true }, wanted: entry({ uid: 7, gid: 8 }) },
          {
            made: { uid: 0, gid: 8, isBare: true },
            wanted: entry({ uid: 0, gid: 8, fileFlags: 0x40 }),
          },
        ]
      : []),
    { made: undefined, wanted: own },
  ];
  for (const [index, { made, wanted }] of cases.entries()) {
    const file = scratch.of(`file${index}`);
    const fd = openSync(file, 'wx+', 0o600);
    const writer = new MetadataWriter();
    writer.applyToNew(fd, wanted, path, made);
    assert.deepEqual(writer.lookAtNew(fd), { uid: wanted.uid, gid: wanted.gid, isBare: true });
    closeSync(fd);
    const stats = lstatSync(file, { bigint: true });
    assert.deepEqual(writer.problems, []);
    assert.equal(Number(stats.mode) & 0o7777, wanted.mode);
    assert.equal(stats.mtimeNs, -2_876_543_211n);
  }
});

test('a link gets its own owner and time, not its target', () => {
  using scratch = scratchDirectory();
  writeFileSync(scratch.of('file'), 'x', { mode: 0o600 });
  symlinkSync('file', scratch.of('link'));
  const before = lstatSync(scratch.of('file'), { bigint: true });
  using tree = TargetTree.open(scratch.path);
  const writer = new MetadataWriter();
  const owner = isRoot ? { uid: 7, gid: 8 } : {};
  const wanted = entry({ type: 'symlink', mode: 0o777, ...owner });
  writer.applyToSpecial(tree.root, bytes('link'), wanted, path);
  assert.deepEqual(writer.problems, []);
  const link = lstatSync(scratch.of('link'), { bigint: true });
  assert.equal(link.mtimeNs, -2_876_543_211n);
  if (isRoot) assert.deepEqual([link.uid, link.gid], [7n, 8n]);
  const after = lstatSync(scratch.of('file'), { bigint: true });
  assert.deepEqual(
    [after.mtimeNs, after.uid, after.mode],
    [before.mtimeNs, before.uid, before.mode],
  );
});

test('a directory is finished by name, and not through a link', () => {
  using scratch = scratchDirectory();
  using tree = TargetTree.open(scratch.path);
  makeDirectory(tree.root, bytes('directory'));
  symlinkSync('directory', scratch.of('link'));
  const writer = new MetadataWriter();
  const wanted = entry({ type: 'directory', mode: 0o1750 });
  writer.applyToDirectory(tree.root, bytes('link'), wanted, path);
  assert.equal(writer.problems.length, 1);
  assert.equal(lstatSync(scratch.of('directory')).mode & 0o7777, 0o700);
  writer.applyToDirectory(tree.root, bytes('directory'), wanted, path);
  assert.equal(writer.problems.length, 1);
  const stats = lstatSync(scratch.of('directory'), { bigint: true });
  assert.equal(Number(stats.mode) & 0o7777, 0o1750);
  assert.equal(stats.mtimeNs, -2_876_543_211n);
});

test('a file whose content is right is finished by name, unless it is something else by now', () => {
  using scratch = scratchDirectory();
  using tree = TargetTree.open(scratch.path);
  writeFileSync(scratch.of('file'), 'x', { mode: 0o600 });
  chmodSync(scratch.of('file'), 0o000);
  writeFileSync(scratch.of('linked'), 'x', { mode: 0o600 });
  linkSync(scratch.of('linked'), scratch.of('other name'));
  symlinkSync('linked', scratch.of('link'));
  const writer = new MetadataWriter();
  writer.applyToFile(tree.root, bytes('file'), entry(), path);
  assert.deepEqual(writer.problems, []);
  assert.equal(lstatSync(scratch.of('file')).mode & 0o7777, 0o640);
  for (const name of ['linked', 'link', 'nothing']) {
    writer.applyToFile(tree.root, bytes(name), entry(), path);
  }
  assert.equal(writer.problems.length, 3);
  assert.equal(lstatSync(scratch.of('linked')).mode & 0o7777, 0o600);
});

test('owners are taken by name where that is wanted and the name is known', () => {
  if (!isRoot) return;
  using scratch = scratchDirectory();
  writeFileSync(scratch.of('file'), 'x');
  const wanted = entry({ uid: 4242, gid: 4242, user: 'root', group: 'no such group' });
  apply(scratch.of('file'), wanted, new MetadataWriter({ owners: 'names' }));
  const stats = lstatSync(scratch.of('file'));
  assert.deepEqual([stats.uid, stats.gid], [0, 4242]);
});

test('what cannot be held is a problem with path, aspect and reason; the rest is done', () => {
  using scratch = scratchDirectory();
  writeFileSync(scratch.of('file'), 'x');
  const wanted = entry({
    mtime: { seconds: 2 ** 40, nanoseconds: 1 },
    xattrs: [
      attribute('nonsense.name', '00'),
      attribute('user.huge', '00'.repeat(70_000)),
      attribute('user.ok', '01'),
    ],
  });
  const { problems } = apply(scratch.of('file'), wanted);
  const isTmpfs = attributeNames(scratch.of('file')).length > 1;
  assert.ok(!isTmpfs);
  assert.deepEqual(attributeNames(scratch.of('file')), ['user.ok']);
  assert.deepEqual(
    problems.map(({ what }) => what),
    ['extended-attribute', 'extended-attribute', 'times'],
  );
  assert.ok(problems.every((problem) => problem.path === path));
  assert.match(
    problems[0]?.error.message ?? '',
    /^Cannot set the extended attribute "nonsense\.name" of "below\/the root": .*\(ENOTSUP\)$/u,
  );
  assert.equal(lstatSync(scratch.of('file')).mode & 0o7777, 0o640);
});

test('without the right to give files away, owners are counted and no foreign rights are given', () => {
  if (isRoot) {
    const file = new URL(import.meta.url).pathname;
    const { status, stdout } = spawnSync(process.execPath, ['--test', file], {
      uid: 65_534,
      gid: 65_534,
      env: { TMPDIR: '/tmp' },
    });
    assert.equal(status, 0, stdout.toString());
    return;
  }
  using scratch = scratchDirectory();
  writeFileSync(scratch.of('file'), 'x');
  chmodSync(scratch.of('file'), 0o600);
  const writer = apply(scratch.of('file'), entry({ uid: 0, gid: 0, mode: 0o6755 }));
  assert.deepEqual(writer.problems, []);
  assert.equal(writer.ownersNotRestored, 1);
  assert.equal(lstatSync(scratch.of('file')).mode & 0o7777, 0o755);
  apply(scratch.of('file'), entry({ mode: 0o6755 }), writer);
  assert.equal(writer.ownersNotRestored, 1);
  assert.equal(lstatSync(scratch.of('file')).mode & 0o7777, 0o6755);
});
