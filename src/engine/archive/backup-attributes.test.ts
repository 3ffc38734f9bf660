import assert from 'node:assert/strict';
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { test } from 'node:test';

import { backUpScratch, openScratchArchive } from '#test/support/archive-backup.ts';
import { setsAt } from '#test/support/duplicity-fixture.ts';
import { scratchDirectory, type ScratchDirectory } from '#test/support/scratch-directory.ts';
import { shownAttributes } from '#test/support/shown-attributes.ts';
import { unreadableAttributes } from '#test/support/unreadable-attributes.ts';
import { type Clock, systemClock } from '../../base/clock.ts';
import { setExtendedAttribute } from '../../base/posix/extended-attributes.ts';
import { ArchiveReader } from '../../repository/duplicity/reader/archive-reader.ts';

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

/** The attributes that the archive has of some names. */
async function storedAttributes(
  scratch: ScratchDirectory,
  names: readonly string[],
): Promise<Record<string, string>> {
  await using archive = await openScratchArchive(scratch);
  const found: Record<string, string> = {};
  const options = { onProblem: ({ error }: { error: Error }) => assert.fail(error) };
  for await (const { entry } of new ArchiveReader(archive).entries(
    await setsAt(archive),
    options,
  )) {
    const name = Buffer.from(entry.name).toString();
    if (names.includes(name)) found[name] = shownAttributes(entry);
  }
  return found;
}

for (const how of ['at first', 'later', 'later, and links are followed'] as const) {
  test(`attributes that cannot be read are a problem of every run until they can, and are stored then: ${how}`, async () => {
    using scratch = scratchDirectory();
    const names = ['directory', 'empty', 'file', 'linked'];
    const mark = (attribute: string): void => {
      for (const name of names) {
        const path = Buffer.from(scratch.of('source', name));
        setExtendedAttribute(path, Buffer.from(attribute), Buffer.from('yes'));
      }
    };
    mkdirSync(scratch.of('source', 'directory'), { recursive: true });
    writeFileSync(scratch.of('source', 'empty'), '');
    for (const name of ['file', 'linked']) writeFileSync(scratch.of('source', name), name);
    linkSync(scratch.of('source', 'linked'), scratch.of('source', 'name'));
    mark('user.important');
    let run = 0;
    const backUpNow = async (): Promise<number> => {
      const { statistics } = await backUpScratch(scratch, {
        clock: laterBy(++run * 10_000),
        walk: { followLinks: how.endsWith('followed') },
      });
      return statistics.errors;
    };
    if (how !== 'at first') {
      assert.equal(await backUpNow(), 0);
      mark('user.other');
    }
    {
      using _unreadable = unreadableAttributes([...names, 'name']);
      for (let time = 0; time < 3; time++) assert.equal(await backUpNow(), names.length + 1);
    }
    const whole = how === 'at first' ? 'user.important=yes' : 'user.important=yes user.other=yes';
    for (let time = 0; time < 2; time++) {
      assert.equal(await backUpNow(), 0);
      const expected = Object.fromEntries(names.map((name) => [name, whole]));
      assert.deepEqual(await storedAttributes(scratch, names), expected);
    }
  });
}
