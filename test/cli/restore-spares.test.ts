import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';

import { bindMount, noBindMount } from '../support/bind-mount.ts';
import { type OwnMachine, ownMachine } from './own-machine.ts';

interface Ended {
  readonly status: number;
  readonly told: string;
}

async function run(machine: OwnMachine, ...argv: string[]): Promise<Ended> {
  const { status, stdout, stderr } = await machine.run(...argv);
  return { status, told: `${stdout.text}\n${stderr.text}` };
}

async function works(machine: OwnMachine, ...argv: string[]): Promise<string> {
  const { status, told } = await run(machine, ...argv);
  assert.equal(status, 0, told);
  return told;
}

/** A directory that was backed up into a repository below it, with something in it that came later. */
async function nested(machine: OwnMachine): Promise<{ source: string; repository: string }> {
  const source = machine.of('source');
  const repository = machine.of('source/disk/repository');
  await machine.write({ 'docs/a.txt': 'one' });
  await works(machine, 'backup', source, repository, '--exclude', repository);
  await machine.write({ 'docs/a.txt': 'changed', 'docs/later.txt': 'two', 'disk/later.txt': 'x' });
  return { source, repository };
}

describe('a restore spares the repository that it reads', () => {
  test('below the restored directory, with --delete and without', async () => {
    await using machine = await ownMachine();
    const { source, repository } = await nested(machine);
    const dry = await works(machine, 'restore', repository, '--in-place', '--delete', '--dry-run');
    assert.match(dry, /Would delete 2 entries/u);
    assert.match(dry, /repository" is left alone: it is the repository/u);
    await works(machine, 'restore', repository, '--in-place');
    assert.equal(await readFile(`${source}/docs/a.txt`, 'utf8'), 'one');
    const told = await works(machine, 'restore', repository, '--in-place', '--delete');
    assert.match(told, /Deleted 2 entries/u);
    assert.match(told, /repository" is left alone: it is the repository/u);
    assert.deepEqual(await readdir(`${source}/docs`), ['a.txt']);
    assert.deepEqual(await readdir(`${source}/disk`), ['repository']);
    await works(machine, 'check', repository, '--read-data');
  });

  test('reached through a link, under another name', async () => {
    await using machine = await ownMachine();
    const { source, repository } = await nested(machine);
    await symlink(source, machine.of('link'));
    const link = machine.of('link/disk/repository');
    const told = await works(machine, 'restore', link, '--in-place', '--delete');
    assert.match(told, /Deleted 2 entries/u);
    await works(machine, 'check', repository, '--read-data');
  });

  test('in the place of what the snapshot has', async () => {
    await using machine = await ownMachine();
    const [source, repository] = [machine.of('source'), machine.of('repository')];
    await machine.write({ file: 'one', 'directory/a.txt': 'two', 'deep/er': 'three' });
    await mkdir(`${source}/empty`);
    await works(machine, 'backup', source, repository);
    const before = await readdir(repository, { recursive: true });
    for (const place of ['file', 'directory', 'deep/er', 'empty']) {
      await rm(`${source}/${place}`, { recursive: true });
      await rename(repository, `${source}/${place}`);
      const ended = await run(
        machine,
        'restore',
        `${source}/${place}`,
        '--in-place',
        '--delete',
        '--overwrite',
        'always',
      );
      assert.match(ended.told, /the repository/u);
      // An empty directory is there already, in a way.
      assert.equal(ended.status, place === 'empty' ? 0 : 3, ended.told);
      await rename(`${source}/${place}`, repository);
      assert.deepEqual(await readdir(repository, { recursive: true }), before);
      await works(machine, 'restore', repository, '--in-place', '--delete');
    }
    // A file is to be where the repository lies two levels below.
    await rm(`${source}/file`);
    await mkdir(`${source}/file/in`, { recursive: true });
    await writeFile(`${source}/file/mine`, 'mine');
    await rename(repository, `${source}/file/in/repository`);
    const deep = `${source}/file/in/repository`;
    const { status, told } = await run(machine, 'restore', deep, '--in-place', '--delete');
    assert.equal(status, 3, told);
    assert.match(told, /file": the repository is there/u);
    assert.ok(existsSync(`${source}/file/mine`));
    await works(machine, 'check', deep, '--read-data');
  });

  test('as the target, or around it', async () => {
    await using machine = await ownMachine();
    const [source, repository] = [machine.of('source'), machine.of('repository')];
    await machine.write({ 'a.txt': 'one' });
    await works(machine, 'backup', source, repository);
    await symlink(repository, machine.of('link'));
    const before = await readdir(repository, { recursive: true });
    for (const [target, what] of [
      [repository, 'is'],
      [machine.of('link'), 'is'],
      [machine.of('repository/packs'), 'lies in'],
      [machine.of('link/new/one'), 'lies in'],
    ] as const) {
      const ended = await run(
        machine,
        'restore',
        repository,
        '--target',
        target,
        '--overwrite',
        'always',
        '--delete',
      );
      assert.equal(ended.status, 1);
      assert.ok(ended.told.includes(`that ${what} the repository itself`), ended.told);
    }
    assert.deepEqual(await readdir(repository, { recursive: true }), before);
    await rm(source, { recursive: true });
    await rename(repository, source);
    const ended = await run(machine, 'restore', source, '--in-place', '--delete');
    assert.equal(ended.status, 1);
    assert.match(ended.told, /that is the repository itself/u);
  });

  test('when a part of it or all of it is mounted elsewhere', async (context) => {
    await using machine = await ownMachine();
    const [source, repository] = [machine.of('source'), machine.of('repository')];
    await machine.write({ 'packs/a.txt': 'one', 'deep/packs/b.txt': 'two', file: 'three' });
    await works(machine, 'backup', source, repository);
    const before = await readdir(repository, { recursive: true });
    const restores = async (...argv: string[]): Promise<Ended> => {
      const ended = await run(machine, 'restore', repository, '--delete', ...argv);
      assert.deepEqual(await readdir(repository, { recursive: true }), before);
      return ended;
    };
    {
      using mount = bindMount(`${repository}/packs`, `${source}/packs`);
      if (mount === undefined) return context.skip(noBindMount);
      const inPlace = await restores('--in-place');
      assert.equal(inPlace.status, 3, inPlace.told);
      assert.match(inPlace.told, /"packs": it is a part of the repository/u);
      for (const target of [`${source}/packs`, `${source}/packs/new`]) {
        const { status, told } = await restores('--overwrite', 'always', '--target', target);
        assert.equal(status, 1, told);
        assert.match(told, /that (?:is|lies in) a part of the repository itself/u);
      }
    }
    // A file is to be where the repository really lies, two levels below.
    await rm(`${source}/file`);
    await mkdir(`${source}/file/in`, { recursive: true });
    await writeFile(`${source}/file/mine`, 'mine');
    await rename(repository, `${source}/file/in/repository`);
    await mkdir(repository);
    using _mount = bindMount(`${source}/file/in/repository`, repository);
    const { status, told } = await restores('--in-place');
    assert.equal(status, 3, told);
    assert.match(told, /file": the repository is there/u);
    assert.ok(existsSync(`${source}/file/mine`));
  });

  test('with the link that it is reached through', async () => {
    await using machine = await ownMachine();
    const [source, repository] = [machine.of('source'), machine.of('repository')];
    await machine.write({ 'a.txt': 'one', file: 'two' });
    await works(machine, 'backup', source, repository);
    await symlink(repository, `${source}/link`);
    await writeFile(`${source}/a.txt`, 'changed');
    const told = await works(machine, 'restore', `${source}/link`, '--in-place', '--delete');
    assert.match(told, /link" is left alone: it is a link that leads to the repository/u);
    assert.equal(await readFile(`${source}/a.txt`, 'utf8'), 'one');
    await rm(`${source}/file`);
    await symlink(repository, `${source}/file`);
    const ended = await run(machine, 'restore', `${source}/file`, '--in-place');
    assert.equal(ended.status, 3, ended.told);
    assert.match(ended.told, /file": a link that leads to the repository is there/u);
    await works(machine, 'restore', repository, '--in-place', '--delete');
    assert.equal(await readFile(`${source}/file`, 'utf8'), 'two');
  });

  test('and keeps what this program itself works with', async () => {
    await using machine = await ownMachine();
    const home = machine.of('home');
    await mkdir(`${home}/.cache/other`, { recursive: true });
    await writeFile(`${home}/a.txt`, 'one');
    const repository = machine.of('repository');
    await works(machine, 'backup', home, repository, '--exclude', `${home}/.*`);
    const told = await works(machine, 'restore', repository, '--in-place', '--delete');
    assert.match(told, /it is the cache of this program/u);
    assert.match(told, /it is the state of this program/u);
    assert.deepEqual(await readdir(`${home}/.cache`), ['holdfast']);
    const state = `${home}/.local/state/holdfast`;
    const kept = await readdir(state);
    assert.ok(kept.length > 0);
    const into = ['restore', repository, '--target', state, '--overwrite', 'never'];
    const ended = await run(machine, ...into, '--delete');
    assert.equal(ended.status, 1);
    assert.match(ended.told, /that is the state of this program itself/u);
    assert.match(ended.told, /or leave out --delete/u);
    assert.deepEqual(await readdir(state), kept);
    await works(machine, ...into);
    // Neither where the snapshot has it, too.
    await mkdir(`${state}/inner`);
    await works(machine, 'backup', home, repository);
    const later = [`${state}/later`, `${state}/inner/later`];
    for (const file of later) await writeFile(file, '');
    await works(machine, 'restore', repository, '--in-place', '--delete');
    for (const file of later) assert.ok(existsSync(file));
  });
});

describe("a restore spares the archive of duplicity's that it reads", () => {
  test('as the target, around it, and in the place of what it holds', async () => {
    await using machine = await ownMachine();
    const [source, archive] = [machine.of('source'), machine.of('archive')];
    await machine.write({ 'place/a.txt': 'one', 'b.txt': 'two' });
    await works(machine, 'backup', '--format', 'duplicity', source, archive);
    for (const target of [archive, `${archive}/new`]) {
      const ended = await run(machine, 'restore', archive, '-t', target, '--overwrite', 'always');
      assert.equal(ended.status, 1);
      assert.match(ended.told, /that (?:is|lies in) the repository itself/u);
      const dropIn = await run(
        machine,
        'duplicity',
        'restore',
        '--no-encryption',
        '--force',
        `file://${archive}`,
        target,
      );
      assert.notEqual(dropIn.status, 0);
      assert.match(dropIn.told, /that (?:is|lies in) the repository itself/u);
    }
    for (const place of ['place', 'b.txt']) {
      await rm(`${source}/${place}`, { recursive: true });
      await rename(archive, `${source}/${place}`);
      const { status, told } = await run(machine, 'restore', `${source}/${place}`, '--in-place');
      assert.equal(status, 3, told);
      assert.match(told, /the repository is there/u);
      await rename(`${source}/${place}`, archive);
      await works(machine, 'check', archive, '--read-data');
      await works(machine, 'restore', archive, '--in-place');
    }
    assert.equal(await readFile(`${source}/place/a.txt`, 'utf8'), 'one');
    // In place of the link that it is reached through, or beside other things in what lies two levels above it.
    await rm(`${source}/b.txt`);
    await symlink(archive, `${source}/b.txt`);
    const linked = await run(machine, 'restore', `${source}/b.txt`, '--in-place');
    assert.equal(linked.status, 3, linked.told);
    assert.match(linked.told, /b\.txt": a link that leads to the repository is there/u);
    await rm(`${source}/b.txt`);
    await mkdir(`${source}/b.txt/in`, { recursive: true });
    await writeFile(`${source}/b.txt/mine`, 'mine');
    await rename(archive, `${source}/b.txt/in/archive`);
    const deep = await run(machine, 'restore', `${source}/b.txt/in/archive`, '--in-place');
    assert.equal(deep.status, 3, deep.told);
    assert.match(deep.told, /b\.txt": the repository is there/u);
    assert.ok(existsSync(`${source}/b.txt/mine`));
    await works(machine, 'check', `${source}/b.txt/in/archive`, '--read-data');
  });
});
