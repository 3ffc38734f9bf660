import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';

import { storageContract } from '#test/contract/storage-contract.ts';
import { missingPrograms } from '#test/servers/required-programs.ts';
import { owning } from '#test/support/owning-storage.ts';
import { namesIn, pattern, rejectsWith } from '#test/support/storage-samples.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { systemClock } from '../../../base/clock.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { toHex } from '../../../base/bytes.ts';
import { runProgram } from '../../../base/process.ts';
import { systemRandom } from '../../../base/random.ts';
import type { DriverContext } from '../../driver.ts';
import { openStorage } from '../../open-storage.ts';
import type { Storage } from '../../storage.ts';

const secret = 'a-very-secret-word';

function contextWith(warnings: AppError[] = []): DriverContext {
  return {
    clock: systemClock,
    environment: {},
    warn: (problem) => void warnings.push(problem),
  };
}

/** A directory with `list.json` in it, and the URL for that. */
async function listOf(entries: unknown, query = '') {
  const directory = await temporaryDirectory();
  const file = path.join(directory.path, 'list.json');
  await writeFile(file, typeof entries === 'string' ? entries : JSON.stringify(entries));
  return {
    url: `multi://${file}${query}`,
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

/** Two memories and a directory. */
async function openThree(query: string): Promise<Storage> {
  const directory = await temporaryDirectory();
  const name = toHex(systemRandom(8));
  const list = await listOf(
    [
      { url: `memory://${name}-1` },
      { url: `file://${directory.path}`, description: 'a disk' },
      { url: `memory://${name}-2` },
    ],
    query,
  );
  const { storage } = await openStorage(list.url, {}, contextWith());
  return owning(owning(storage, directory), list);
}

storageContract('multi: in stripes', () => openThree('?mode=stripe'));
storageContract('multi: in stripes that must all work', () => openThree('?onfail=abort'));
storageContract('multi: as a mirror', () => openThree('?mode=mirror'));
storageContract('multi: as a strict mirror', () => openThree('?mode=mirror&onfail=abort'));

describe('a multi: URL', () => {
  const wrong: readonly (readonly [string, unknown, string])[] = [
    ['no JSON', `[{"url": "sftp://u:${secret}@h/x" "env": []}]`, ''],
    ['no list', { url: 'file:///x' }, ''],
    ['an empty list', [], ''],
    ['an entry without URL', [{ description: 'x' }], ''],
    ['an entry that is a text', ['file:///x'], ''],
    ['variables that are no list', [{ url: 'file:///x', env: { A: secret } }], ''],
    ['a variable without value', [{ url: 'file:///x', env: [{ name: secret }] }], ''],
    ['prefixes that are no list', [{ url: 'file:///x', prefixes: 'a' }], ''],
    ['an unknown kind of storage', [{ url: `nonsense://u:${secret}@h` }], ''],
    ['an unknown option of a store', [{ url: `file:///x?nonsense=${secret}` }], ''],
    ['an unknown parameter', [{ url: 'file:///x' }], '?nonsense=1'],
    ['an unknown mode', [{ url: 'file:///x' }], '?mode=raid5'],
    ['itself as a store', [{ url: 'multi:///x.json' }], ''],
    ['itself behind par2 as a store', [{ url: 'par2+multi:///x.json' }], ''],
  ];
  for (const [what, entries, query] of wrong) {
    test(`with ${what} is refused, without a word of what the file says`, async () => {
      await using list = await listOf(entries, query);
      await assert.rejects(openStorage(list.url, {}, contextWith()), (error) => {
        assert.ok(hasCode(error, 'input/usage'), String(error));
        assert.doesNotMatch(`${error.message} ${String(error.hint)}`, new RegExp(secret, 'u'));
        return true;
      });
    });
  }

  test('without a file is refused', async () => {
    await assert.rejects(openStorage('multi:///no/such/file.json', {}, contextWith()), {
      code: 'input/usage',
      message:
        'Cannot read the list of stores "/no/such/file.json": there is no such file or directory',
    });
    await rejectsWith(openStorage('multi://list.json', {}, contextWith()), 'input/usage');
  });

  test('says which store makes no sense', async () => {
    await using list = await listOf([{ url: 'memory://' }, { url: 'ftpp://host/x' }]);
    await assert.rejects(openStorage(list.url, {}, contextWith()), (error) => {
      assert.ok(hasCode(error, 'input/usage'));
      assert.match(error.message, /^Store 2 of ".*" cannot be opened: .*"ftpp"$/u);
      assert.match(error.hint ?? '', /"ftp"/u);
      return true;
    });
  });

  test('gives variables to one store alone, and leaves those of the process as they are', async () => {
    await using directory = await temporaryDirectory();
    const before = { ...process.env };
    const variable = { name: 'HOLDFAST_PAR2_REDUNDANCY', value: '1000' };
    await using list = await listOf([
      // Nothing asks for it there; the second store would refuse it.
      { url: 'memory://', env: [variable] },
      { url: `par2+file://${directory.path}` },
    ]);
    const { storage } = await openStorage(list.url, {}, contextWith());
    await storage[Symbol.asyncDispose]();
    assert.deepEqual({ ...process.env }, before);

    await using mistaken = await listOf([
      { url: `par2+file://${directory.path}`, env: [variable] },
    ]);
    await rejectsWith(openStorage(mistaken.url, {}, contextWith()), 'input/usage');
  });

  test('appends its subpath, before the options of a store', async () => {
    await using directory = await temporaryDirectory();
    await using list = await listOf(
      [{ url: `file://${directory.path}/one?attempts=2` }, { url: `${directory.path}/two` }],
      '?mode=mirror&subpath=/below',
    );
    const { storage } = await openStorage(list.url, {}, contextWith());
    await storage.put('a', pattern(10));
    assert.deepEqual(await readdir(path.join(directory.path, 'one/below')), ['a']);
    assert.deepEqual(await readdir(path.join(directory.path, 'two/below')), ['a']);
  });
});

/** Stores that are new directories. */
async function disks(count: number, query: string, prefixes: readonly (readonly string[])[] = []) {
  const directory = await temporaryDirectory();
  const warnings: AppError[] = [];
  const places = Array.from({ length: count }, (_, index) => `${directory.path}/disk${index + 1}`);
  const list = await listOf(
    places.map((place, index) => ({ url: `file://${place}`, prefixes: prefixes[index] })),
    query,
  );
  const { storage } = await openStorage(list.url, { flag: { attempts: 1 } }, contextWith(warnings));
  return {
    storage,
    places,
    warnings,
    [Symbol.asyncDispose]: async () => {
      await directory[Symbol.asyncDispose]();
      await list[Symbol.asyncDispose]();
    },
  };
}

describe('stores on disks', () => {
  test('that are all new are not found, then filled in turn', async () => {
    await using made = await disks(3, '');
    await rejectsWith(namesIn(made.storage, ''), 'storage/not-found');
    for (const name of ['a', 'b', 'c', 'd']) await made.storage.put(name, pattern(3));
    const held = await Promise.all(made.places.map((place) => readdir(place)));
    assert.deepEqual(held, [['a', 'd'], ['b'], ['c']]);
    assert.deepEqual(await namesIn(made.storage, ''), ['a', 'b', 'c', 'd']);
  });

  test('exist all after the first put, so that one that goes is missed', async () => {
    await using made = await disks(2, '');
    await made.storage.put('a', pattern(3));
    assert.deepEqual(await namesIn(made.storage, ''), ['a']);
    await rm(made.places[1] ?? '', { recursive: true });
    await assert.rejects(
      namesIn(made.storage, ''),
      (error) => !hasCode(error, 'storage/not-found'),
    );
  });

  for (const query of ['', '?mode=mirror&onfail=abort']) {
    test(`of which one is missing are neither empty nor written to (${query})`, async () => {
      for (const there of [0, 1]) {
        await using made = await disks(2, query);
        await mkdir(made.places[there] ?? '');
        await rejectsWith(namesIn(made.storage, ''), 'storage/no-container');
        await rejectsWith(made.storage.put('a', pattern(3)), 'storage/no-container');
      }
    });
  }

  test('get what their prefixes say, in both modes', async () => {
    const prefixes = [['manifest'], [], ['manifest', 'sig']];
    await using striped = await disks(3, '', prefixes);
    await using mirrored = await disks(3, '?mode=mirror', prefixes);
    for (const { storage } of [striped, mirrored])
      for (const name of ['manifest1', 'manifest2', 'sig1', 'vol1'])
        await storage.put(name, pattern(3));
    const held = (places: readonly string[]) =>
      Promise.all(places.map(async (place) => (await readdir(place)).toSorted()));
    const [first = [], second = [], third = []] = await held(striped.places);
    assert.equal(second.filter((name) => name !== 'vol1').length, 0);
    assert.equal([...first, ...third].filter((name) => name.startsWith('manifest')).length, 2);
    assert.ok(third.includes('sig1'));
    assert.deepEqual(await held(mirrored.places), [
      ['manifest1', 'manifest2', 'vol1'],
      ['vol1'],
      ['manifest1', 'manifest2', 'sig1', 'vol1'],
    ]);
    for (const { storage } of [striped, mirrored])
      for (const name of ['manifest1', 'sig1', 'vol1'])
        assert.deepEqual(await storage.read(name), pattern(3));
  });

  test('lose a deleted object all of them', async () => {
    await using made = await disks(2, '?mode=mirror');
    await made.storage.put('a', pattern(3));
    await made.storage.delete('a');
    assert.deepEqual(await Promise.all(made.places.map((place) => readdir(place))), [[], []]);
  });

  test('of a mirror go on without one, and say so', async () => {
    await using made = await disks(2, '?mode=mirror');
    await made.storage.put('a', pattern(3));
    await rm(made.places[0] ?? '', { recursive: true });
    await made.storage.put('b', pattern(4));
    assert.deepEqual(await namesIn(made.storage, ''), ['a', 'b']);
    assert.deepEqual(await made.storage.read('a'), pattern(3));
    assert.equal((await made.storage.stat('b')).size, 4);
    assert.ok(
      made.warnings.some(({ message }) =>
        /"b" is stored in .* all the same: The store /u.test(message),
      ),
    );
    assert.ok(
      made.warnings.some(({ message }) => /^In "multi:.*": The store ".*" fails: /u.test(message)),
    );
    await assert.rejects(made.storage.delete('a'), AppError);
  });
});

test('a mirror that has to be whole is not listed without one of its stores', async () => {
  await using made = await disks(2, '?mode=mirror&onfail=abort');
  await made.storage.put('a', pattern(3));
  await rm(made.places[1] ?? '', { recursive: true });
  await assert.rejects(namesIn(made.storage, ''), AppError);
  assert.deepEqual(await made.storage.read('a'), pattern(3));
});

test('a store that cannot be opened is missed in stripes, and passed over in a mirror', async () => {
  await using directory = await temporaryDirectory();
  const file = path.join(directory.path, 'no-directory');
  await writeFile(file, '');
  const warnings: AppError[] = [];
  const entries = [{ url: `file://${file}` }, { url: `file://${directory.path}/disk` }];
  await using striped = await listOf(entries);
  await rejectsWith(openStorage(striped.url, {}, contextWith()), 'storage/access-denied');
  await using mirrored = await listOf(entries, '?mode=mirror');
  const { storage } = await openStorage(mirrored.url, {}, contextWith(warnings));
  await storage.put('a', pattern(3));
  assert.deepEqual(await storage.read('a'), pattern(3));
  assert.deepEqual(await namesIn(storage, ''), ['a']);
  assert.ok(
    warnings.some(({ message }) => /"a" is stored in .* all the same: The store /u.test(message)),
  );
  await using alone = await listOf(entries.slice(0, 1), '?mode=mirror');
  await rejectsWith(openStorage(alone.url, {}, contextWith()), 'storage/access-denied');
});

describe('duplicity', { skip: missingPrograms(['duplicity']) }, () => {
  for (const query of ['?mode=stripe&onfail=abort', '?mode=mirror&subpath=/sub']) {
    test(`and we fill the same stores (${query})`, async () => {
      await using directory = await temporaryDirectory();
      const at = (name: string): string => path.join(directory.path, name);
      await mkdir(at('source'));
      await writeFile(at('source/file'), pattern(200_000));
      const listing = async (kind: string) => {
        for (const disk of ['1/sub', '2/sub'])
          await mkdir(at(`${kind}${disk}`), { recursive: true });
        return listOf(
          ['1', '2'].map((disk) => ({ url: `file://${at(kind + disk)}`, description: disk })),
          query,
        );
      };
      const duplicity = async (...parameters: readonly string[]): Promise<void> => {
        const { status, lastWords } = await runProgram(
          ['duplicity', ...parameters, `--archive-dir=${at('cache')}`, '--no-encryption'],
          { environment: { PATH: process.env['PATH'], HOME: directory.path } },
        );
        assert.equal(status, 0, lastWords);
      };
      await using theirs = await listing('theirs');
      await duplicity('full', at('source'), theirs.url);
      await using ours = await listing('ours');
      const from = (await openStorage(theirs.url, {}, contextWith())).storage;
      const to = (await openStorage(ours.url, {}, contextWith())).storage;
      const names = await namesIn(from, '');
      assert.equal(names.length, 3);
      for (const name of names) await to.put(name, await from.read(name));
      await rm(at('cache'), { recursive: true });
      await duplicity('restore', ours.url, at('target'));
      assert.deepEqual(new Uint8Array(await readFile(at('target/file'))), pattern(200_000));
    });
  }
});
