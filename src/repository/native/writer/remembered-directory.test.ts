import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { scratchDirectory } from '#test/support/scratch-directory.ts';

import { FileStatus } from '../../../base/posix/file-status.ts';
import { AT_FDCWD } from '../../../base/posix/linux-constants.ts';
import { ByteReader } from '../../../codec/binary/byte-reader.ts';
import { ByteWriter } from '../../../codec/binary/byte-writer.ts';
import { statusOf, statusSize } from './entry-status.ts';
import { RememberedChild, RememberedDirectory, type CachedChild } from './remembered-directory.ts';

const none = new Uint8Array(0);

function child(status: Uint8Array, name: Uint8Array, ids = none): RememberedChild {
  const row = new ByteWriter().bytes(name).bytes(status).bytes(none).bytes(ids).take();
  return new RememberedChild(row, new ByteReader(row));
}

/** A directory in a row whose beginning somebody else has read. */
function directoryWith(children: readonly Partial<CachedChild>[]): RememberedDirectory {
  const row = new ByteWriter().text('before').bytes(none).bytes(Buffer.alloc(32, 7));
  row.varint(children.length);
  for (const { name = none, status = none, entry = none, ids = none } of children) {
    row.bytes(name).bytes(status).bytes(entry).bytes(ids);
  }
  const bytes = row.take();
  const reader = new ByteReader(bytes);
  reader.bytes();
  return new RememberedDirectory(bytes, reader);
}

describe('a remembered child', () => {
  test('stands where its name sorts', () => {
    const order = (left: string, right: string): number =>
      Math.sign(child(none, Buffer.from(left)).compareName(Buffer.from(right)));
    const names = ['', 'a', 'a\0', 'ab', 'b', '\u0080', '\u00ff', '\u00ff\u00ff'];
    for (const left of names) {
      for (const right of names) {
        const expected = Buffer.compare(Buffer.from(left), Buffer.from(right));
        assert.equal(order(left, right), expected, `"${left}", "${right}"`);
      }
    }
  });

  test('knows all of its ids, or not', () => {
    const ids = Buffer.concat([1, 2, 3].map((id) => Buffer.alloc(32, id)));
    const all = child(none, Buffer.from('name'), ids);
    const asked: number[] = [];
    assert.ok(all.hasOnlyIds((row, at) => asked.push(row[at + 31]!) > 0));
    assert.deepEqual(asked, [1, 2, 3]);
    assert.ok(!all.hasOnlyIds((row, at) => row[at] !== 3));
    assert.ok(
      child(none, none).hasOnlyIds(() => false),
      'without ids',
    );
  });

  test('is unchanged if its status is the same, and never without one', () => {
    const status = Buffer.alloc(statusSize, 3);
    assert.ok(child(status, none).isUnchanged(Buffer.from(status)));
    assert.ok(!child(status, none).isUnchanged(Buffer.alloc(statusSize, 4)));
    assert.ok(!child(none, none).isUnchanged(none));
  });
});

describe('a remembered directory', () => {
  test('knows all ids of its children, or not', () => {
    const ids = (...of: number[]): Buffer => Buffer.concat(of.map((id) => Buffer.alloc(32, id)));
    const directory = directoryWith([
      { name: Buffer.from('a'), ids: ids(1, 2) },
      { name: Buffer.from('b') },
      { name: Buffer.from('c'), status: Buffer.alloc(statusSize), ids: ids(3) },
    ]);
    const asked: number[] = [];
    assert.ok(directory.hasOnlyIds((row, at) => asked.push(row[at + 31]!) > 0));
    assert.deepEqual(asked, [1, 2, 3]);
    for (const lost of asked) assert.ok(!directory.hasOnlyIds((row, at) => row[at] !== lost));
    assert.ok(
      directoryWith([]).hasOnlyIds(() => false),
      'without children',
    );
  });

  test('says of each name whether it is the next, and as it was', () => {
    using scratch = scratchDirectory();
    const late = 2 ** 40;
    const names = ['a', 'ab', 'c'].map((name) => Buffer.from(name));
    const shown = names.map((name) => {
      writeFileSync(scratch.of(name.toString()), name);
      const status = new FileStatus();
      assert.equal(status.readAt(AT_FDCWD, Buffer.from(scratch.of(name.toString()))), 0);
      return status;
    });
    const directory = directoryWith(
      names.map((name, index) => ({
        name,
        status: statusShown(shown[index]!),
        entry: Buffer.alloc(index * 100),
        ids: Buffer.alloc(index * 32),
      })),
    );
    const all = directory.comparison(late);
    assert.deepEqual(
      names.map((name, index) => all(name, shown[index]!)),
      [true, true, true],
    );
    assert.ok(!all(names[2]!, shown[2]!), 'there are no more');

    assert.ok(!directory.comparison(late)(names[1]!, shown[1]!), 'one is missing');
    assert.ok(!directory.comparison(late)(Buffer.from('aa'), shown[0]!), 'a longer name');
    assert.ok(!directory.comparison(late)(Buffer.from('b'), shown[0]!), 'another name');
    assert.ok(!directory.comparison(late)(names[0]!, shown[1]!), 'another status');
    assert.ok(!directory.comparison(0)(names[0]!, shown[0]!), 'changed too shortly before');
    const unsure = directoryWith([{ name: names[0]! }]);
    assert.ok(!unsure.comparison(late)(names[0]!, shown[0]!), 'nothing is remembered');
  });
});

/** What would be kept of a status. */
function statusShown(shown: FileStatus): Uint8Array {
  return statusOf(
    {
      name: none,
      type: 'file',
      mode: 0,
      uid: 0,
      gid: 0,
      user: undefined,
      group: undefined,
      mtime: { seconds: shown.mtimeSeconds, nanoseconds: shown.mtimeNanoseconds },
      size: shown.size,
      links: shown.links,
      linkTarget: undefined,
      deviceMajor: 0,
      deviceMinor: 0,
      xattrs: [],
      fileFlags: 0,
      ctime: { seconds: shown.ctimeSeconds, nanoseconds: shown.ctimeNanoseconds },
      inode: shown.inode,
      device: shown.device,
      blocks: 0,
    },
    2 ** 40,
  );
}
