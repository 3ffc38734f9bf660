import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { describe, test } from 'node:test';

import { bindMount, noBindMount } from '#test/support/bind-mount.ts';
import { scratchDirectory } from '#test/support/scratch-directory.ts';
import { noise, problemsOf, restoreNewest, snapshotOf } from '#test/support/small-restore.ts';

import { forward } from '../../storage/layers/forward.ts';
import type { Storage } from '../../storage/storage.ts';
import type { RestoreInput } from '../restore.ts';
import { unfinishedMode } from './file-restorer.ts';

describe('restoring in place', () => {
  test('names of one file that are the same are left as they are', async () => {
    using scratch = scratchDirectory();
    const { storage, source } = await snapshotOf(scratch.path, (at) => {
      mkdirSync(`${at}/b`);
      writeFileSync(`${at}/a`, noise(2_000_000), { mode: 0o600 });
      linkSync(`${at}/a`, `${at}/b/again`);
      linkSync(`${at}/a`, `${at}/c`);
    });
    const names = ['a', 'b/again', 'c'].map((name) => `${source}/${name}`);
    const inodes = (): number[] => names.map((name) => lstatSync(name).ino);
    const [inode] = inodes();
    const inPlace = async (dryRun: boolean, input: Partial<RestoreInput> = {}) => {
      const { summary } = await restoreNewest(storage, scratch.path, {
        target: undefined,
        dryRun,
        ...input,
      });
      assert.equal(summary.errors, 0);
      return [summary.files, summary.filesUnchanged, summary.bytesAdded];
    };
    assert.deepEqual(await inPlace(true), [3, 3, 0]);
    chmodSync(`${source}/a`, 0o644);
    assert.deepEqual(await inPlace(false), [3, 3, 0]);
    assert.deepEqual(inodes(), [inode, inode, inode]);
    assert.equal(lstatSync(`${source}/c`).mode & 0o777, 0o600);
    // A name that is gone or has become another file is made again, and the others stay.
    rmSync(`${source}/b/again`);
    rmSync(`${source}/c`);
    writeFileSync(`${source}/c`, 'other');
    assert.deepEqual(await inPlace(true), [3, 1, 0]);
    assert.deepEqual(await inPlace(false), [3, 1, 0]);
    assert.deepEqual(inodes(), [inode, inode, inode]);
  });

  test('a name that is made again in a directory that was finished before leaves that as the snapshot has it', async () => {
    using scratch = scratchDirectory();
    const { storage, source } = await snapshotOf(scratch.path, (at) => {
      for (const name of ['first', 'many', 'then']) mkdirSync(`${at}/${name}`);
      writeFileSync(`${at}/first/a`, 'content');
      linkSync(`${at}/first/a`, `${at}/first/b`);
      linkSync(`${at}/first/a`, `${at}/then/c`);
      // More than is restored at once.
      for (let number = 0; number < 4100; number++)
        writeFileSync(`${at}/many/${number}`, `${number}`);
      utimesSync(`${at}/first`, 5000, 5000);
    });
    rmSync(`${source}/first/b`);
    rmSync(`${source}/many`, { recursive: true });
    const { summary } = await restoreNewest(storage, scratch.path, { target: undefined });
    assert.equal(summary.filesUnchanged, 2);
    assert.equal(lstatSync(`${source}/first/b`).nlink, 3);
    assert.equal(lstatSync(`${source}/first`).mtimeMs, 5_000_000);
  });

  test('what has several names stays where its directory is mounted twice', async (context) => {
    using scratch = scratchDirectory();
    const { storage, source } = await snapshotOf(scratch.path, (at) => {
      for (const name of ['first', 'second']) mkdirSync(`${at}/${name}`);
    });
    using mount = bindMount(`${source}/first`, `${source}/second`);
    if (mount === undefined) return context.skip(noBindMount);
    await snapshotOf(
      scratch.path,
      (at) => {
        writeFileSync(`${at}/first/a`, 'content');
        linkSync(`${at}/first/a`, `${at}/first/b`);
      },
      storage,
    );
    const inPlace = async (): Promise<unknown[]> => {
      const { summary } = await restoreNewest(storage, scratch.path, { target: undefined });
      return [summary.errors, summary.files, summary.filesUnchanged];
    };
    assert.deepEqual(await inPlace(), [0, 4, 4]);
    assert.deepEqual(readdirSync(`${source}/first`), ['a', 'b']);
    // What has only one name is not waited for.
    rmSync(`${source}/first/b`);
    await inPlace();
    assert.equal(readFileSync(`${source}/first/a`, 'utf8'), 'content');
  });

  test('a file that has a name outside is replaced, and nothing is done to what has that name', async () => {
    using scratch = scratchDirectory();
    const { storage, source } = await snapshotOf(scratch.path, (at) => {
      mkdirSync(`${at}/b`);
      writeFileSync(`${at}/a`, 'content');
      linkSync(`${at}/a`, `${at}/b/again`);
      utimesSync(`${at}/b`, 5000, 5000);
      // Once it is finished nothing can be made in it, but by root.
      chmodSync(`${at}/b`, 0o500);
    });
    const outside = scratch.of('outside');
    linkSync(`${source}/a`, outside);
    chmodSync(outside, 0o640);
    const { summary } = await restoreNewest(storage, scratch.path, { target: undefined });
    assert.equal(summary.errors, 0);
    assert.equal(lstatSync(outside).mode & 0o777, 0o640);
    assert.notEqual(lstatSync(`${source}/a`).ino, lstatSync(outside).ino);
    assert.equal(lstatSync(`${source}/a`).ino, lstatSync(`${source}/b/again`).ino);
    assert.equal(lstatSync(outside).nlink, 1);
    assert.equal(lstatSync(`${source}/b`).mtimeMs, 5_000_000);
    assert.equal(lstatSync(`${source}/b`).mode & 0o777, 0o500);
    chmodSync(`${source}/b`, 0o700);
  });

  test('a name outside is not taken for one of those that a second mount shows', async (context) => {
    using scratch = scratchDirectory();
    const { storage, source } = await snapshotOf(scratch.path, (at) => {
      for (const name of ['first', 'second']) mkdirSync(`${at}/${name}`);
      writeFileSync(`${at}/first/a`, 'content', { mode: 0o600 });
      linkSync(`${at}/first/a`, `${at}/second/a`);
    });
    const outside = scratch.of('outside');
    rmSync(`${source}/second/a`);
    linkSync(`${source}/first/a`, outside);
    chmodSync(outside, 0o640);
    using mount = bindMount(`${source}/first`, `${source}/second`);
    if (mount === undefined) return context.skip(noBindMount);
    await restoreNewest(storage, scratch.path, { target: undefined });
    assert.equal(lstatSync(outside).mode & 0o777, 0o640);
    assert.equal(lstatSync(outside).nlink, 1);
    assert.equal(readFileSync(`${source}/first/a`, 'utf8'), 'content');
  });

  test('names that are the same by size and time are looked into if that is wanted, or if a restore has left them unfinished', async () => {
    using scratch = scratchDirectory();
    const { storage, source } = await snapshotOf(scratch.path, (at) => {
      writeFileSync(`${at}/a`, 'content');
      linkSync(`${at}/a`, `${at}/b`);
      utimesSync(`${at}/a`, 5000, 5000);
    });
    for (const verify of [true, false]) {
      writeFileSync(`${source}/a`, 'damaged');
      utimesSync(`${source}/a`, 5000, 5000);
      if (!verify) chmodSync(`${source}/a`, unfinishedMode);
      await restoreNewest(storage, scratch.path, { target: undefined, verify });
      for (const name of ['a', 'b']) {
        assert.equal(readFileSync(`${source}/${name}`, 'utf8'), 'content');
        assert.equal(lstatSync(`${source}/${name}`).nlink, 2);
      }
    }
  });
});

describe('restoring what has several names', () => {
  test('the other names are restored if the first one cannot be written', async () => {
    using scratch = scratchDirectory();
    const { storage, target } = await snapshotOf(scratch.path, (at) => {
      for (const name of ['first', 'then']) mkdirSync(`${at}/${name}`);
      writeFileSync(`${at}/first/large`, noise(3_000_000));
      writeFileSync(`${at}/first/small`, 'small');
      for (const name of ['large', 'small']) {
        linkSync(`${at}/first/${name}`, `${at}/then/${name}`);
        linkSync(`${at}/first/${name}`, `${at}/then/${name} again`);
      }
      utimesSync(`${at}/then`, 5000, 5000);
    });
    const inTheWay: Storage = {
      ...forward(storage),
      async read(name, options) {
        // Directories are made when the first content is asked for.
        if (existsSync(`${target}/first`)) {
          rmSync(`${target}/first`, { recursive: true });
          symlinkSync('nowhere', `${target}/first`);
        }
        return storage.read(name, options);
      },
    };
    const restored = await restoreNewest(inTheWay, scratch.path, {});
    assert.ok(restored.summary.errors > 0);
    assert.ok(problemsOf(restored).every((problem) => problem.includes('"first')));
    const found = readdirSync(`${target}/then`).toSorted();
    const names = ['large', 'small'];
    assert.deepEqual(
      found,
      names.flatMap((name) => [name, `${name} again`]),
    );
    for (const name of names) {
      const [one, again] = [name, `${name} again`].map((own) => lstatSync(`${target}/then/${own}`));
      assert.equal(one!.ino, again!.ino);
      assert.equal(one!.size, lstatSync(scratch.of('source', 'first', name)).size);
    }
    assert.equal(lstatSync(`${target}/then`).mtimeMs, 5_000_000);
  });
});
