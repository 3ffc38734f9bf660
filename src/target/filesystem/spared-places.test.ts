import assert from 'node:assert/strict';
import { lstatSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';

import { openHandles, scratchDirectory } from '#test/support/scratch-directory.ts';

import { type SparedPlace, SparedPlaces } from './spared-places.ts';

const bytes = (text: string): Buffer => Buffer.from(text);

function identity(path: string): { device: number; inode: bigint } {
  const { dev, ino } = lstatSync(path, { bigint: true });
  return { device: Number(dev), inode: ino };
}

const repository = (directory: string): SparedPlace => ({
  directory,
  title: 'the repository',
  isUntouchable: true,
});

const state = (directory: string): SparedPlace => ({
  directory,
  title: 'the state',
  isUntouchable: false,
});

test('a place is known with the directories in it and the links that lead to it, as long as it is in use', () => {
  using scratch = scratchDirectory();
  mkdirSync(scratch.of('disk', 'repository', 'packs', '00'), { recursive: true });
  mkdirSync(scratch.of('state', 'inner'), { recursive: true });
  writeFileSync(scratch.of('disk', 'repository', 'file'), '');
  symlinkSync('disk/../disk', scratch.of('first'));
  symlinkSync(scratch.of('first', 'repository'), scratch.of('second'));
  symlinkSync('state', scratch.of('to state'));
  const before = openHandles();
  {
    using places = new SparedPlaces([
      repository(scratch.of('second')),
      repository(scratch.of('missing')),
      state(scratch.of('to state')),
    ]);
    for (const [path, title] of [
      ['disk/repository', 'the repository'],
      ['disk/repository/packs', 'a part of the repository'],
      ['first', 'a link that leads to the repository'],
      ['second', 'a link that leads to the repository'],
      ['state', 'the state'],
      ['disk', undefined],
      ['disk/repository/file', undefined],
      ['state/inner', undefined],
      ['to state', undefined],
    ] as const) {
      assert.equal(places.at(identity(scratch.of(path)))?.title, title, path);
    }
    // What is open keeps its inode number on every file system.
    assert.equal(openHandles(), before + 2);
  }
  assert.equal(openHandles(), before);
});

test('a target is neither in what is untouchable nor, if something is deleted, in what is spared', () => {
  using scratch = scratchDirectory();
  mkdirSync(scratch.of('repository', 'packs'), { recursive: true });
  mkdirSync(scratch.of('state'));
  using places = new SparedPlaces([
    repository(scratch.of('repository')),
    state(scratch.of('state')),
  ]);
  const refused = (target: string, deletes: boolean, message: RegExp): void =>
    assert.throws(() => places.requireOutside(bytes(scratch.of(target)), { deletes }), {
      code: 'target/refused',
      message,
    });
  for (const deletes of [true, false]) {
    refused('repository', deletes, /that is the repository itself$/u);
    refused('repository/packs', deletes, /that lies in the repository itself$/u);
    refused('repository/packs/new/one', deletes, /that lies in the repository itself$/u);
    places.requireOutside(bytes(scratch.of('new')), { deletes });
    places.requireOutside(bytes(scratch.path), { deletes });
  }
  refused('state', true, /that is the state itself$/u);
  refused('state/new', true, /that lies in the state itself$/u);
  places.requireOutside(bytes(scratch.of('state')), { deletes: false });
});
