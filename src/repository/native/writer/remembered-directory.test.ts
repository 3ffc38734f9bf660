import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { scratchDirectory } from '#test/support/scratch-directory.ts';

import { mixNameHash, nameHashStart } from '../../../base/name-sum.ts';
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

  test('says each name, and whether it is as it was', () => {
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
    const room = new Uint8Array(100);
    const nameIn = (length: number): string => Buffer.from(room.subarray(0, length)).toString();
    const all = directory.comparison(late);
    let sum = 0;
    for (const [index, name] of names.entries()) {
      room.fill(0xff);
      assert.equal(nameIn(all.next(room)), name.toString());
      assert.equal(room[name.length], 0);
      sum = (sum + name.reduce(mixNameHash, nameHashStart)) | 0;
      assert.equal(all.sum, sum);
      assert.ok(all.isAsBefore(shown[index]!), name.toString());
    }
    assert.equal(all.next(room), -1, 'there are no more');

    /** Whether the first name is as it was. */
    const firstIs = (status: FileStatus, quietSince: number, some = directory): boolean => {
      const comparison = some.comparison(quietSince);
      assert.equal(comparison.next(room), 1);
      return comparison.isAsBefore(status);
    };
    assert.ok(firstIs(shown[0]!, late));
    assert.ok(!firstIs(shown[1]!, late), 'another status');
    assert.ok(!firstIs(shown[0]!, 0), 'changed too shortly before');
    assert.ok(!firstIs(shown[0]!, late, directoryWith([{ name: names[0]! }])), 'none is kept');
    assert.equal(directory.comparison(late).next(new Uint8Array(1)), -1, 'too long');
    assert.equal(directory.comparison(late).next(new Uint8Array(2)), 1, 'just fits');
    for (const name of ['a/b', '/', 'a\0b']) {
      const strange = directoryWith([{ name: Buffer.from(name) }]);
      assert.equal(strange.comparison(late).next(room), -1, `no name: ${JSON.stringify(name)}`);
    }
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
