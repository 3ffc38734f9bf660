import assert from 'node:assert/strict';
import { linkSync, lstatSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import {
  describeTree,
  openArchive,
  plainProtection,
  setsAt,
  symmetricProtection,
  plainRestore,
} from '#test/support/duplicity-fixture.ts';
import { operation } from '#test/support/operation.ts';
import { scratchDirectory } from '#test/support/scratch-directory.ts';
import { systemClock } from '../../base/clock.ts';
import type { DuplicityArchive } from '../../repository/duplicity/duplicity-archive.ts';
import { ArchiveReader } from '../../repository/duplicity/reader/archive-reader.ts';
import { MemoryStorage } from '../../storage/drivers/memory/memory.ts';
import { backupArchive } from './backup-archive.ts';
import { restoreArchive } from './restore-archive.ts';

async function backUp(archive: DuplicityArchive, root: string, time: number): Promise<void> {
  const context = operation(systemClock);
  await backupArchive(
    archive,
    {
      paths: [root],
      tree: { select: () => 'include' },
      walk: {},
      kind: 'auto',
      hostName: 'here',
      time,
    },
    context,
  );
  assert.deepEqual(
    context.events.filter(({ type }) => type === 'problem'),
    [],
  );
}

describe('what was backed up here', () => {
  for (const protection of [plainProtection, symmetricProtection('pass')]) {
    it(`comes back with all that duplicity cannot hold, ${protection.kind}`, async () => {
      using scratch = scratchDirectory();
      const source = scratch.of('source');
      const of = (name: string): string => scratch.of('source', name);
      mkdirSync(of('d'), { recursive: true });
      writeFileSync(of('a'), 'linked');
      linkSync(of('a'), of('d/b'));
      linkSync(of('a'), of('z'));
      writeFileSync(of('big'), Buffer.alloc(200_000, 'big '));
      symlinkSync('a', of('link'));
      for (const name of ['a', 'big']) utimesSync(of(name), 1_690_000_000.5, 1_690_000_000.25);
      utimesSync(of('d'), new Date(-5500), new Date(-5500));
      const storage = new MemoryStorage();
      await using archive = await openArchive(storage, protection);
      await backUp(archive, source, 1_700_000_000);
      const first = describeTree(source);
      writeFileSync(of('big'), Buffer.alloc(210_000, 'big '));
      writeFileSync(of('a'), 'linked and changed');
      utimesSync(of('a'), 1_690_000_001.5, 1_690_000_001.75);
      await backUp(archive, source, 1_700_086_400);
      for (const [at, expected] of [first, describeTree(source)].entries()) {
        const target = scratch.of(`target-${at}`);
        const sets = await setsAt(archive, 1_700_000_000 + at * 86_400);
        const stats = (name: string) => lstatSync(`${target}/${name}`, { bigint: true });
        // The second time over the first, which is as it should be.
        for (const force of [false, true]) {
          const context = operation(systemClock);
          const { summary } = await restoreArchive(
            {
              ...plainRestore,
              archive,
              sets,
              target,
              force,
              policy: 'if-changed',
            },
            context,
          );
          assert.equal(summary.errors, 0);
          assert.deepEqual(describeTree(target), expected);
          assert.equal(stats('d/b').ino, stats('a').ino);
          assert.equal(stats('z').ino, stats('a').ino);
        }
        assert.equal(
          stats('a').mtimeNs,
          at === 0 ? 1_690_000_000_250_000_000n : 1_690_000_001_750_000_000n,
        );
        if (at === 0) assert.equal(stats('d').mtimeNs, -5_500_000_000n);
        const sizes = new Map<string, number | undefined>();
        for await (const { path, size } of new ArchiveReader(archive).list(sets, {
          onProblem: ({ error }) => assert.fail(error),
        })) {
          sizes.set(Buffer.from(path).toString(), size);
        }
        assert.equal(sizes.get('big'), at === 0 ? 200_000 : 210_000);
      }
    });
  }
});
