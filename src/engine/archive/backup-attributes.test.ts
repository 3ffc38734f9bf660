import assert from 'node:assert/strict';
import {
  copyFileSync,
  mkdirSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { test } from 'node:test';

import { backUpScratch } from '#test/support/archive-backup.ts';
import { scratchDirectory } from '#test/support/scratch-directory.ts';
import { type Clock, systemClock } from '../../base/clock.ts';
import { setExtendedAttribute } from '../../base/posix/extended-attributes.ts';

/** What was made a moment ago has been left alone for long, as it seems. */
function laterBy(milliseconds: number): Clock {
  return {
    now: () => systemClock.now() + milliseconds,
    monotonic: () => systemClock.monotonic(),
    sleep: (...given) => systemClock.sleep(...given),
  };
}

test('attributes that change are noticed, though those of an inode that is the same are not read', async () => {
  using scratch = scratchDirectory();
  mkdirSync(scratch.of('source', 'd'), { recursive: true });
  const mark = (name: string, value: string): void =>
    setExtendedAttribute(
      Buffer.from(scratch.of('source', name)),
      Buffer.from('user.mark'),
      Buffer.from(value),
    );
  for (const name of ['changed', 'd/gained', 'replaced', 'same']) {
    writeFileSync(scratch.of('source', name), 'content');
  }
  symlinkSync('same', scratch.of('source', 'link'));
  for (const name of ['changed', 'same', 'd']) mark(name, 'one');
  const replaced = scratch.of('source', 'replaced');
  const settle = (): void => {
    for (const name of [replaced, scratch.of('source')]) utimesSync(name, 1000, 1000);
  };
  settle();
  await backUpScratch(scratch, { clock: laterBy(10_000) });

  mark('changed', 'two');
  mark('d/gained', 'one');
  copyFileSync(replaced, scratch.of('new'));
  renameSync(scratch.of('new'), replaced);
  mark('replaced', 'one');
  settle();
  const { set, statistics } = await backUpScratch(scratch, { clock: laterBy(20_000) });
  assert.equal(set.set, 'incremental');
  assert.deepEqual([statistics.changedFiles, statistics.deltaEntries], [3, 3]);
  const again = await backUpScratch(scratch, { clock: laterBy(30_000) });
  assert.equal(again.statistics.deltaEntries, 0);
});
