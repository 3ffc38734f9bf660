import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';

import {
  describeTree,
  type ExpectedEntry,
  expectedEntries,
  fixtureStorage,
  fixtureTimes,
  openArchive,
  plainProtection,
  setsAt,
  symmetricProtection,
  plainRestore,
} from '#test/support/duplicity-fixture.ts';
import {
  type HandmadeEntry,
  type HandmadeSet,
  putHandmadeSet,
  rootEntry,
} from '#test/support/handmade-archive.ts';
import { operation } from '#test/support/operation.ts';
import { recording } from '#test/support/recording-storage.ts';
import { openHandles, scratchDirectory } from '#test/support/scratch-directory.ts';
import { compareBytes, utf8 } from '../../base/bytes.ts';
import { systemClock } from '../../base/clock.ts';
import { hasCode } from '../../base/errors.ts';
import { MemoryStorage } from '../../storage/drivers/memory/memory.ts';
import type { Storage } from '../../storage/storage.ts';
import {
  type ArchiveRestored,
  restoreArchive,
  type RestoreArchiveInput,
} from './restore-archive.ts';

interface Restored extends ArchiveRestored {
  readonly problems: readonly { readonly text: string; readonly severity: string }[];
}

async function restoreInto(
  storage: Storage,
  target: string,
  more: Partial<RestoreArchiveInput> & { readonly time?: number; readonly at?: string } = {},
  protection = plainProtection,
): Promise<Restored> {
  await using archive = await openArchive(storage, protection);
  const context = operation(systemClock);
  const { time, at, ...input } = more;
  const restored = await restoreArchive(
    {
      archive,
      sets: await setsAt(archive, time),
      target,
      ...plainRestore,
      ...(at === undefined ? {} : { path: utf8(at) }),
      ...input,
    },
    context,
  );
  const problems = context.events.flatMap((event) =>
    event.type === 'problem' ? [{ text: event.error.message, severity: event.severity }] : [],
  );
  return { ...restored, problems };
}

function unordered(entries: readonly ExpectedEntry[]): unknown[] {
  return entries.map((entry) => new Map(Object.entries(entry)));
}

async function handmade(...sets: readonly HandmadeSet[]): Promise<MemoryStorage> {
  const storage = new MemoryStorage();
  for (const set of sets) await putHandmadeSet(storage, set);
  return storage;
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : 1;
}

/** A full set of one volume. */
function full(...entries: readonly HandmadeEntry[]): HandmadeSet {
  return { end: 1_700_000_000, volumes: [[rootEntry, ...entries]] };
}

describe('restoring an archive', () => {
  for (const [name, tree, steps] of [
    ['unencrypted', 'source', 3],
    ['symmetric', 'source', 3],
    ['multivol', 'multivol', 2],
  ] as const) {
    for (let step = 0; step < steps; step++) {
      it(`gives the tree of step ${step} of "${name}"`, async () => {
        using scratch = scratchDirectory();
        const target = scratch.of('target');
        const handles = openHandles();
        const storage = await fixtureStorage(name);
        const protection = name === 'symmetric' ? symmetricProtection() : plainProtection;
        const time = fixtureTimes[step] as number;
        const { problems, summary } = await restoreInto(storage, target, { time }, protection);
        assert.deepEqual(problems, []);
        const expected = expectedEntries(tree, step);
        assert.deepEqual(unordered(describeTree(target)), unordered(expected));
        assert.equal(summary.files, expected.filter(({ type }) => type === 'reg').length);
        assert.equal(summary.errors, 0);
        assert.equal(openHandles(), handles);
      });
    }
  }

  it('gives a directory in the archive as the target', async () => {
    using scratch = scratchDirectory();
    const target = scratch.of('new', 'target');
    await restoreInto(await fixtureStorage('unencrypted'), target, { at: 'sort.d' });
    const below = expectedEntries('source', 2).filter(({ path: own }) => own.startsWith('sort.d/'));
    assert.ok(below.length > 0);
    assert.deepEqual(
      describeTree(target).map(({ path: own }) => own),
      ['.', ...below.map(({ path: own }) => own.slice('sort.d/'.length))],
    );
  });

  it('gives a file in the archive as the target', async () => {
    using scratch = scratchDirectory();
    const target = scratch.of('restored.txt');
    const { summary } = await restoreInto(await fixtureStorage('unencrypted'), target, {
      at: 'changes.txt',
    });
    const expected = expectedEntries('source', 2).find(({ path: own }) => own === 'changes.txt');
    const [found] = describeTree(target);
    assert.equal(found?.sha256, expected?.sha256);
    assert.equal(found?.mtime, expected?.mtime);
    assert.equal(summary.files, 1);
    await assert.rejects(
      restoreInto(await fixtureStorage('unencrypted'), target, { at: 'plain.txt' }),
      (error) => hasCode(error, 'target/refused'),
    );
    await restoreInto(await fixtureStorage('unencrypted'), target, {
      at: 'plain.txt',
      force: true,
    });
    assert.equal(readFileSync(target, 'utf8'), 'hello duplicity\n');
    assert.deepEqual(readdirSync(scratch.path), ['restored.txt']);
  });

  it('does not put a file in the place of a directory that has something in it', async () => {
    using scratch = scratchDirectory();
    writeFileSync(scratch.of('mine'), 'mine');
    await assert.rejects(
      restoreInto(await fixtureStorage('unencrypted'), scratch.path, {
        at: 'plain.txt',
        force: true,
      }),
      (error) => hasCode(error, 'target/refused'),
    );
    assert.deepEqual(readdirSync(scratch.path), ['mine']);
  });

  it('makes nothing for a path that is not there', async () => {
    using scratch = scratchDirectory();
    await assert.rejects(
      restoreInto(await fixtureStorage('unencrypted'), scratch.of('target'), { at: 'nope' }),
      (error) => hasCode(error, 'snapshot/missing'),
    );
    assert.deepEqual(readdirSync(scratch.path), []);
  });

  it('fetches only the volumes that are needed, and only names them in a dry run', async () => {
    using scratch = scratchDirectory();
    const storage = recording(await fixtureStorage('multivol'));
    const volumesRead = (): string[] =>
      storage.calls.flatMap(({ method, name }) =>
        method === 'get' && name.includes('.difftar') ? [name] : [],
      );
    const dry = await restoreInto(storage, scratch.of('target'), {
      at: 'z-last.txt',
      dryRun: true,
    });
    assert.deepEqual(volumesRead(), []);
    assert.ok(!existsSync(scratch.of('target')));
    await restoreInto(storage, scratch.of('target'), { at: 'z-last.txt' });
    assert.equal(readFileSync(scratch.of('target'), 'utf8'), 'last file\n');
    assert.deepEqual(volumesRead(), dry.volumes);
    assert.deepEqual(dry.volumes, ['duplicity-full.20231114T221320Z.vol3.difftar.gz']);
    storage.calls.length = 0;
    await restoreInto(storage, scratch.of('big'), { at: 'big.dat' });
    assert.deepEqual(volumesRead().toSorted(), [
      'duplicity-full.20231114T221320Z.vol1.difftar.gz',
      'duplicity-full.20231114T221320Z.vol2.difftar.gz',
      'duplicity-inc.20231114T221320Z.to.20231115T221320Z.vol1.difftar.gz',
      'duplicity-inc.20231114T221320Z.to.20231115T221320Z.vol2.difftar.gz',
    ]);
  });

  it('does not touch a target with something in it unless told', async () => {
    using scratch = scratchDirectory();
    const target = scratch.of('target');
    mkdirSync(scratch.of('target'));
    writeFileSync(scratch.of('target', 'mine'), 'mine');
    writeFileSync(scratch.of('target', 'plain.txt'), 'other');
    mkdirSync(scratch.of('target', 'type-file-to-dir', 'deep'), { recursive: true });
    const storage = await fixtureStorage('unencrypted');
    await assert.rejects(restoreInto(storage, target), (error) => hasCode(error, 'target/refused'));
    assert.equal(readFileSync(scratch.of('target', 'plain.txt'), 'utf8'), 'other');
    const again = await fixtureStorage('unencrypted');
    const { problems } = await restoreInto(again, target, { force: true });
    assert.deepEqual(problems, []);
    assert.equal(readFileSync(scratch.of('target', 'plain.txt'), 'utf8'), 'hello duplicity\n');
    assert.equal(readFileSync(scratch.of('target', 'mine'), 'utf8'), 'mine');
  });

  it('replaces what is of another type, but no directory with something in it, and follows no link', async () => {
    using scratch = scratchDirectory();
    const target = scratch.of('target');
    mkdirSync(scratch.of('outside'));
    mkdirSync(target);
    mkdirSync(scratch.of('target', 'file'));
    mkdirSync(scratch.of('target', 'full', 'deep'), { recursive: true });
    symlinkSync(scratch.of('outside'), scratch.of('target', 'd'));
    writeFileSync(scratch.of('outside', 'kept'), 'kept');
    symlinkSync(scratch.of('outside', 'kept'), scratch.of('target', 'link'));
    const storage = await handmade(
      full(
        { name: 'snapshot/d/', type: 'directory', mode: 0o750 },
        { name: 'snapshot/d/inner', content: 'inner' },
        { name: 'snapshot/file', content: 'file' },
        { name: 'snapshot/full', content: 'file' },
        { name: 'snapshot/link', content: 'no link' },
      ),
    );
    const { problems } = await restoreInto(storage, target, { force: true });
    assert.deepEqual(problems, [
      {
        severity: 'error',
        text: 'Refused to restore "full": a directory with something in it is there',
      },
    ]);
    assert.deepEqual(readdirSync(scratch.of('target', 'full')), ['deep']);
    assert.equal(readFileSync(scratch.of('target', 'file'), 'utf8'), 'file');
    assert.equal(readFileSync(scratch.of('target', 'd', 'inner'), 'utf8'), 'inner');
    assert.equal(lstatSync(scratch.of('target', 'd')).isDirectory(), true);
    assert.equal(readFileSync(scratch.of('target', 'link'), 'utf8'), 'no link');
    assert.deepEqual(readdirSync(scratch.of('outside')), ['kept']);
    assert.equal(readFileSync(scratch.of('outside', 'kept'), 'utf8'), 'kept');
  });

  it('restores the names of one file as links, where they are still the same file', async () => {
    using scratch = scratchDirectory();
    const records = new Map([['HOLDFAST.link', utf8('a')]]);
    const storage = await handmade(
      full(
        { name: 'snapshot/a', content: 'same', records },
        { name: 'snapshot/b/', type: 'directory' },
        { name: 'snapshot/b/c', content: 'same', records },
        { name: 'snapshot/d', content: 'same', records, mtime: 1_690_000_001 },
        { name: 'snapshot/e', content: 'longer', records },
      ),
    );
    const { summary } = await restoreInto(storage, scratch.of('target'));
    const inode = (...names: string[]): number => lstatSync(scratch.of('target', ...names)).ino;
    assert.equal(inode('b', 'c'), inode('a'));
    assert.notEqual(inode('d'), inode('a'));
    assert.equal(readFileSync(scratch.of('target', 'e'), 'utf8'), 'longer');
    assert.equal(summary.details?.['links'], 1);
    assert.equal(summary.files, 4);
  });

  it('restores exact times and extended attributes', async () => {
    using scratch = scratchDirectory();
    const records = new Map([
      ['HOLDFAST.mtime', utf8('-2.500000001')],
      ['SCHILY.xattr.user.note', utf8('x')],
    ]);
    const storage = await handmade(full({ name: 'snapshot/a', content: 'a', mtime: 0, records }));
    const { problems } = await restoreInto(storage, scratch.of('target'));
    const { mtimeNs } = lstatSync(scratch.of('target', 'a'), { bigint: true });
    assert.equal(mtimeNs, -1_499_999_999n);
    // Not every file system has attributes; one that has none says so.
    assert.ok(problems.every(({ text }) => text.includes('user.note')));
  });

  it('gives paths other names', async () => {
    using scratch = scratchDirectory();
    const entries: HandmadeEntry[] = [
      { name: 'snapshot/a/', type: 'directory', mode: 0o711, mtime: 1_600_000_000 },
      { name: 'snapshot/a/b', content: 'b' },
      { name: 'snapshot/a/c/', type: 'directory', mode: 0o700, mtime: 1_600_000_001 },
      { name: 'snapshot/a/c/d', content: 'd' },
      { name: 'snapshot/z', content: 'z' },
    ];
    const renames = [
      { from: utf8('a'), to: utf8('y/new') },
      { from: utf8('a/c'), to: utf8('other') },
      { from: utf8('z'), to: utf8('y/new/z') },
    ];
    const target = scratch.of('target');
    const { problems } = await restoreInto(await handmade(full(...entries)), target, { renames });
    assert.deepEqual(problems, []);
    assert.deepEqual(
      describeTree(target).flatMap((entry) =>
        // Nobody knows what "y" was like.
        entry.path === 'y' ? [] : [[entry.path, entry.type === 'dir' ? entry.mtime : 0]],
      ),
      [
        ['.', 1_690_000_000],
        ['other', 1_600_000_001],
        ['other/d', 0],
        ['y/new', 1_600_000_000],
        ['y/new/b', 0],
        ['y/new/z', 0],
      ],
    );
  });

  it('leaves owners alone when told, and then no file runs as somebody else', async () => {
    using scratch = scratchDirectory();
    const storage = await handmade(
      full({ name: 'snapshot/a', content: 'a', mode: 0o6755, uid: 12_345, gid: 54_321 }),
    );
    await restoreInto(storage, scratch.of('target'), { owners: 'none' });
    const { uid, gid, mode } = lstatSync(scratch.of('target', 'a'));
    assert.deepEqual([uid, gid, mode & 0o7777], [process.getuid?.(), process.getgid?.(), 0o755]);
  });

  it('leaves nothing of a file that is not whole', async () => {
    using scratch = scratchDirectory();
    const target = scratch.of('target');
    mkdirSync(target);
    writeFileSync(scratch.of('target', 'before'), 'mine');
    const block = (name: string, number: number): HandmadeEntry => ({
      name: `multivol_snapshot/${name}/${number}`,
      content: Buffer.alloc(number === 3 ? 10 : 65_536, 'x'),
    });
    const storage = await handmade({
      end: 1_700_000_000,
      volumes: [
        [rootEntry, block('before', 1), block('before', 2), block('before', 3), block('half', 1)],
        [block('half', 2)],
        [block('half', 3), { name: 'snapshot/z', content: 'z' }],
      ],
    });
    await storage.delete('duplicity-full.20231114T221320Z.vol2.difftar');
    await assert.rejects(restoreInto(storage, scratch.of('other')), (error) =>
      hasCode(error, 'repository/damaged'),
    );
    assert.ok(!existsSync(scratch.of('other')));
    const { problems, summary } = await restoreInto(storage, target, {
      force: true,
      ignoreErrors: true,
    });
    assert.deepEqual(readdirSync(target).toSorted(compareText), ['before', 'z']);
    assert.equal(lstatSync(scratch.of('target', 'before')).size, 2 * 65_536 + 10);
    assert.equal(problems.length, 2);
    assert.equal(summary.errors, 2);
  });

  it('takes only what is wanted', async () => {
    using scratch = scratchDirectory();
    const storage = await handmade(
      full(
        { name: 'snapshot/0/', type: 'directory' },
        { name: 'snapshot/0/1/', type: 'directory' },
        { name: 'snapshot/a/', type: 'directory', mode: 0o711, mtime: 1_600_000_000 },
        { name: 'snapshot/a/b', content: 'b' },
        { name: 'snapshot/c', content: 'c' },
      ),
    );
    await restoreInto(storage, scratch.of('target'), {
      isWanted: ({ path: own }) => compareBytes(own, utf8('a/b')) === 0,
    });
    assert.deepEqual(
      describeTree(scratch.of('target')).map(({ path: own, mode, mtime }) => [own, mode, mtime]),
      [
        ['.', '0755', 1_690_000_000],
        ['a', '0711', 1_600_000_000],
        ['a/b', '0644', 1_690_000_000],
      ],
    );
  });
});

describe('a hostile archive', () => {
  const hostile: readonly (readonly [what: string, entries: readonly HandmadeEntry[]])[] = [
    ['leads up', [{ name: 'snapshot/../evil', content: 'x' }]],
    ['leads up in the middle', [{ name: 'snapshot/a/../../evil', content: 'x' }]],
    ['leads up in a block', [{ name: 'multivol_snapshot/../evil/1', content: 'x' }]],
    ['has an absolute name', [{ name: 'snapshot//evil', content: 'x' }]],
    ['has no prefix', [{ name: '../evil', content: 'x' }]],
    ['has another prefix', [{ name: 'other/evil', content: 'x' }]],
    [
      'goes through a link',
      [
        { name: 'snapshot/a', type: 'symlink', link: '..' },
        { name: 'snapshot/a/evil', content: 'x' },
        { name: 'snapshot/a/evil.d/', type: 'directory' },
        { name: 'snapshot/a/evil.link', type: 'symlink', link: 'x' },
      ],
    ],
    [
      'has a file as a directory',
      [
        { name: 'snapshot/a', content: 'file' },
        { name: 'snapshot/a/evil', content: 'x' },
      ],
    ],
    [
      'has a link and then a directory of one name',
      [
        { name: 'snapshot/a', type: 'symlink', link: '..' },
        { name: 'snapshot/a/', type: 'directory' },
        { name: 'snapshot/a/evil', content: 'x' },
      ],
    ],
    [
      'has a directory and later a link of one name',
      [
        { name: 'snapshot/a/', type: 'directory' },
        { name: 'snapshot/b', content: 'b' },
        { name: 'snapshot/a', type: 'symlink', link: '..' },
        { name: 'snapshot/a/evil', content: 'x' },
      ],
    ],
    [
      'has a link and later a file of one name',
      [
        { name: 'snapshot/a', type: 'symlink', link: '../evil' },
        { name: 'snapshot/b', content: 'b' },
        { name: 'snapshot/a', content: 'x' },
      ],
    ],
    ['has a link of tar', [{ name: 'snapshot/a', type: 'hard-link', link: '../evil' }]],
    [
      'links to what is not its own',
      [
        { name: 'snapshot/a', type: 'symlink', link: '../evil' },
        { name: 'snapshot/b', content: '', records: new Map([['HOLDFAST.link', utf8('../a')]]) },
        { name: 'snapshot/c', content: '', records: new Map([['HOLDFAST.link', utf8('a')]]) },
      ],
    ],
    ['has a link that points nowhere', [{ name: 'snapshot/a', type: 'symlink', link: '' }]],
  ];
  for (const [what, entries] of hostile) {
    for (const force of [false, true]) {
      it(`stays inside of the target when it ${what}${force ? ', forced' : ''}`, async () => {
        using scratch = scratchDirectory();
        const target = scratch.of('target');
        if (force) {
          mkdirSync(target);
          writeFileSync(path.join(target, 'mine'), '');
        }
        chmodSync(scratch.path, 0o700);
        const handles = openHandles();
        const storage = await handmade({
          ...full(...entries, { name: 'snapshot/z', content: 'z' }),
          ranges: [['', 'z']],
        });
        const { problems, summary } = await restoreInto(storage, target, { force });
        assert.deepEqual(readdirSync(scratch.path), ['target']);
        assert.equal(readFileSync(path.join(target, 'z'), 'utf8'), 'z');
        const isHarmless = what.startsWith('links to what');
        assert.equal(problems.length > 0, !isHarmless);
        assert.equal(summary.errors, problems.length);
        assert.equal(openHandles(), handles);
        assert.deepEqual(
          readdirSync(target, { recursive: true }).filter((name) =>
            String(name).includes('holdfast'),
          ),
          [],
        );
      });
    }
  }
});
