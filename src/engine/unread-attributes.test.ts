import assert from 'node:assert/strict';
import { linkSync, mkdirSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { scratchDirectory } from '#test/support/scratch-directory.ts';
import { shownAttributes } from '#test/support/shown-attributes.ts';
import { backUp, machine, openInMemory } from '#test/support/small-repository.ts';
import { unreadableAttributes } from '#test/support/unreadable-attributes.ts';

import { systemClock } from '../base/clock.ts';
import { setExtendedAttribute } from '../base/posix/extended-attributes.ts';
import type { OperationEvent } from '../model/event.ts';
import type { NativeRepository } from '../repository/native/native-repository.ts';
import { BlobReader } from '../repository/native/reader/blob-reader.ts';
import { listSnapshots } from '../repository/native/reader/snapshot-list.ts';
import { walkTree } from '../repository/native/reader/tree-reader.ts';

/** Times are old enough to be trusted. */
const clock = { ...systemClock, now: () => systemClock.now() + 3_600_000 };

const names = ['directory', 'empty', 'file', 'linked'];

/** The attributes of each of `names` as a snapshot has them. */
async function attributesIn(
  { access }: NativeRepository,
  snapshot: string | undefined,
): Promise<Record<string, string>> {
  const { snapshots } = await listSnapshots(access);
  const { root } = snapshots.find(({ final }) => final.id === snapshot)!;
  const found: Record<string, string> = {};
  for await (const { entry } of walkTree(await BlobReader.open(access), root)) {
    const name = Buffer.from(entry.name).toString();
    if (names.includes(name)) found[name] = shownAttributes(entry);
  }
  return found;
}

describe('attributes that cannot be read', () => {
  for (const how of ['at first', 'later'] as const) {
    test(`are a problem of every run until they can, and are stored then: ${how}`, async () => {
      using scratch = scratchDirectory();
      const mark = (attribute: string): void => {
        for (const name of names) {
          const path = Buffer.from(scratch.of('source', name));
          setExtendedAttribute(path, Buffer.from(attribute), Buffer.from('yes'));
        }
      };
      mkdirSync(scratch.of('source', 'directory'), { recursive: true });
      writeFileSync(scratch.of('source', 'directory', 'inner'), 'content');
      writeFileSync(scratch.of('source', 'empty'), '');
      for (const name of ['file', 'linked']) writeFileSync(scratch.of('source', name), name);
      linkSync(scratch.of('source', 'linked'), scratch.of('source', 'directory', 'link'));
      mark('user.important');
      await using repository = await openInMemory(machine(scratch.path, 'laptop', clock));
      const input = { paths: [scratch.of('source')], clock };
      if (how === 'later') {
        assert.equal((await backUp(repository, input)).errors, 0);
        mark('user.other');
      }
      {
        using _unreadable = unreadableAttributes(names);
        for (let run = 0; run < 3; run++) {
          assert.equal((await backUp(repository, input)).errors, names.length);
        }
      }
      const whole = how === 'later' ? 'user.important=yes user.other=yes' : 'user.important=yes';
      for (let run = 0; run < 2; run++) {
        const { snapshot, errors } = await backUp(repository, input);
        assert.equal(errors, 0);
        const expected = Object.fromEntries(names.map((name) => [name, whole]));
        assert.deepEqual(await attributesIn(repository, snapshot), expected);
      }
    });
  }

  test('are told with the reason', async () => {
    using scratch = scratchDirectory();
    mkdirSync(scratch.of('source'));
    writeFileSync(scratch.of('source', 'file'), '');
    setExtendedAttribute(
      Buffer.from(scratch.of('source', 'file')),
      Buffer.from('user.important'),
      Buffer.from('yes'),
    );
    await using repository = await openInMemory(machine(scratch.path, 'laptop', clock));
    using _unreadable = unreadableAttributes(['file']);
    const told: string[] = [];
    const report = (event: OperationEvent): void => {
      if (event.type === 'problem') told.push(event.error.message);
    };
    await backUp(repository, { paths: [scratch.of('source')], clock, report });
    assert.deepEqual(told, ['Cannot read the extended attributes: the device reports an error']);
  });
});
