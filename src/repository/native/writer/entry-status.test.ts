import assert from 'node:assert/strict';

import { linkSync, lstatSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { scratchDirectory } from '#test/support/scratch-directory.ts';
import { plainEntry } from '#test/support/sample-entry.ts';

import { toHex } from '../../../base/bytes.ts';
import { FileStatus } from '../../../base/posix/file-status.ts';
import { AT_FDCWD, S_IFIFO } from '../../../base/posix/linux-constants.ts';
import { makeNodeAt } from '../../../base/posix/at-calls.ts';
import { entryTypeOf, type SourceEntry } from '../../../model/entry.ts';
import { fieldsOfStatus, isStatusOf, statusOf } from './entry-status.ts';

const entry: SourceEntry = {
  ...plainEntry,
  name: Buffer.from('name'),
  uid: 1,
  gid: 2,
  mtime: { seconds: 1000, nanoseconds: 5 },
  size: 77,
  ctime: { seconds: 1001, nanoseconds: 6 },
  inode: 2n ** 63n + 9n,
  device: 2049,
  blocks: 8,
};

describe('status of a source entry', () => {
  const quiet = 5000;
  const status = statusOf(entry, quiet);

  test('the same entry is unchanged', () => {
    assert.deepEqual(statusOf({ ...entry }, quiet), status);
  });

  const changes: Readonly<Record<string, Partial<SourceEntry>>> = {
    'size, with the same times': { size: 78 },
    'inode, with the same size and times': { inode: entry.inode + 1n },
    'the upper half of the inode': { inode: 9n },
    'change time alone': { ctime: { seconds: 1001, nanoseconds: 7 } },
    'seconds of the change time': { ctime: { seconds: 1002, nanoseconds: 6 } },
    'modification time, set back': { mtime: { seconds: -1000, nanoseconds: 5 } },
    nanoseconds: { mtime: { seconds: 1000, nanoseconds: 6 } },
    device: { device: 2050 },
    'number of names': { links: 2 },
    type: { type: 'symlink' },
  };
  for (const [what, change] of Object.entries(changes)) {
    test(`another ${what} is a change`, () => {
      assert.notDeepEqual(statusOf({ ...entry, ...change }, quiet), status);
    });
  }

  test('every type of entry has a status of its own', () => {
    const types = [
      'file',
      'directory',
      'symlink',
      'fifo',
      'socket',
      'character-device',
      'block-device',
    ] as const;
    const all = types.map((type) => toHex(statusOf({ ...entry, type }, quiet)));
    assert.equal(new Set(all).size, types.length);
  });

  test('what changed shortly before the run is never called unchanged', () => {
    for (const late of [
      { ctime: { seconds: quiet, nanoseconds: 0 } },
      { mtime: { seconds: quiet + 10 ** 9, nanoseconds: 0 } },
    ]) {
      const fresh = statusOf({ ...entry, ...late }, quiet);
      assert.equal(fresh.length, 0);
    }
  });

  test('times of any file system have a status', () => {
    for (const seconds of [-(2 ** 31), -(2 ** 40), Number.MIN_SAFE_INTEGER, 0]) {
      assert.ok(statusOf({ ...entry, mtime: { seconds, nanoseconds: 0 } }, quiet).length > 0);
    }
  });

  test('has all fields that an entry needs besides what is in its tree', () => {
    const { size, links, mtime, ctime, inode, device } = entry;
    for (const seconds of [-(2 ** 40), -1, 0, 2 ** 40]) {
      const times = { mtime: { ...mtime, seconds }, ctime: { ...ctime, seconds: seconds - 1 } };
      assert.deepEqual(fieldsOfStatus(statusOf({ ...entry, ...times }, 2 ** 41)), {
        size,
        links,
        inode,
        device,
        ...times,
      });
    }
  });
});

/** An entry as Node shows it, by a way of its own. */
function entryAt(path: string): SourceEntry {
  const stats = lstatSync(path, { bigint: true });
  const timeOf = (nanoseconds: bigint): SourceEntry['mtime'] => {
    const rest = ((nanoseconds % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
    return { seconds: Number((nanoseconds - rest) / 1_000_000_000n), nanoseconds: Number(rest) };
  };
  const type = entryTypeOf(Number(stats.mode))!;
  return {
    ...entry,
    type,
    mtime: timeOf(stats.mtimeNs),
    ctime: timeOf(stats.ctimeNs),
    size: type === 'file' ? Number(stats.size) : 0,
    links: type === 'directory' ? 1 : Number(stats.nlink),
    inode: stats.ino,
    device: Number(stats.dev),
  };
}

describe('status of what the system shows', () => {
  const late = 2 ** 40;

  test('is that of the entry, for every type', () => {
    using scratch = scratchDirectory();
    writeFileSync(scratch.of('file'), 'some bytes');
    linkSync(scratch.of('file'), scratch.of('second'));
    writeFileSync(scratch.of('old'), '');
    utimesSync(scratch.of('old'), -5000.5, -5000.5);
    mkdirSync(scratch.of('directory'));
    mkdirSync(scratch.of('directory/below'));
    symlinkSync('file', scratch.of('link'));
    makeNodeAt(AT_FDCWD, Buffer.from(scratch.of('fifo')), S_IFIFO | 0o600, 0);
    const names = ['file', 'second', 'old', 'directory', 'link', 'fifo'];
    const shown = new FileStatus();
    for (const name of names) {
      assert.equal(shown.readAt(AT_FDCWD, Buffer.from(scratch.of(name))), 0);
      for (const other of names) {
        const kept = Buffer.concat([
          Buffer.of(1, 2, 3),
          statusOf(entryAt(scratch.of(other)), late),
        ]);
        const same = other === name || (name === 'file' && other === 'second');
        assert.equal(
          isStatusOf(kept, 3, shown, late),
          same || (name === 'second' && other === 'file'),
          `${name}, ${other}`,
        );
      }
    }
  });

  test('is nothing to be relied on if it changed shortly before the run', () => {
    using scratch = scratchDirectory();
    writeFileSync(scratch.of('file'), '');
    const found = entryAt(scratch.of('file'));
    const kept = statusOf(found, late);
    const shown = new FileStatus();
    assert.equal(shown.readAt(AT_FDCWD, Buffer.from(scratch.of('file'))), 0);
    assert.ok(isStatusOf(kept, 0, shown, found.ctime.seconds + 1));
    assert.ok(!isStatusOf(kept, 0, shown, found.ctime.seconds));
    utimesSync(scratch.of('file'), found.ctime.seconds + 1000, found.ctime.seconds + 1000);
    const ahead = statusOf(entryAt(scratch.of('file')), late);
    assert.equal(shown.readAt(AT_FDCWD, Buffer.from(scratch.of('file'))), 0);
    assert.ok(isStatusOf(ahead, 0, shown, late));
    assert.ok(!isStatusOf(ahead, 0, shown, found.ctime.seconds + 1000));
  });
});
