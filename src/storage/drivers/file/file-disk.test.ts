import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  access,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';

import { namesIn, pattern, rejectsWith, sourceOf } from '#test/support/storage-samples.ts';
import { FakeClock } from '#test/support/fake-clock.ts';
import { runWithFileSizeLimit } from '#test/support/limited-file-size.ts';
import { noSmallDisk, smallDisk } from '#test/support/small-disk.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { FileStorage } from './file.ts';

const mebibyte = 1024 ** 2;
const run = promisify(execFile);

async function allFiles(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
}

describe('FileStorage on a disk that is full', () => {
  test('says so, leaves nothing half-made, and goes on when there is space again', async (context) => {
    await using disk = await smallDisk(4 * mebibyte);
    if (disk === undefined) return context.skip(noSmallDisk);
    const storage = await FileStorage.open(path.join(disk.path, 'root'));
    await storage.put('packs/a', pattern(2 * mebibyte));
    await rejectsWith(storage.put('packs/b', pattern(3 * mebibyte)), 'storage/out-of-space');
    const pieces = Array.from({ length: 30 }, () => pattern(mebibyte / 10));
    await rejectsWith(
      storage.put('packs/b', sourceOf(pieces), { ifAbsent: true }),
      'storage/out-of-space',
    );
    await rejectsWith(storage.put('packs/a', pattern(3 * mebibyte)), 'storage/out-of-space');
    assert.deepEqual(await allFiles(disk.path), ['a']);
    assert.deepEqual(await storage.read('packs/a'), pattern(2 * mebibyte));
    await storage.delete('packs/a');
    await storage.put('packs/b', pattern(3 * mebibyte));
    assert.deepEqual(await namesIn(storage, ''), ['packs/b']);
  });

  test('says so when a limit cuts a write short', async () => {
    await using directory = await temporaryDirectory();
    const output = await runWithFileSizeLimit(
      mebibyte,
      `import { FileStorage } from ${JSON.stringify(path.join(import.meta.dirname, 'file.ts'))};
       const storage = await FileStorage.open(${JSON.stringify(directory.path)});
       await storage.put('small', new Uint8Array(1000));
       await storage.put('large', new Uint8Array(${3 * mebibyte})).catch((error) => console.log(error.code));`,
    );
    assert.equal(output.trim(), 'storage/out-of-space');
    assert.deepEqual(await allFiles(directory.path), ['small']);
  });
});

describe('FileStorage whose directory is not there', () => {
  test('was never there: not found, also for a listing, and a put makes it', async () => {
    await using directory = await temporaryDirectory();
    const root = path.join(directory.path, 'new', 'root');
    const storage = await FileStorage.open(root);
    await rejectsWith(namesIn(storage, ''), 'storage/not-found');
    await rejectsWith(storage.read('a'), 'storage/not-found');
    await rejectsWith(storage.stat('a'), 'storage/not-found');
    await storage.delete('a');
    await assert.rejects(access(path.join(directory.path, 'new')));
    await storage.put('a', pattern(1));
    assert.deepEqual(await namesIn(storage, ''), ['a']);
  });

  test('has gone: every call says that the disk is missing, and nothing is made', async () => {
    await using directory = await temporaryDirectory();
    const root = path.join(directory.path, 'root');
    await mkdir(root);
    const storage = await FileStorage.open(root);
    await storage.put('d/a', pattern(1));
    await rename(root, `${root}-away`);
    await rejectsWith(namesIn(storage, ''), 'storage/unavailable');
    await rejectsWith(namesIn(storage, 'd/'), 'storage/unavailable');
    await rejectsWith(storage.read('d/a'), 'storage/unavailable');
    await rejectsWith(storage.get('d/a'), 'storage/unavailable');
    await rejectsWith(storage.stat('d/a'), 'storage/unavailable');
    await rejectsWith(storage.delete('d/a'), 'storage/unavailable');
    await rejectsWith(storage.put('d/a', pattern(2)), 'storage/unavailable');
    await assert.rejects(access(root));
    await rename(`${root}-away`, root);
    assert.deepEqual(await storage.read('d/a'), pattern(1));
  });

  test('has gone while it is listed: the list does not end early', async () => {
    await using directory = await temporaryDirectory();
    const root = path.join(directory.path, 'root');
    await mkdir(root);
    const storage = await FileStorage.open(root);
    for (const name of ['a/1', 'b/1', 'c/1']) await storage.put(name, pattern(1));
    await rejectsWith(
      (async () => {
        for await (const { name } of storage.list('')) {
          assert.ok(name);
          await rm(root, { recursive: true, force: true });
        }
      })(),
      'storage/unavailable',
    );
  });

  test('was unmounted: the empty directory below is not taken for the storage', async (context) => {
    await using disk = await smallDisk(mebibyte);
    if (disk === undefined) return context.skip(noSmallDisk);
    const storage = await FileStorage.open(disk.path);
    await storage.put('a', pattern(1));
    await disk.unmount();
    await rejectsWith(namesIn(storage, ''), 'storage/unavailable');
    await rejectsWith(storage.read('a'), 'storage/unavailable');
    await rejectsWith(storage.stat('a'), 'storage/unavailable');
    await rejectsWith(storage.put('b', pattern(1)), 'storage/unavailable');
    await rejectsWith(storage.delete('a'), 'storage/unavailable');
    assert.deepEqual(await readdir(disk.path), []);
  });

  test('is a file: access denied', async () => {
    await using directory = await temporaryDirectory();
    const file = path.join(directory.path, 'file');
    await writeFile(file, '');
    await rejectsWith(FileStorage.open(file), 'storage/access-denied');
  });
});

describe('FileStorage and what others put into its directory', () => {
  async function setUp() {
    const directory = await temporaryDirectory();
    const root = path.join(directory.path, 'root');
    const outside = path.join(directory.path, 'outside');
    await mkdir(root);
    await mkdir(outside);
    await writeFile(path.join(outside, 'x'), 'outside');
    const storage = await FileStorage.open(root);
    return {
      storage,
      root,
      outside,
      [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
    };
  }

  test('links to objects are neither listed nor read', async () => {
    await using all = await setUp();
    await symlink(path.join(all.outside, 'x'), path.join(all.root, 'link'));
    assert.deepEqual(await namesIn(all.storage, ''), []);
    await rejectsWith(all.storage.read('link'), 'storage/access-denied');
    await rejectsWith(all.storage.stat('link'), 'storage/access-denied');
    await rejectsWith(
      all.storage.put('link', pattern(1), { ifAbsent: true }),
      'storage/already-exists',
    );
    await all.storage.put('link', pattern(1));
    assert.deepEqual(await all.storage.read('link'), pattern(1));
    assert.equal(await readFile(path.join(all.outside, 'x'), 'utf8'), 'outside');
  });

  test('links to directories are never gone through', async () => {
    await using all = await setUp();
    await symlink(all.outside, path.join(all.root, 'packs'));
    await rejectsWith(all.storage.read('packs/x'), 'storage/access-denied');
    await rejectsWith(all.storage.stat('packs/x'), 'storage/access-denied');
    await rejectsWith(all.storage.put('packs/x', pattern(1)), 'storage/access-denied');
    await rejectsWith(all.storage.put('packs/d/x', pattern(1)), 'storage/access-denied');
    await rejectsWith(all.storage.delete('packs/x'), 'storage/access-denied');
    await rejectsWith(namesIn(all.storage, 'packs/'), 'storage/access-denied');
    assert.deepEqual(await namesIn(all.storage, ''), []);
    assert.deepEqual(await readdir(all.outside), ['x']);
    assert.equal(await readFile(path.join(all.outside, 'x'), 'utf8'), 'outside');
  });

  test('a FIFO is no object and does not block', async () => {
    await using all = await setUp();
    await run('mkfifo', [path.join(all.root, 'fifo')]);
    await rejectsWith(all.storage.read('fifo'), 'storage/access-denied');
    await rejectsWith(all.storage.stat('fifo'), 'storage/access-denied');
    assert.deepEqual(await namesIn(all.storage, ''), []);
  });

  test('a name below an object, or the name of a directory, cannot be stored', async () => {
    await using all = await setUp();
    await all.storage.put('d/x', pattern(1));
    await rejectsWith(all.storage.put('d/x/y', pattern(1)), 'storage/access-denied');
    await rejectsWith(all.storage.put('d', pattern(1)), 'storage/access-denied');
    assert.deepEqual(await namesIn(all.storage, ''), ['d/x']);
    await rejectsWith(all.storage.put('n'.repeat(256), pattern(1)), 'input/invalid');
    await all.storage.put('n'.repeat(255), pattern(1));
    assert.deepEqual(await allFiles(all.root), ['n'.repeat(255), 'x']);
  });

  test('a directory that somebody removes is made again', async () => {
    await using all = await setUp();
    await all.storage.put('d/e/x', pattern(1));
    await rm(path.join(all.root, 'd'), { recursive: true });
    await all.storage.put('d/e/x', pattern(2));
    assert.deepEqual(await all.storage.read('d/e/x'), pattern(2));
  });
});

describe('FileStorage and what a crash has left', () => {
  const leftover = '.holdfast-unfinished-0123456789abcdef01234567';

  test('leftovers are never shown, and their names are refused', async () => {
    await using directory = await temporaryDirectory();
    const storage = await FileStorage.open(directory.path);
    await writeFile(path.join(directory.path, leftover), 'half');
    assert.deepEqual(await namesIn(storage, ''), []);
    assert.deepEqual(await namesIn(storage, '.holdfast'), []);
    await rejectsWith(storage.read(leftover), 'input/invalid');
    await rejectsWith(storage.put(leftover, pattern(1)), 'input/invalid');
    await rejectsWith(storage.put(`${leftover}/x`, pattern(1)), 'input/invalid');
  });

  test('old ones go with the first put into their directory, young ones and objects stay', async () => {
    await using directory = await temporaryDirectory();
    const clock = new FakeClock(Date.now());
    await mkdir(path.join(directory.path, 'd'));
    const old = path.join(directory.path, 'd', leftover);
    const young = path.join(directory.path, 'd', leftover.replace('0123', '4567'));
    const object = path.join(directory.path, 'd', 'object');
    for (const file of [old, young, object]) await writeFile(file, 'x');
    const hours = (count: number): number => clock.now() / 1000 - count * 3600;
    await utimes(old, hours(25), hours(25));
    await utimes(young, hours(23), hours(23));
    await utimes(object, hours(9999), hours(9999));
    const storage = await FileStorage.open(directory.path, { clock });
    assert.equal((await allFiles(directory.path)).length, 3);
    assert.deepEqual(await namesIn(storage, ''), ['d/object']);
    assert.equal((await allFiles(directory.path)).length, 3);
    await storage.put('d/new', pattern(1));
    assert.deepEqual(
      (await allFiles(directory.path)).toSorted(),
      [path.basename(young), 'new', 'object'].toSorted(),
    );
  });

  test('a put that is killed leaves no object, and the next one succeeds', async () => {
    await using directory = await temporaryDirectory();
    const module = `
      import { FileStorage } from ${JSON.stringify(path.join(import.meta.dirname, 'file.ts'))};
      const storage = await FileStorage.open(${JSON.stringify(directory.path)});
      const pieces = async function* () { yield new Uint8Array(1000); process.kill(process.pid, 'SIGKILL'); yield new Uint8Array(1000); };
      await storage.put('d/x', { size: 2000, stream: () => ReadableStream.from(pieces()) });`;
    await assert.rejects(run(process.execPath, ['--input-type=module-typescript', '-e', module]), {
      signal: 'SIGKILL',
    });
    const storage = await FileStorage.open(directory.path);
    assert.equal((await allFiles(directory.path)).length, 1);
    assert.deepEqual(await namesIn(storage, ''), []);
    await storage.put('d/x', pattern(2000));
    assert.deepEqual(await storage.read('d/x'), pattern(2000));
  });
});
