import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { compareBytes, utf8 } from '../../base/bytes.ts';
import { AppError } from '../../base/errors.ts';
import type { TarEntry } from '../../codec/tar/tar-entry.ts';
import {
  applyRecords,
  headerTimeOf,
  inodeRecord,
  isSameInode,
  isStoredSize,
  recordsOf,
} from './extra-records.ts';

const empty = new Uint8Array(0);

function tarEntry(facts: Partial<TarEntry>): TarEntry {
  return {
    name: utf8('snapshot/a/b'),
    type: 'file',
    mode: 0o640,
    uid: 1,
    gid: 2,
    user: 'one',
    group: undefined,
    mtime: 0,
    size: 7,
    linkName: empty,
    deviceMajor: 0,
    deviceMinor: 0,
    records: new Map(),
    ...facts,
  };
}

describe('extra records', () => {
  it('are none where duplicity can hold all', () => {
    const records = recordsOf({ mtime: { seconds: 5, nanoseconds: 0 }, xattrs: [], fileFlags: 0 });
    assert.equal(records.size, 0);
  });

  it('bring back what went in', () => {
    const time = fc.record(
      {
        seconds: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
        nanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
      },
      { noNullPrototype: true },
    );
    const name = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 20 }).filter((bytes) => !bytes.includes(0)),
      fc.constantFrom('user.a=b', 'user.é', 'system.posix_acl_access').map(utf8),
    );
    const attributes = fc
      .uniqueArray(fc.record({ name, value: fc.uint8Array() }), {
        selector: (one) => Buffer.from(one.name).toString('hex'),
      })
      .map((all) => all.toSorted((left, right) => compareBytes(left.name, right.name)));
    fc.assert(
      fc.property(
        time,
        attributes,
        fc.integer({ min: 0, max: 0xffff_ffff }),
        fc.option(fc.uint8Array({ minLength: 1 }), { nil: undefined }),
        fc.option(fc.maxSafeNat(), { nil: undefined }),
        (mtime, xattrs, fileFlags, link, size) => {
          const records = recordsOf({ mtime, xattrs, fileFlags }, { link, size });
          for (const key of records.keys()) assert.ok(!key.includes('='), key);
          const tar = tarEntry({ mtime: headerTimeOf(mtime), records });
          const { entry, linkGroup, fileSize, badRecords } = applyRecords(tar, utf8('a/b'));
          assert.deepEqual(entry.mtime, mtime);
          assert.deepEqual(
            entry.xattrs.map((one) => [Buffer.from(one.name), Buffer.from(one.value)]),
            xattrs.map((one) => [Buffer.from(one.name), Buffer.from(one.value)]),
          );
          assert.equal(entry.fileFlags, fileFlags);
          assert.deepEqual(linkGroup, link);
          assert.equal(fileSize, size);
          assert.deepEqual(badRecords, []);
        },
      ),
    );
  });

  it('take the rest from the header', () => {
    const { entry, linkGroup } = applyRecords(tarEntry({ mtime: 12 }), utf8('a/b'));
    assert.equal(Buffer.from(entry.name).toString(), 'b');
    assert.equal(entry.mode, 0o640);
    assert.equal(entry.user, 'one');
    assert.equal(entry.size, 7);
    assert.deepEqual(entry.mtime, { seconds: 12, nanoseconds: 0 });
    assert.equal(linkGroup, undefined);
    const link = applyRecords(tarEntry({ type: 'symlink', linkName: utf8('x'), size: 0 }), empty);
    assert.deepEqual(link.entry.linkTarget, utf8('x'));
    assert.equal(link.entry.name.length, 0);
  });

  it('are passed over, and named, where they make no sense', () => {
    const records = new Map([
      ['HOLDFAST.mtime', utf8('13.000000001')],
      ['HOLDFAST.flags', utf8('0x10')],
      ['HOLDFAST.size', utf8('99999999999999999')],
      ['HOLDFAST.link', empty],
      ['SCHILY.xattr.', utf8('value')],
      ['other', utf8('of somebody else')],
    ]);
    const { entry, badRecords } = applyRecords(tarEntry({ mtime: 12, records }), utf8('a'));
    assert.deepEqual(entry.mtime, { seconds: 12, nanoseconds: 0 });
    assert.equal(entry.fileFlags, 0);
    assert.deepEqual(entry.xattrs, []);
    assert.deepEqual(badRecords.toSorted(), [
      'HOLDFAST.flags',
      'HOLDFAST.link',
      'HOLDFAST.mtime',
      'HOLDFAST.size',
      'SCHILY.xattr.',
    ]);
  });

  it('refuses types that such an archive cannot have', () => {
    for (const type of ['hard-link', 'unknown'] as const) {
      assert.throws(
        () => applyRecords(tarEntry({ type }), utf8('a')),
        (error) => error instanceof AppError && error.code === 'repository/damaged',
      );
    }
  });

  it('tell an inode by all that is known of it', () => {
    const facts = { inode: 7n, device: 5, ctime: { seconds: 1000, nanoseconds: 12 } };
    const [key, text] = inodeRecord(facts);
    const stored = (value: Uint8Array): TarEntry => tarEntry({ records: new Map([[key, value]]) });
    assert.ok(isSameInode(stored(text), facts));
    assert.ok(!isSameInode(tarEntry({}), facts));
    for (const other of [
      { ...facts, inode: 8n },
      { ...facts, device: 6 },
      { ...facts, ctime: { seconds: 1001, nanoseconds: 12 } },
      { ...facts, ctime: { seconds: 1000, nanoseconds: 13 } },
    ]) {
      assert.ok(!isSameInode(stored(text), other));
    }
    const user = process.geteuid?.() ?? 0;
    const asText = `5 7 1000.12 ${user}`;
    assert.equal(Buffer.from(text).toString(), asText);
    for (const made of [
      `${asText} 0`,
      `5 7 1000.12 ${user + 1}`,
      '5 7 1000.12',
      `x${asText}`,
      '',
    ]) {
      assert.ok(!isSameInode(stored(utf8(made)), facts), made);
    }
  });

  it('tell the size of a file', () => {
    const stored = tarEntry({ records: new Map([['HOLDFAST.size', utf8('120')]]) });
    assert.deepEqual(
      [120, 12, 0].map((size) => isStoredSize(stored, size)),
      [true, false, false],
    );
    assert.ok(isStoredSize(tarEntry({}), 120));
  });
});
