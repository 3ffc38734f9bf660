import assert from 'node:assert/strict';
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { test } from 'node:test';

import fc from 'fast-check';

import {
  backUpScratch,
  checkSignatures,
  chance,
  contentsOf,
  makeLargeSource,
  openScratchArchive,
  smallVolume,
} from '#test/support/archive-backup.ts';
import { symmetricProtection } from '#test/support/duplicity-fixture.ts';
import { type ScratchDirectory, scratchDirectory } from '#test/support/scratch-directory.ts';

const volumeSize = smallVolume;

function kindsIn(scratch: ScratchDirectory, directory: string): string[] {
  return readdirSync(scratch.of(directory))
    .filter((name) => name !== 'lockfile')
    .map((name) => name.replaceAll(/\.\d{8}T\d{6}Z/gu, ''));
}

/** It may have been stored before the run was stopped. */
function removeVolume(scratch: ScratchDirectory, number: number): void {
  for (const name of readdirSync(scratch.of('dest'))) {
    if (name.includes(`.vol${number}.`)) rmSync(scratch.of('dest', name));
  }
}

/** What is archived is what lies in the source, apart from `except`; and all signatures are right. */
async function assertArchived(
  scratch: ScratchDirectory,
  except: readonly string[] = [],
): Promise<void> {
  await using archive = await openScratchArchive(scratch);
  const contents = await contentsOf(archive);
  const files = readdirSync(scratch.of('source'), { recursive: true, encoding: 'utf8' }).filter(
    (name) => statSync(scratch.of('source', name)).isFile(),
  );
  assert.deepEqual(Object.keys(contents).toSorted(), files.toSorted());
  for (const [name, bytes] of Object.entries(contents)) {
    const isSame = Buffer.from(bytes).equals(readFileSync(scratch.of('source', name)));
    assert.equal(isSame, !except.includes(name), name);
  }
  await checkSignatures(archive);
  const { findings } = await archive.collection();
  assert.deepEqual(findings, []);
}

test('an interrupted backup goes on where it was, without reading what is stored', async () => {
  using scratch = scratchDirectory();
  makeLargeSource(scratch);
  await assert.rejects(backUpScratch(scratch, { volumeSize, concurrency: 1, stopAfter: 4 }), {
    message: 'Stopped',
  });
  assert.deepEqual(kindsIn(scratch, 'cache'), [
    'duplicity-full-signatures.sigtar.part',
    'duplicity-full.manifest.part',
  ]);
  const stored = readdirSync(scratch.of('dest')).length;
  assert.ok(stored >= 2);
  const { messages, statistics, set } = await backUpScratch(scratch, { volumeSize });
  assert.equal(messages.length, 1);
  assert.match(
    messages[0]!,
    /^Continuing an interrupted backup after volume \d, "big", block \d+$/u,
  );
  assert.equal(set.set, 'full');
  assert.ok(statistics.rawDeltaSize < 3_500_000);
  await assertArchived(scratch);
});

test('what changed since is stored as it was, and noticed by the next backup', async () => {
  using scratch = scratchDirectory();
  makeLargeSource(scratch);
  await assert.rejects(backUpScratch(scratch, { volumeSize, concurrency: 1, stopAfter: 4 }));
  // All before the end of what is kept: a file that is stored, one that comes too late, one that goes.
  writeFileSync(scratch.of('source/a'), 'other content');
  writeFileSync(scratch.of('source/aa'), 'new');
  const before = readFileSync(scratch.of('source/a'));
  const { messages } = await backUpScratch(scratch, { volumeSize });
  assert.match(messages[0]!, /^Continuing/u);
  rmSync(scratch.of('source/aa'));
  await assertArchived(scratch, ['a']);
  writeFileSync(scratch.of('source/aa'), 'new');
  const { statistics } = await backUpScratch(scratch, { volumeSize });
  assert.deepEqual([statistics.changedFiles, statistics.newFiles], [1, 2]);
  assert.deepEqual(readFileSync(scratch.of('source/a')), before);
  await assertArchived(scratch);
});

test('a file that changed since its first blocks were stored is stored again from its start', async () => {
  for (const change of ['content', 'shorter', 'gone', 'directory'] as const) {
    using scratch = scratchDirectory();
    makeLargeSource(scratch);
    writeFileSync(scratch.of('source/aa'), chance(1_200_000, 5));
    await assert.rejects(backUpScratch(scratch, { volumeSize, concurrency: 1, stopAfter: 5 }));
    removeVolume(scratch, 4);
    const big = scratch.of('source/big');
    if (change === 'content') writeFileSync(big, chance(2_500_000, 77));
    else if (change === 'shorter') writeFileSync(big, 'short');
    else rmSync(big);
    if (change === 'directory') {
      mkdirSync(big);
      writeFileSync(`${big}/below`, 'below');
    }
    const { messages } = await backUpScratch(scratch, { volumeSize });
    assert.match(messages.at(-1)!, /after volume 1, "aa", block \d+$/u, change);
    await assertArchived(scratch);
  }
});

test('what lies in something that is no directory in the set comes with the next one', async () => {
  using scratch = scratchDirectory();
  mkdirSync(scratch.of('source'));
  writeFileSync(scratch.of('source/big'), chance(940_000, 5));
  writeFileSync(scratch.of('source/d'), chance(60_000, 6));
  writeFileSync(scratch.of('source/e'), chance(900_000, 7));
  writeFileSync(scratch.of('source/f'), chance(900_000, 8));
  writeFileSync(scratch.of('source/g'), chance(1_900_000, 9));
  await assert.rejects(backUpScratch(scratch, { volumeSize, concurrency: 1, stopAfter: 4 }));
  removeVolume(scratch, 3);
  rmSync(scratch.of('source/d'));
  mkdirSync(scratch.of('source/d'));
  writeFileSync(scratch.of('source/d/below'), 'below');
  const { messages } = await backUpScratch(scratch, { volumeSize });
  assert.match(messages[0]!, /after volume 1, "d"$/u);
  await backUpScratch(scratch, { volumeSize });
  await assertArchived(scratch);
});

test('a single file that is the root goes on where it was, unless it has changed', async () => {
  for (const changes of [false, true]) {
    using scratch = scratchDirectory();
    const file = scratch.of('file');
    const content = chance(6_000_000, 9);
    writeFileSync(file, content);
    const backup = { paths: [file], walk: { isFileRoot: true }, volumeSize, concurrency: 1 };
    await assert.rejects(backUpScratch(scratch, { ...backup, stopAfter: 5 }));
    if (changes) content[5]! ^= 1;
    writeFileSync(file, content);
    const { messages } = await backUpScratch(scratch, backup);
    assert.match(
      messages[0]!,
      /^Continuing an interrupted backup after volume \d, the root, block/u,
    );
    assert.equal(messages.length, changes ? 2 : 1);
    await using archive = await openScratchArchive(scratch);
    const contents = await contentsOf(archive);
    assert.deepEqual(Object.keys(contents), ['']);
    assert.ok(Buffer.from(contents['']!).equals(content));
    await checkSignatures(archive);
  }
});

test('an incremental backup goes on, too, however often it is interrupted', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 2, max: 5 }), { minLength: 1, maxLength: 4 }),
      async (stops) => {
        using scratch = scratchDirectory();
        makeLargeSource(scratch);
        await backUpScratch(scratch);
        appendFileSync(scratch.of('source/big'), chance(1_500_000, 9));
        rmSync(scratch.of('source/exact'));
        renameSync(scratch.of('source/sub'), scratch.of('source/sub2'));
        writeFileSync(scratch.of('source/y'), chance(1_300_000, 10));
        for (const stopAfter of stops) {
          try {
            await backUpScratch(scratch, { volumeSize, concurrency: 1, stopAfter });
          } catch (error) {
            assert.equal((error as Error).message, 'Stopped');
          }
        }
        await backUpScratch(scratch, { volumeSize });
        await assertArchived(scratch);
      },
    ),
    { numRuns: 5 },
  );
});

test('an interrupted backup is given up when another one has come behind what it builds upon', async () => {
  using scratch = scratchDirectory();
  makeLargeSource(scratch);
  const time = 1_700_000_000;
  await backUpScratch(scratch, { time });
  writeFileSync(scratch.of('source/b'), chance(5_000_000, 11));
  const stopped = { volumeSize, concurrency: 1, stopAfter: 4, time: time + 200 };
  await assert.rejects(backUpScratch(scratch, stopped), { message: 'Stopped' });
  // Begun before on another computer, and ended after.
  renameSync(scratch.of('cache'), scratch.of('interrupted'));
  writeFileSync(scratch.of('source/of-the-other'), 'content');
  const volumes = readdirSync(scratch.of('dest')).filter((name) => name.includes('T221640Z'));
  for (const name of volumes) renameSync(scratch.of('dest', name), scratch.of(name));
  const other = await backUpScratch(scratch, { time: time + 100 });
  for (const name of volumes) renameSync(scratch.of(name), scratch.of('dest', name));
  rmSync(scratch.of('cache'), { recursive: true });
  renameSync(scratch.of('interrupted'), scratch.of('cache'));
  const { set, messages } = await backUpScratch(scratch, { time: time + 300 });
  assert.match(messages[0]!, /cannot be continued/u);
  assert.deepEqual([set.start, other.set.start], [time + 100, time]);
  await assertArchived(scratch);
});

test('with another passphrase or other settings nothing is continued and nothing added', async () => {
  using scratch = scratchDirectory();
  makeLargeSource(scratch);
  const protection = symmetricProtection('right');
  const small = { volumeSize, concurrency: 1 };
  await assert.rejects(backUpScratch(scratch, { ...small, protection, stopAfter: 4 }));
  const before = [readdirSync(scratch.of('dest')), readdirSync(scratch.of('cache'))];
  const wrong = symmetricProtection('wrong');
  await assert.rejects(backUpScratch(scratch, { ...small, protection: wrong }), {
    code: 'repository/wrong-passphrase',
  });
  await assert.rejects(backUpScratch(scratch, small), {
    code: 'input/usage',
    details: { mismatch: 'settings' },
  });
  assert.deepEqual([readdirSync(scratch.of('dest')), readdirSync(scratch.of('cache'))], before);
  await backUpScratch(scratch, { ...small, protection });
  await assert.rejects(backUpScratch(scratch, { ...small, protection: wrong }), {
    code: 'repository/wrong-passphrase',
  });
  const next = await backUpScratch(scratch, { ...small, protection });
  assert.equal(next.set.set, 'incremental');
});

test('what cannot be continued is removed, and a new backup made', async () => {
  using scratch = scratchDirectory();
  makeLargeSource(scratch);
  await assert.rejects(backUpScratch(scratch, { volumeSize, concurrency: 1, stopAfter: 4 }));
  const [first] = readdirSync(scratch.of('dest'));
  rmSync(scratch.of('dest', first!));
  const { messages } = await backUpScratch(scratch, { volumeSize });
  assert.deepEqual(messages, [
    'What an interrupted backup left cannot be continued: it is removed',
  ]);
  await assertArchived(scratch);
});

test('an archive of another host or directory is not added to by mistake', async () => {
  using scratch = scratchDirectory();
  mkdirSync(scratch.of('source'));
  writeFileSync(scratch.of('source/a'), 'a');
  await assert.rejects(backUpScratch(scratch, { kind: 'incremental' }), {
    code: 'input/usage',
    details: { missing: 'signatures' },
  });
  await backUpScratch(scratch);
  await assert.rejects(backUpScratch(scratch, { hostName: 'other' }), {
    details: { mismatch: 'host' },
  });
  await assert.rejects(backUpScratch(scratch, { sourceName: Buffer.from('/other') }), {
    details: { mismatch: 'source' },
  });
  const allowed = await backUpScratch(scratch, { hostName: 'other', allowSourceMismatch: true });
  assert.equal(allowed.set.set, 'incremental');
  const old = await backUpScratch(scratch, { hostName: 'other', fullIfOlderThan: allowed.set.end });
  assert.equal(old.set.set, 'full');
  await assert.rejects(backUpScratch(scratch, { hostName: 'other', time: old.set.end }), {
    code: 'input/invalid',
  });
});

test('an interrupted backup of another host or directory is not gone on with', async () => {
  using scratch = scratchDirectory();
  makeLargeSource(scratch);
  mkdirSync(scratch.of('other'));
  writeFileSync(scratch.of('other/z'), chance(3_000_000, 12));
  const small = { volumeSize, concurrency: 1 };
  await assert.rejects(backUpScratch(scratch, { ...small, stopAfter: 4 }), { message: 'Stopped' });
  const before = [readdirSync(scratch.of('dest')), readdirSync(scratch.of('cache'))];
  const other = { ...small, paths: [scratch.of('other')] };
  await assert.rejects(backUpScratch(scratch, other), { details: { mismatch: 'source' } });
  await assert.rejects(backUpScratch(scratch, { ...small, hostName: 'other' }), {
    details: { mismatch: 'host' },
  });
  assert.deepEqual([readdirSync(scratch.of('dest')), readdirSync(scratch.of('cache'))], before);
  // A full backup needs nothing of it.
  const { messages } = await backUpScratch(scratch, { ...other, kind: 'full' });
  assert.match(messages[0]!, /cannot be continued/u);
  await using archive = await openScratchArchive(scratch);
  assert.deepEqual(Object.keys(await contentsOf(archive)), ['z']);
});

test('only what is selected is stored, and directories that are looked into only for what is below', async () => {
  using scratch = scratchDirectory();
  makeLargeSource(scratch);
  mkdirSync(scratch.of('source/empty'));
  await backUpScratch(scratch, {
    tree: {
      select: (path, { type }) =>
        type === 'directory' ? 'scan' : path.includes('i'.charCodeAt(0)) ? 'include' : 'exclude',
    },
  });
  await using archive = await openScratchArchive(scratch);
  assert.deepEqual(Object.keys(await contentsOf(archive)), ['big', 'sub/mid']);
});
