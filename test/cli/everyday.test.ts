import assert from 'node:assert/strict';
import { cp, readdir, readFile, rename, rm, symlink, truncate } from 'node:fs/promises';
import { test } from 'node:test';

import { type OwnMachine, ownMachine } from './own-machine.ts';

/** Runs a command with `--json` that has to succeed, and gives its records. */
async function records(machine: OwnMachine, ...argv: string[]) {
  const { status, stdout, stderr } = await machine.run(...argv, '--json');
  assert.equal(status, 0, stderr.text);
  return stdout.records;
}

test('a first backup makes the repository; the same tree comes back', async () => {
  await using machine = await ownMachine();
  const [source, repository] = [machine.of('source'), machine.of('repository')];
  await machine.write({ 'a.txt': 'one', 'letters/b.txt': 'two' });
  const first = await machine.run('backup', source, repository, '--tag', 'work,home');
  assert.equal(first.status, 0, first.stderr.text);
  assert.match(first.stderr.text, /Made a new repository in/u);
  assert.match(first.stdout.text, /^Files: 2 new, 0 changed, 0 unchanged$/mu);

  const [snapshot] = await records(machine, 'snapshots', repository);
  assert.equal(snapshot?.['type'], 'snapshot');
  assert.deepEqual(snapshot?.['paths'], [source]);
  assert.deepEqual(snapshot?.['tags'], ['work', 'home']);
  assert.match(String(snapshot?.['time']), /^\d{4}-.*Z$/u);

  const last = (await records(machine, 'backup', source, repository)).at(-1);
  assert.equal(last?.['type'], 'summary');
  assert.equal(last?.['files'], 2);
  assert.match(String(last?.['snapshot']), /^[0-9a-f]{32}$/u);

  await records(machine, 'restore', repository, '--target', machine.of('out'));
  assert.equal(await readFile(machine.of('out/letters/b.txt'), 'utf8'), 'two');
  await records(machine, 'restore', repository, 'latest:letters', '-t', machine.of('part'));
  assert.deepEqual(await readdir(machine.of('part')), ['b.txt']);
});

test('snapshots can be looked into', async () => {
  await using machine = await ownMachine();
  const [source, repository] = [machine.of('source'), machine.of('repository')];
  await machine.write({ 'a.txt': 'one', 'letters/b.txt': 'two' });
  const [before] = (await records(machine, 'backup', source, repository)).slice(-1);
  await machine.write({ 'a.txt': 'changed', 'c.txt': 'three' });
  await rm(machine.of('source/letters/b.txt'));
  await records(machine, 'backup', source, repository);

  const listed = await machine.run('ls', repository, String(before?.['snapshot']));
  assert.equal(listed.stdout.text, 'a.txt\nletters/\nletters/b.txt\n');
  const long = await machine.run('ls', repository, ':a.txt', '--long');
  assert.match(long.stdout.text, /^-rw-r--r-- .* 7  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d  a\.txt\n$/u);
  const found = await records(machine, 'find', repository, 'b.*');
  assert.deepEqual(
    found.map(({ path }) => path),
    [machine.of('source/letters/b.txt')],
  );
  const difference = await machine.run('diff', repository, String(before?.['snapshot']), 'latest');
  assert.equal(difference.stdout.text, 'M a.txt\n+ c.txt\n- letters/b.txt\n');
  const printed = await machine.run('cat', repository, 'latest:a.txt');
  assert.equal(printed.stdout.text, 'changed');
  const [stats] = (await records(machine, 'stats', repository)).slice(-1);
  assert.equal(stats?.['snapshots'], 2);
});

test('a repository is kept in order', async () => {
  await using machine = await ownMachine();
  const [source, repository] = [machine.of('source'), machine.of('repository')];
  for (const text of ['one', 'two', 'three']) {
    await machine.write({ 'a.txt': text });
    await records(machine, 'backup', source, repository);
  }
  const named = await machine.run('forget', repository, 'latest');
  assert.equal(named.status, 2);
  assert.match(named.stderr.text, /The newest snapshot of ".*" with these sources would go/u);
  const dry = await machine.run('forget', repository, '--keep-last', '1', '--force', '-n');
  assert.match(dry.stdout.text, /2 snapshots would be forgotten, 1 kept/u);
  assert.equal((await records(machine, 'snapshots', repository)).length, 3);
  const decisions = await records(machine, 'forget', repository, '--keep-last', '1', '--force');
  assert.deepEqual(
    decisions.filter(({ type }) => type === 'decision').map(({ keep }) => keep),
    [true, false, false],
  );
  await records(machine, 'prune', repository);
  await records(machine, 'rebuild-index', repository);
  const checked = await machine.run('check', repository, '--read-data');
  assert.equal(checked.status, 0);
  assert.match(checked.stdout.text, /^No damage found: 1 snapshot, /u);

  const copy = machine.of('copy');
  assert.equal((await records(machine, 'copy', repository, copy)).at(-1)?.['copied'], 1);
  assert.equal((await records(machine, 'copy', repository, copy)).at(-1)?.['copied'], 0);
  await records(machine, 'restore', copy, '-t', machine.of('out'));
  assert.equal(await readFile(machine.of('out/a.txt'), 'utf8'), 'three');
});

test("a command's output is backed up; if it fails there is no snapshot", async () => {
  await using machine = await ownMachine();
  const repository = machine.of('repository');
  const dump = ['--stdin-from-command', '--stdin-filename', 'shop.sql', '--', '/bin/sh', '-c'];
  const failed = await machine.run('backup', repository, ...dump, 'echo half; exit 7');
  assert.equal(failed.status, 1);
  assert.match(failed.stderr.text, /"\/bin\/sh" failed: it ended with status 7/u);
  assert.deepEqual(await records(machine, 'snapshots', repository), []);
  const done = await machine.run('backup', repository, ...dump, 'echo "$HOME"');
  assert.equal(done.status, 0, done.stderr.text);
  const printed = await machine.run('cat', repository, 'latest:shop.sql');
  assert.equal(printed.stdout.text, `${machine.of('home')}\n`);
  for (const more of [[], ['--dry-run']]) {
    const inPlace = await machine.run('restore', repository, '--in-place', ...more);
    assert.equal(inPlace.status, 2);
    assert.match(inPlace.stderr.text, /has no place that it could be restored to$/mu);
  }
});

test('keys: a passphrase is asked for twice, changed, exported and removed', async () => {
  await using machine = await ownMachine();
  const repository = machine.of('repository');
  const { HOLDFAST_INSECURE_NO_PASSPHRASE: _none, ...environment } = machine.environment;
  const made = await machine.runWith(
    { environment, typed: ['first', 'typo', 'first', 'first'] },
    'init',
    repository,
  );
  assert.equal(made.status, 0, made.stderr.text);
  assert.ok(made.stdin.rawWhileTyped.every((raw) => raw));

  const first = { environment: { ...environment, HOLDFAST_PASSPHRASE: 'first' } };
  const changed = await machine.runWith(
    { environment: { ...first.environment, HOLDFAST_NEW_PASSPHRASE: 'second' } },
    'key',
    'passphrase',
    repository,
  );
  assert.equal(changed.status, 0, changed.stderr.text);
  const old = await machine.runWith(first, 'snapshots', repository);
  assert.equal(old.status, 12);
  const second = { environment: { ...environment, HOLDFAST_PASSPHRASE: 'second' } };
  const sheet = machine.of('sheet.txt');
  const exported = await machine.runWith(second, 'key', 'export', repository, '--output', sheet);
  assert.equal(exported.status, 0, exported.stderr.text);
  const again = await machine.runWith(second, 'key', 'export', repository, '--output', sheet);
  assert.equal(again.status, 1, 'a sheet is never written over a file');

  const rescued = await machine.runWith(
    { environment: { ...environment, HOLDFAST_NEW_PASSPHRASE: 'third' } },
    'key',
    'add',
    repository,
    '--recovery-sheet',
    sheet,
    '--label',
    'Bert',
  );
  assert.equal(rescued.status, 0, rescued.stderr.text);
  const third = { environment: { ...environment, HOLDFAST_PASSPHRASE: 'third' } };
  const listed = await machine.runWith(third, 'key', 'list', repository, '--json');
  const own = listed.stdout.records.find(({ current }) => current === true);
  const other = listed.stdout.records.find(({ current }) => current === false);
  assert.equal(own?.['label'], 'Bert');
  const kept = await machine.runWith(third, 'key', 'remove', repository, String(own?.['id']), '-y');
  assert.equal(kept.status, 2, 'the key that opened stays');
  const id = String(other?.['id']).slice(0, 6);
  const removed = await machine.runWith(third, 'key', 'remove', repository, id, '--yes');
  assert.equal(removed.status, 0, removed.stderr.text);
  assert.equal((await machine.runWith(second, 'snapshots', repository)).status, 12);
});

test('a source that is a link to a file is that file, also in an archive of duplicity', async () => {
  await using machine = await ownMachine();
  await machine.write({ 'a.txt': 'one' });
  await symlink('a.txt', machine.of('source/link'));
  for (const format of ['native', 'duplicity']) {
    const place = machine.of(format);
    await records(machine, 'backup', machine.of('source/link'), place, '--format', format);
    assert.equal((await machine.run('cat', place, 'latest:link')).stdout.text, 'one');
  }
});

test('how many times smaller is told in digits that mean something', async () => {
  await using machine = await ownMachine();
  await machine.write({ 'a.txt': 'one' });
  await truncate(machine.of('source/a.txt'), 1024 ** 4);
  const repository = machine.of('repository');
  assert.equal((await machine.run('backup', machine.of('source'), repository)).status, 0);
  const stats = await machine.run('stats', repository);
  assert.match(stats.stdout.text, /\(\d{1,3}(?:,\d{3})+× smaller/u);
  assert.doesNotMatch(stats.stdout.text, /\d{3}\.\d\d×/u);
});

test('what is looked at is as new as the answer to the question for the passphrase', async () => {
  await using machine = await ownMachine();
  await machine.write({ 'a.txt': 'one' });
  const [repository, older, newer] = ['repository', 'older', 'newer'].map((name) =>
    machine.of(name),
  ) as [string, string, string];
  const environment = { HOME: machine.of('home'), PATH: process.env['PATH'] ?? '' };
  const withPassphrase = { environment: { ...environment, HOLDFAST_PASSPHRASE: 'right' } };
  const backUp = async (): Promise<void> => {
    const ran = await machine.runWith(withPassphrase, 'backup', machine.of('source'), repository);
    assert.equal(ran.status, 0, ran.stderr.text);
  };
  await backUp();
  await cp(repository, older, { recursive: true });
  await backUp();
  await rename(repository, newer);
  await rename(older, repository);
  // Somebody who is asked takes his time, and a backup ends meanwhile.
  const command = `sleep 0.3; cp -r ${newer}/. ${repository}; echo right`;
  const ran = await machine.runWith(
    { environment },
    'snapshots',
    repository,
    '--json',
    '--passphrase-command',
    command,
  );
  assert.equal(ran.status, 0, ran.stderr.text);
  assert.equal(ran.stdout.records.filter(({ type }) => type === 'snapshot').length, 2);
});
