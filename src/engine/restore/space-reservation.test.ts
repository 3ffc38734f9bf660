import assert from 'node:assert/strict';
import { closeSync, openSync, rmSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { test } from 'node:test';

import { scratchDirectory } from '#test/support/scratch-directory.ts';
import { noise, restoreNewest, snapshotOf } from '#test/support/small-restore.ts';
import { compareTrees } from '#test/support/tree-comparer.ts';

import { mayCompress } from '../../base/posix/file-system.ts';
import { libc } from '../../base/posix/libc.ts';

import { SpaceReservation } from './space-reservation.ts';

const mebibyte = 1024 ** 2;

test('neighbours are reserved together, holes are not, and a long stretch not only at its end', () => {
  const reserved: [offset: number, length: number][] = [];
  const space = new SpaceReservation((offset, length) => reserved.push([offset, length]));
  space.add(0, 5);
  space.add(5, 6);
  space.add(20, 1);
  space.add(21, 64 * mebibyte);
  space.add(21 + 64 * mebibyte, 7);
  assert.deepEqual(reserved, [
    [0, 11],
    [20, 64 * mebibyte + 1],
  ]);
  space.end();
  space.end();
  assert.deepEqual(reserved.slice(2), [[21 + 64 * mebibyte, 7]]);
});

test('a new file gets the space of all its parts, where the file system can, and an old one what it has', async (context) => {
  using scratch = scratchDirectory();
  const { storage, source, target } = await snapshotOf(scratch.path, (at) => {
    const fd = openSync(`${at}/parts`, 'w');
    writeSync(fd, noise(4 * mebibyte));
    writeSync(fd, noise(3 * mebibyte), 0, 3 * mebibyte, 9 * mebibyte);
    closeSync(fd);
  });
  const fd = openSync(scratch.path, 'r');
  const isCompressed = mayCompress(fd);
  closeSync(fd);
  if (isCompressed) return context.skip('space is not reserved where it may be compressed');
  const system = libc();
  const { fallocate } = system;
  const reserved: [offset: number, length: number][] = [];
  const restore = async (isPossible: boolean): Promise<typeof reserved> => {
    system.fallocate = (file, mode, offset, length) => {
      reserved.push([offset, length]);
      return isPossible ? fallocate(file, mode, offset, length) : -1;
    };
    try {
      await restoreNewest(storage, scratch.path, { policy: 'if-changed' });
    } finally {
      system.fallocate = fallocate;
    }
    assert.deepEqual(compareTrees(source, target), []);
    return reserved.splice(0);
  };
  const expected = [
    [0, 4 * mebibyte],
    [9 * mebibyte, 3 * mebibyte],
  ];
  assert.deepEqual(await restore(false), expected);
  rmSync(target, { recursive: true });
  assert.deepEqual(await restore(true), expected);
  // Other content of the same shape: only the hole is made again.
  writeFileSync(`${target}/parts`, noise(4096), { flag: 'r+' });
  utimesSync(`${target}/parts`, 5000, 5000);
  assert.deepEqual(await restore(true), [[4 * mebibyte, 5 * mebibyte]]);
});
