import assert from 'node:assert/strict';
import { closeSync, existsSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { test } from 'node:test';

import { scratchDirectory } from '#test/support/scratch-directory.ts';
import { noSmallDisk, smallDisk } from '#test/support/small-disk.ts';
import { noise, restoreNewest, snapshotOf } from '#test/support/small-restore.ts';
import { compareTrees } from '#test/support/tree-comparer.ts';

const mebibyte = 1024 ** 2;

test('a disk that is full ends a restore, which goes on when there is room again', async (context) => {
  await using disk = await smallDisk(24 * mebibyte);
  if (disk === undefined) return context.skip(noSmallDisk);
  using scratch = scratchDirectory();
  const { storage, source } = await snapshotOf(scratch.path, (at) => {
    // Written in one go, in parts with a hole in between, and through the page cache.
    for (let number = 0; number < 8; number++) writeFileSync(`${at}/${number}`, noise(mebibyte));
    const parts = openSync(`${at}/parts`, 'w');
    writeSync(parts, noise(4 * mebibyte));
    writeSync(parts, noise(3 * mebibyte), 0, 3 * mebibyte, 9 * mebibyte);
    closeSync(parts);
    for (let number = 0; number < 50; number++) writeFileSync(`${at}/small ${number}`, 'small');
  });
  const filler = `${disk.path}/filler`;
  writeFileSync(filler, Buffer.alloc(14 * mebibyte));
  const target = `${disk.path}/target`;
  await assert.rejects(restoreNewest(storage, scratch.path, { target }), {
    code: 'target/unwritable',
    message: /no space left \(ENOSPC\)/u,
  });
  assert.ok(existsSync(target));
  rmSync(filler);
  const { summary, events } = await restoreNewest(storage, scratch.path, { target });
  assert.equal(summary.errors, 0);
  assert.ok(
    events.some((event) => event.type === 'notice' && event.message.startsWith('Continuing')),
  );
  assert.deepEqual(compareTrees(source, target), []);
});
