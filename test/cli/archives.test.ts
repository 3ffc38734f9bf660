import assert from 'node:assert/strict';
import { copyFile, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { test } from 'node:test';

import { makeHostileTree } from '../support/hostile-tree.ts';
import { scratchDirectory } from '../support/scratch-directory.ts';
import { compareTrees } from '../support/tree-comparer.ts';
import { runForTest } from './command-line.ts';
import { type OwnMachine, ownMachine } from './own-machine.ts';

/** Runs a command with `--json` that has to succeed, and gives its records. */
async function records(machine: OwnMachine, ...argv: string[]) {
  const { status, stdout, stderr } = await machine.run(...argv, '--json');
  assert.equal(status, 0, stderr.text);
  return stdout.records;
}

/** A directory that was backed up twice to an archive of duplicity's, a minute apart. */
async function twoSets(
  machine: OwnMachine,
): Promise<{ readonly source: string; readonly archive: string }> {
  const [source, archive] = [machine.of('source'), machine.of('archive')];
  await machine.write({ 'a.txt': 'one', 'letters/b.txt': 'two', 'letters/old/c.txt': 'three' });
  const first = ['--format', 'duplicity', '--time', '2026-11-01T10:00:00Z'];
  await records(machine, 'backup', source, archive, ...first);
  await machine.write({ 'a.txt': 'one and more', 'd.txt': 'new' });
  await rm(machine.of('source/letters/b.txt'));
  await records(machine, 'backup', source, archive, '--time', '2026-11-02T10:00:00Z');
  return { source, archive };
}

test('an archive of duplicity is made, gone on with, and looked into like a repository', async () => {
  await using machine = await ownMachine();
  const { source, archive } = await twoSets(machine);
  assert.deepEqual((await readdir(archive)).toSorted(), [
    'duplicity-full-signatures.20261101T100000Z.sigtar.gz',
    'duplicity-full.20261101T100000Z.manifest',
    'duplicity-full.20261101T100000Z.vol1.difftar.gz',
    'duplicity-inc.20261101T100000Z.to.20261102T100000Z.manifest',
    'duplicity-inc.20261101T100000Z.to.20261102T100000Z.vol1.difftar.gz',
    'duplicity-new-signatures.20261101T100000Z.to.20261102T100000Z.sigtar.gz',
  ]);
  const snapshots = await records(machine, 'snapshots', archive);
  assert.deepEqual(
    snapshots.map(({ time, paths }) => [time, paths]),
    [
      ['2026-11-01T10:00:00.000Z', [source]],
      ['2026-11-02T10:00:00.000Z', [source]],
    ],
  );
  const [first] = snapshots.map(({ id }) => String(id));
  const listed = await machine.run('ls', archive, first!);
  assert.equal(
    listed.stdout.text,
    'a.txt\nletters/\nletters/b.txt\nletters/old/\nletters/old/c.txt\n',
  );
  const part = await machine.run('ls', archive, `latest:${source}/letters`);
  assert.equal(part.stdout.text, 'letters/old/\n');
  const [file] = await records(machine, 'ls', archive, 'latest:a.txt');
  assert.equal(file?.['size'], 12);
  const found = await records(machine, 'find', archive, '*.txt', '--snapshot', 'latest');
  assert.deepEqual(
    found.map(({ path }) => path),
    ['a.txt', 'd.txt', 'letters/old/c.txt'].map((name) => `${source}/${name}`),
  );
  const difference = await machine.run('diff', archive, first!, 'latest');
  assert.equal(difference.stdout.text, 'M a.txt\n+ d.txt\n- letters/b.txt\n');
  assert.equal((await machine.run('cat', archive, `${first!}:a.txt`)).stdout.text, 'one');
  assert.equal((await machine.run('cat', archive, 'latest:a.txt')).stdout.text, 'one and more');
  const [stats] = await records(machine, 'stats', archive);
  assert.equal(stats?.['files'], 6);
  const chains = stats?.['chains'] as { readonly sets: number }[] | undefined;
  assert.equal(chains?.[0]?.sets, 2);
  const missing = await machine.run('ls', archive, 'latest:nowhere');
  assert.match(missing.stderr.text, /There is no "nowhere" in the snapshot/u);
});

test('a backup counts files, and names them as they are called on the disk', async () => {
  await using machine = await ownMachine();
  const [source, archive] = [machine.of('source'), machine.of('archive')];
  await machine.write({ 'a.txt': 'one', 'letters/b.txt': 'two' });
  const told = await records(machine, 'backup', source, archive, '--format', 'duplicity', '-v');
  const summary = told.at(-1)!;
  assert.deepEqual([summary['files'], summary['filesNew'], summary['bytes']], [2, 2, 6]);
  const entries = told.filter(({ type }) => type === 'entry').map(({ path }) => path);
  assert.deepEqual(
    entries,
    ['', '/a.txt', '/letters', '/letters/b.txt'].map((name) => `${source}${name}`),
  );
});

test('what one passphrase opens can be read beside chains of another one', async () => {
  await using machine = await ownMachine();
  const [source, archive] = [machine.of('source'), machine.of('archive')];
  const run = (passphrase: string, ...argv: string[]) => {
    const { HOME, PATH } = machine.environment;
    const environment = { HOME: HOME!, PATH: PATH!, HOLDFAST_PASSPHRASE: passphrase };
    return machine.runWith({ environment }, ...argv);
  };
  // Of what another passphrase has opened before.
  const withoutCopies = () => rm(machine.of('home'), { recursive: true, force: true });
  await machine.write({ 'a.txt': 'one' });
  const first = ['--format', 'duplicity', '--time', '2026-11-01T10:00:00Z'];
  assert.equal((await run('old', 'backup', source, archive, ...first)).status, 0);
  await machine.write({ 'a.txt': 'one and more' });
  const second = ['--full', '--time', '2026-11-02T10:00:00Z'];
  const made = await run('new', 'backup', source, archive, ...second);
  assert.equal(made.status, 0, made.stderr.text);
  for (const [passphrase, time, text] of [
    ['old', '2026-11-01T10:00:00.000Z', 'one'],
    ['new', '2026-11-02T10:00:00.000Z', 'one and more'],
  ] as const) {
    await withoutCopies();
    const { stdout, status } = await run(passphrase, 'snapshots', archive, '--json');
    assert.equal(status, 0);
    assert.deepEqual(
      stdout.records.filter(({ type }) => type === 'snapshot').map((one) => one['time']),
      [time],
    );
    assert.match(stdout.text, /does not open 1 of 2 chains/u);
    assert.equal((await run(passphrase, 'cat', archive, 'latest:a.txt')).stdout.text, text);
  }
  await withoutCopies();
  const refused = await run('other', 'snapshots', archive);
  assert.equal(refused.status, 12);
  assert.match(refused.stderr.text, /The passphrase does not open/u);
  // Where something is deleted, all of it has to be known.
  assert.equal((await run('new', 'forget', archive, '--keep-last', '1', '--prune')).status, 12);
});

test('an archive is restored whole, in part, and as of a time', async () => {
  await using machine = await ownMachine();
  const { source, archive } = await twoSets(machine);
  await records(machine, 'restore', archive, '-t', machine.of('whole'));
  assert.deepEqual(compareTrees(source, machine.of('whole')), []);
  await records(
    machine,
    'restore',
    archive,
    '--at',
    '2026-11-01T12:00:00Z',
    '-t',
    machine.of('old'),
  );
  assert.equal(await readFile(machine.of('old/letters/b.txt'), 'utf8'), 'two');
  await records(machine, 'restore', archive, 'latest:letters/old', '-t', machine.of('part'));
  assert.deepEqual(await readdir(machine.of('part')), ['c.txt']);
  await records(machine, 'restore', archive, '--include', 'd.txt', '-t', machine.of('one'));
  assert.deepEqual(await readdir(machine.of('one')), ['d.txt']);
  const refused = await machine.run('restore', archive, '-t', machine.of('whole'));
  assert.notEqual(refused.status, 0);
  assert.match(refused.stderr.text, /it is not empty/u);
  assert.match(refused.stderr.text, /^hint: .* with --overwrite/mu);
  await writeFile(machine.of('source/a.txt'), 'spoilt');
  await records(machine, 'restore', archive, ':a.txt', '--in-place', '--overwrite', 'always');
  assert.equal(await readFile(machine.of('source/a.txt'), 'utf8'), 'one and more');
});

test('everything that a file system has comes back from an archive of ours', async () => {
  await using machine = await ownMachine();
  using scratch = scratchDirectory();
  // A file of a terabyte of zeros would be one of a terabyte in the archive.
  const tree = makeHostileTree(scratch.of('tree'), { sparse: false });
  const archive = machine.of('archive');
  await records(machine, 'backup', scratch.of('tree'), archive, '--format', 'duplicity');
  await records(machine, 'restore', archive, '-t', scratch.of('out'));
  // Holes, sockets, and several names of anything but a file are no part of the format.
  const without = new Set([
    '"special/socket"',
    '"special/fifo again"',
    '"links/elsewhere/linked link"',
  ]);
  const differences = compareTrees(tree.root, scratch.of('out'), { ignore: ['holes'] });
  assert.deepEqual(
    differences.filter(({ path }) => !without.has(path)),
    [],
  );
});

test('damage is found, and what is of no use goes', async () => {
  await using machine = await ownMachine();
  const { archive } = await twoSets(machine);
  const good = await machine.run('check', archive, '--read-data');
  assert.equal(good.status, 0, good.stderr.text);
  assert.match(good.stdout.text, /^No damage found: 2 sets in 1 chain; the content of 3 files/mu);
  const volume = machine.of(
    'archive/duplicity-inc.20261101T100000Z.to.20261102T100000Z.vol1.difftar.gz',
  );
  await copyFile(volume, machine.of('kept'));
  const bytes = await readFile(volume);
  bytes[bytes.length >> 1]! ^= 1;
  await writeFile(volume, bytes);
  assert.equal((await machine.run('check', archive)).status, 0);
  const flipped = await machine.run('check', archive, '--read-data');
  assert.equal(flipped.status, 13);
  assert.match(flipped.stderr.text, /vol1\.difftar\.gz/u);
  await rm(volume);
  const lost = await machine.run('check', archive);
  assert.equal(lost.status, 13);
  assert.match(lost.stderr.text, /lacks volume 1/u);
  assert.equal((await machine.run('snapshots', archive)).status, 13);
  await copyFile(machine.of('kept'), volume);
  await rm(machine.of('archive/duplicity-inc.20261101T100000Z.to.20261102T100000Z.manifest'));
  await rm(machine.of('home/.cache'), { recursive: true });
  const left = await records(machine, 'snapshots', archive);
  assert.equal(left.filter(({ type }) => type === 'snapshot').length, 1);
  await records(machine, 'prune', archive);
  assert.equal((await readdir(archive)).length, 3);
  assert.equal((await machine.run('check', archive, '--read-data')).status, 0);
});

test('a chain goes when all of it may go, and its end by name', async () => {
  await using machine = await ownMachine();
  const { source, archive } = await twoSets(machine);
  await records(machine, 'backup', source, archive, '--full', '--time', '2026-11-03T10:00:00Z');
  const second = (await records(machine, 'snapshots', archive))[1];
  const tooFew = await machine.run('forget', archive, String(second?.['id']));
  assert.equal(tooFew.status, 2);
  assert.match(tooFew.stderr.text, /Only 2 snapshots of ".*" with these sources would be left/u);
  const kept = await records(machine, 'forget', archive, '--keep-last', '2', '--force');
  assert.equal(kept.at(-1)?.['kept'], 3);
  assert.equal((await records(machine, 'snapshots', archive)).length, 3);
  await records(machine, 'forget', archive, '--keep-last', '1', '--force');
  assert.equal((await records(machine, 'snapshots', archive)).length, 1);
  await records(machine, 'backup', source, archive, '--time', '2026-11-04T10:00:00Z');
  const refused = await machine.run('forget', archive, 'latest');
  assert.equal(refused.status, 2);
  assert.match(refused.stderr.text, /The newest snapshot of ".*" with these sources would go/u);
  await records(machine, 'forget', archive, 'latest', '--force');
  assert.deepEqual(
    (await records(machine, 'snapshots', archive)).map(({ time }) => time),
    ['2026-11-03T10:00:00.000Z'],
  );
});

test('an archive becomes a repository with all its snapshots, and the other way round', async () => {
  await using machine = await ownMachine();
  const { source, archive } = await twoSets(machine);
  const [repository, back] = [machine.of('repository'), machine.of('back')];
  await records(machine, 'copy', archive, repository);
  const again = await records(machine, 'copy', archive, repository);
  assert.equal(again.at(-1)?.['already'], 2);
  await records(machine, 'check', repository, '--read-data');
  await records(machine, 'copy', repository, back, '--format', 'duplicity');
  await records(machine, 'check', back, '--read-data');
  for (const [number, place] of [repository, back].entries()) {
    const times = (await records(machine, 'snapshots', place)).map(({ time }) => time);
    assert.deepEqual(times, ['2026-11-01T10:00:00.000Z', '2026-11-02T10:00:00.000Z']);
    await records(machine, 'restore', place, '-t', machine.of(`out${number}`));
    assert.deepEqual(compareTrees(source, machine.of(`out${number}`)), []);
    const old = ['--at', '2026-11-01T12:00:00Z', '-t', machine.of(`old${number}`)];
    await records(machine, 'restore', place, ...old);
    assert.equal(await readFile(machine.of(`old${number}/letters/b.txt`), 'utf8'), 'two');
  }
  const both = await machine.run('copy', archive, back);
  assert.match(both.stderr.text, /Both are archives of duplicity's/u);
});

test('an encrypted archive asks for its passphrase, and for no other', async () => {
  await using machine = await ownMachine();
  const [source, archive] = [machine.of('source'), machine.of('archive')];
  await machine.write({ 'a.txt': 'one' });
  const run = (passphrase: string | undefined, ...argv: string[]) =>
    runForTest(argv, {
      environment: {
        HOME: machine.of('home'),
        PATH: process.env['PATH'] ?? '',
        ...(passphrase !== undefined && { HOLDFAST_PASSPHRASE: passphrase }),
      },
    });
  const made = await run('right', 'backup', source, archive, '--format', 'duplicity');
  assert.equal(made.status, 0, made.stderr.text);
  assert.ok((await readdir(archive)).every((name) => name.endsWith('.gpg')));
  assert.equal((await run('right', 'check', archive, '--read-data')).status, 0);
  assert.match((await run(undefined, 'ls', archive)).stderr.text, /passphrase is missing/u);
  await rm(machine.of('home/.cache'), { recursive: true });
  assert.equal((await run('wrong', 'ls', archive)).status, 12);
  await machine.write({ 'b.txt': 'two' });
  const refused = await run('wrong', 'backup', source, archive);
  assert.equal(refused.status, 12, refused.stderr.text);
  assert.equal((await readdir(archive)).length, 3);
});

test('commands of our own format alone say so', async () => {
  await using machine = await ownMachine();
  const { source, archive } = await twoSets(machine);
  for (const command of [
    ['key', 'list', archive],
    ['rebuild-index', archive],
  ]) {
    const { status, stderr } = await machine.run(...command);
    assert.equal(status, 1);
    assert.match(stderr.text, /holds an archive of duplicity's, with which this command cannot/u);
  }
  const other = machine.of('other');
  await records(machine, 'backup', source, other);
  const mixed = await machine.run('backup', source, other, '--format', 'duplicity');
  assert.match(mixed.stderr.text, /holds a repository of our own, not an archive/u);
  const wrong = await machine.run('backup', source, archive, '--format', 'native');
  assert.match(wrong.stderr.text, /is no repository, and not empty either/u);
});

test('nothing builds upon a chain that has lost a volume', async () => {
  await using machine = await ownMachine();
  const { source, archive } = await twoSets(machine);
  await rm(machine.of('archive/duplicity-full.20261101T100000Z.vol1.difftar.gz'));
  const next = await machine.run('backup', source, archive, '--time', '2026-11-03T10:00:00Z');
  assert.equal(next.status, 0, next.stderr.text);
  assert.match(next.stderr.text, /lacks volume 1: a full backup is made/u);
  assert.ok((await readdir(archive)).includes('duplicity-full.20261103T100000Z.manifest'));
  await records(machine, 'restore', archive, '-t', machine.of('out'));
  assert.deepEqual(compareTrees(source, machine.of('out')), []);
});

test('nothing takes the place of a backup whose signatures are lost', async () => {
  await using machine = await ownMachine();
  const { source, archive } = await twoSets(machine);
  await rm(machine.of('archive/duplicity-new-signatures.20261101T100000Z.to.20261102T100000Z.sigtar.gz')); // prettier-ignore
  const third = ['--time', '2026-11-03T10:00:00Z'];
  await machine.write({ 'a.txt': 'three' });
  const next = await machine.run('backup', source, archive, ...third);
  assert.equal(next.status, 0, next.stderr.text);
  assert.match(next.stderr.text, /has no signatures.*: a full backup is made/u);
  const snapshots = await records(machine, 'snapshots', archive);
  assert.equal(snapshots.filter(({ type }) => type === 'snapshot').length, 3);
  for (const [time, text] of [
    ['2026-11-03', 'one and more'],
    ['latest', 'three'],
  ]) {
    assert.equal((await machine.run('cat', archive, `${time!}:a.txt`)).stdout.text, text);
  }
});

test('nothing builds upon a chain of which a backup in the middle is lost', async () => {
  await using machine = await ownMachine();
  const { source, archive } = await twoSets(machine);
  await records(machine, 'backup', source, archive, '--time', '2026-11-03T10:00:00Z');
  await rm(machine.of('archive/duplicity-inc.20261101T100000Z.to.20261102T100000Z.manifest'));
  const next = await machine.run('backup', source, archive, '--time', '2026-11-04T10:00:00Z');
  assert.equal(next.status, 0, next.stderr.text);
  assert.match(next.stderr.text, /which is not there: a full backup is made/u);
  assert.ok((await readdir(archive)).includes('duplicity-full.20261104T100000Z.manifest'));
});

test('what a lost volume has nothing of is restored, and what it had is named', async () => {
  await using machine = await ownMachine();
  const [source, archive] = [machine.of('source'), machine.of('archive')];
  await machine.write({ 'a.txt': 'one', 'b.txt': 'two', 'd/c.txt': 'three', 'gone.txt': 'four' });
  await symlink('a.txt', machine.of('source/link'));
  await symlink('a.txt', machine.of('source/same'));
  const first = ['--format', 'duplicity', '--time', '2026-11-01T10:00:00Z'];
  await records(machine, 'backup', source, archive, ...first);
  await machine.write({ 'a.txt': 'one and more', 'd/new.txt': 'new' });
  await rm(machine.of('source/gone.txt'));
  await rm(machine.of('source/link'));
  await symlink('b.txt', machine.of('source/link'));
  await records(machine, 'backup', source, archive, '--time', '2026-11-02T10:00:00Z');
  await writeFile(machine.of('archive/duplicity-inc.20261101T100000Z.to.20261102T100000Z.vol1.difftar.gz'), 'x'); // prettier-ignore
  const restored = await machine.run('restore', archive, '-t', machine.of('out'));
  assert.equal(restored.status, 3);
  for (const name of ['"a.txt"', '"link"', '"d/new.txt"', 'vol1.difftar.gz'])
    assert.ok(restored.stderr.text.includes(name), name);
  const names = await readdir(machine.of('out'), { recursive: true });
  assert.deepEqual(names.toSorted(), ['b.txt', 'd', 'd/c.txt', 'same']);
  const checked = await machine.run('check', archive, '--read-data');
  assert.equal(checked.status, 13);
  assert.match(checked.stderr.text, /newest state of "a\.txt" is lost/u);
});

test('a manifest that is lost or cut is damage', async () => {
  await using machine = await ownMachine();
  const { archive } = await twoSets(machine);
  const name = machine.of('archive/duplicity-inc.20261101T100000Z.to.20261102T100000Z.manifest');
  const whole = await readFile(name);
  const withoutCopies = async (): Promise<void> =>
    rm(machine.of('home/.cache'), { recursive: true, force: true });
  await writeFile(name, whole.subarray(0, whole.indexOf('Hash SHA1')));
  await withoutCopies();
  const cut = await machine.run('check', archive);
  assert.equal(cut.status, 13, cut.stdout.text);
  assert.match(cut.stderr.text, /The manifest of .* is doubtful/u);
  await rm(name);
  await withoutCopies();
  const lost = await machine.run('check', archive);
  assert.equal(lost.status, 13, lost.stdout.text);
  assert.match(lost.stderr.text, /has all but its manifest/u);
  assert.match(lost.stdout.text, /^Damage found: 1 error, \d warnings?:/mu);
});

test('a snapshot that others build upon stays, and it is said why', async () => {
  await using machine = await ownMachine();
  const { archive } = await twoSets(machine);
  const [first] = await records(machine, 'snapshots', archive);
  const kept = await machine.run('forget', archive, String(first?.['id']), '--force', '--dry-run');
  assert.equal(kept.status, 0, kept.stderr.text);
  assert.match(kept.stdout.text, /keep .* later ones build upon it/u);
});

test('an archive whose names have a prefix that nobody told is said to be there', async () => {
  await using machine = await ownMachine();
  await machine.write({ 'a.txt': 'one' });
  const [source, archive] = [machine.of('source'), machine.of('archive')];
  const prefix = ['--file-prefix', 'duplicity-x-'];
  await records(machine, 'backup', source, archive, '--format', 'duplicity', ...prefix);
  assert.equal((await records(machine, 'snapshots', archive, ...prefix)).length, 1);
  const untold = await machine.run('snapshots', archive);
  assert.equal(untold.status, 10);
  assert.match(untold.stderr.text, /names begin with "duplicity-x-"\nhint: .*--file-prefix/u);
});
