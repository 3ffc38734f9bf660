import assert from 'node:assert/strict';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { describe, it } from 'node:test';

import {
  expectedEntries,
  fixtureStorage,
  openArchive,
  setsAt,
  plainRestore,
} from '#test/support/duplicity-fixture.ts';
import { putHandmadeSet, rootEntry } from '#test/support/handmade-archive.ts';
import { operation } from '#test/support/operation.ts';
import { openHandles, scratchDirectory } from '#test/support/scratch-directory.ts';
import { utf8 } from '../../base/bytes.ts';
import { systemClock } from '../../base/clock.ts';
import { hasCode } from '../../base/errors.ts';
import { MemoryStorage } from '../../storage/drivers/memory/memory.ts';
import type { Storage } from '../../storage/storage.ts';
import { planSources } from '../../source/filesystem/source-plan.ts';
import { restoreArchive } from './restore-archive.ts';
import { SourceItems } from './source-items.ts';
import { differenceText } from './tree-difference.ts';
import { type ArchiveVerified, verifyArchive, type VerifyArchiveInput } from './verify-archive.ts';

function itemsOf(root: string): SourceItems {
  return new SourceItems(
    planSources([root]),
    { select: () => 'include' },
    { oneFileSystem: false, excludeIfPresent: [], excludeCaches: false, excludeNoDump: false },
    {
      onProblem: (_path, error) => assert.fail(error),
      onLink: (_path, error) => assert.fail(error),
      onSocket: () => undefined,
    },
  );
}

async function restoreTo(storage: Storage, target: string): Promise<void> {
  await using archive = await openArchive(storage);
  await restoreArchive(
    {
      archive,
      sets: await setsAt(archive),
      target,
      ...plainRestore,
    },
    operation(systemClock),
  );
}

interface Verified extends ArchiveVerified {
  readonly lines: readonly string[];
  readonly problems: readonly string[];
}

async function verifyWith(
  storage: Storage,
  root: string | undefined,
  more: Partial<VerifyArchiveInput> = {},
): Promise<Verified> {
  await using archive = await openArchive(storage);
  const context = operation(systemClock);
  const lines: string[] = [];
  const verified = await verifyArchive(
    {
      archive,
      sets: await setsAt(archive),
      items: root === undefined ? undefined : itemsOf(root),
      compare: 'contents',
      owners: 'numbers',
      ignoreErrors: false,
      onDifference: (path, difference) => {
        const name = path.length === 0 ? '.' : Buffer.from(path).toString();
        lines.push(differenceText(difference, name, (seconds) => `time ${seconds}`));
      },
      ...more,
    },
    context,
  );
  const problems = context.events.flatMap((event) =>
    event.type === 'problem' ? [event.error.message] : [],
  );
  return { ...verified, lines, problems };
}

describe('verifying an archive', () => {
  it('finds nothing in the tree that was restored', async () => {
    using scratch = scratchDirectory();
    const handles = openHandles();
    await restoreTo(await fixtureStorage('unencrypted'), scratch.of('target'));
    const verified = await verifyWith(await fixtureStorage('unencrypted'), scratch.of('target'));
    assert.deepEqual(verified.lines, []);
    assert.deepEqual(verified.problems, []);
    assert.equal(verified.differences, 0);
    assert.equal(verified.compared, expectedEntries('source', 2).length);
    assert.ok(verified.bytes > 0);
    assert.equal(openHandles(), handles);
  });

  it('finds what duplicity finds, and says it in its words', async () => {
    using scratch = scratchDirectory();
    const root = scratch.of('target');
    const of = (name: string): string => scratch.of('target', name);
    const storage = new MemoryStorage();
    await putHandmadeSet(storage, {
      end: 1_700_000_000,
      volumes: [
        [
          rootEntry,
          { name: 'snapshot/data.txt', content: 'd' },
          { name: 'snapshot/dev', type: 'character-device', deviceMajor: 1, deviceMinor: 3 },
          { name: 'snapshot/dperm/', type: 'directory', mode: 0o755 },
          { name: 'snapshot/fifo', type: 'fifo' },
          { name: 'snapshot/gone/', type: 'directory' },
          { name: 'snapshot/gone/g', content: 'g' },
          { name: 'snapshot/grown', content: 'g' },
          { name: 'snapshot/owner', content: '', uid: 1, gid: 1 },
          { name: 'snapshot/perm.txt', content: 'p' },
          { name: 'snapshot/plain.txt', content: 'p' },
          { name: 'snapshot/shrunk', content: 'shrunk' },
          { name: 'snapshot/sym', type: 'symlink', link: 'x' },
          { name: 'snapshot/type', content: 't' },
        ],
      ],
    });
    await restoreTo(storage, root);
    const keepingTime = (name: string, call: () => void): void => {
      const { atime, mtime } = lstatSync(of(name));
      call();
      utimesSync(of(name), atime, mtime);
    };
    const rootTime = lstatSync(root).mtime;
    keepingTime('data.txt', () => writeFileSync(of('data.txt'), 'e'));
    keepingTime('grown', () => writeFileSync(of('grown'), 'gg'));
    keepingTime('shrunk', () => writeFileSync(of('shrunk'), 'shr'));
    chmodSync(of('dperm'), 0o700);
    unlinkSync(of('fifo'));
    writeFileSync(of('fifo'), '');
    rmSync(of('gone'), { recursive: true });
    writeFileSync(of('new'), '');
    chmodSync(of('perm.txt'), 0o4600);
    utimesSync(of('plain.txt'), 5, 5);
    unlinkSync(of('sym'));
    symlinkSync("y'", of('sym'));
    unlinkSync(of('type'));
    mkdirSync(of('type'));
    utimesSync(root, rootTime, rootTime);
    const expected = [
      'Data for file data.txt is different',
      'File dperm has permissions 0:0 700, expected 0:0 755',
      'File fifo has type reg, expected fifo',
      'File gone is missing',
      'File gone/g is missing',
      'Data for file grown is different',
      'New file new',
      'File perm.txt has permissions 0:0 4600, expected 0:0 644',
      'File plain.txt has mtime time 5, expected time 1690000000',
      'Data for file shrunk is different',
      `Symlink sym points to b"y'", expected b'x'`,
      'File type has type dir, expected reg',
    ].map((line) => `Difference found: ${line}`);
    const verified = await verifyWith(storage, root);
    assert.deepEqual(verified.lines, expected);
    assert.equal(verified.compared, 15);
    assert.equal(verified.differences, expected.length);
    const attributes = await verifyWith(storage, root, { compare: 'attributes' });
    assert.deepEqual(
      attributes.lines,
      expected.filter((line) => !line.includes('Data for')),
    );
    const nothing = await verifyWith(storage, root, { compare: 'nothing' });
    assert.deepEqual([nothing.compared, nothing.lines], [15, []]);
  });

  it('compares a part of the archive', async () => {
    using scratch = scratchDirectory();
    await restoreTo(await fixtureStorage('unencrypted'), scratch.of('target'));
    const { compared, lines } = await verifyWith(
      await fixtureStorage('unencrypted'),
      scratch.of('target', 'sort.d'),
      { path: utf8('sort.d') },
    );
    assert.deepEqual(lines, []);
    assert.equal(
      compared,
      expectedEntries('source', 2).filter(({ path }) => /^sort\.d(?:\/|$)/u.test(path)).length,
    );
    await assert.rejects(
      verifyWith(await fixtureStorage('unencrypted'), undefined, { path: utf8('nope') }),
      (error) => hasCode(error, 'snapshot/missing'),
    );
  });

  it('compares exact times where the archive has them', async () => {
    using scratch = scratchDirectory();
    const storage = new MemoryStorage();
    const records = new Map([['HOLDFAST.mtime', utf8('1690000000.500000000')]]);
    await putHandmadeSet(storage, {
      end: 1_700_000_000,
      volumes: [[rootEntry, { name: 'snapshot/a', content: 'a', records }]],
    });
    await restoreTo(storage, scratch.of('target'));
    assert.deepEqual((await verifyWith(storage, scratch.of('target'))).lines, []);
    utimesSync(scratch.of('target', 'a'), 1_690_000_000, 1_690_000_000.25);
    assert.deepEqual((await verifyWith(storage, scratch.of('target'))).lines, [
      'Difference found: File a has mtime time 1690000000 + 250000000 ns, expected time 1690000000 + 500000000 ns',
    ]);
  });

  it('checks what a file is made from also when nothing is compared', async () => {
    const storage = new MemoryStorage();
    await putHandmadeSet(storage, {
      end: 1_700_000_000,
      volumes: [[rootEntry, { name: 'snapshot/a', content: 'a' }]],
    });
    await putHandmadeSet(storage, {
      start: 1_700_000_000,
      end: 1_700_086_400,
      volumes: [[{ name: 'diff/a', content: 'no delta' }]],
    });
    const verified = await verifyWith(storage, undefined, { compare: 'nothing' });
    assert.equal(verified.errors, 1);
    assert.equal(verified.problems.length, 1);
  });
});
