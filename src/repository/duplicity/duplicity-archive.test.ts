import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';

import { faulty, steered } from '#test/support/faulty-storage.ts';
import { FakeClock } from '#test/support/fake-clock.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { AppError, hasCode } from '../../base/errors.ts';
import { Secret } from '../../base/secret.ts';
import { MemoryStorage } from '../../storage/drivers/memory/memory.ts';
import type { Storage } from '../../storage/storage.ts';
import { ArchiveDirectory } from './archive-directory/archive-directory.ts';
import { planSynchronisation, synchronise } from './archive-directory/synchronise.ts';
import type { BackupSet } from './collection/backup-set.ts';
import { chooseSets } from './collection/choose-sets.ts';
import { DuplicityArchive } from './duplicity-archive.ts';
import { FileCoding } from './encryption/file-coding.ts';
import type { Protection } from './encryption/protection.ts';
import { FileNaming } from './names/file-name.ts';

const fixtures = new URL('../../../test/fixtures/duplicity/', import.meta.url).pathname;
const gpg = { program: 'gpg', options: [], useAgent: false, environment: {} };
const none: Protection = { kind: 'none', compress: true };

async function storageOf(directory: string): Promise<MemoryStorage> {
  const storage = new MemoryStorage();
  for (const name of readdirSync(`${fixtures}${directory}/dest`)) {
    await storage.put(name, new Uint8Array(readFileSync(`${fixtures}${directory}/dest/${name}`)));
  }
  return storage;
}

async function open(
  storage: Storage,
  directory: string,
  { protection = none, naming = new FileNaming() } = {},
): Promise<DuplicityArchive> {
  return new DuplicityArchive({
    storage,
    naming,
    coding: new FileCoding(protection),
    directory: await ArchiveDirectory.open(directory, naming),
    clock: new FakeClock(),
    tempDirectory: directory,
  });
}

function symmetric(passphrase: string): Protection {
  return { kind: 'symmetric', passphrase: new Secret(passphrase), gpg };
}

async function contents(directory: string): Promise<Map<string, string>> {
  const names = (await readdir(directory)).filter((name) => name !== 'lockfile').toSorted();
  return new Map(
    await Promise.all(
      names.map(async (name): Promise<[string, string]> => {
        const bytes = await readFile(path.join(directory, name));
        return [name, (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1')];
      }),
    ),
  );
}

function last(sets: readonly BackupSet[]): BackupSet {
  const set = sets.at(-1);
  assert.ok(set);
  return set;
}

test('an encrypted archive is brought here as the real program keeps it', async () => {
  await using parent = await temporaryDirectory();
  await using archive = await open(await storageOf('symmetric'), parent.path, {
    protection: symmetric('fixture pass phrase'),
  });
  const seen: string[] = [];
  const done = await archive.synchronise(await archive.collection(), {
    onFile: (action, { name }) => seen.push(`${action} ${name}`),
  });
  assert.equal(done.fetch.length, 6);
  assert.equal(seen.length, 6);
  assert.deepEqual(done.damaged, []);
  assert.deepEqual(await contents(parent.path), await contents(`${fixtures}symmetric/cache`));
  const again = await archive.synchronise(await archive.collection());
  assert.deepEqual([again.fetch, again.remove], [[], []]);
});

test('every plain archive is brought here, whatever its names', async () => {
  for (const directory of ['unencrypted', 'multivol', 'names-short', 'names-old', 'gnu-tar']) {
    await using parent = await temporaryDirectory();
    await using archive = await open(await storageOf(directory), parent.path);
    await archive.synchronise(await archive.collection());
    const kept = await contents(parent.path);
    const expected = readdirSync(`${fixtures}${directory}/dest`).filter(
      (name) => !/difftar|\.dt/u.test(name),
    );
    assert.deepEqual(Array.from(kept.keys()), expected.toSorted(), directory);
    const synchronised = await archive.collection();
    assert.deepEqual((await planSynchronisation(archive, synchronised)).fetch, []);
    assert.ok(synchronised.active?.signatures.every(({ place }) => place === 'local'));
    assert.deepEqual(await archive.crossCheck(synchronised), [], directory);
  }
});

test('only the sets that are wanted are fetched, and of others nothing is removed', async () => {
  await using parent = await temporaryDirectory();
  await using archive = await open(await storageOf('unencrypted'), parent.path);
  const collection = await archive.collection();
  await archive.synchronise(collection, { sets: chooseSets(collection, 1_700_000_000).sets });
  assert.deepEqual(Array.from((await contents(parent.path)).keys()), [
    'duplicity-full-signatures.20231114T221320Z.sigtar.gz',
    'duplicity-full.20231114T221320Z.manifest',
  ]);
  const next = await archive.collection();
  await archive.synchronise(next, { sets: [last(next.chains[0]?.sets ?? [])] });
  assert.equal((await contents(parent.path)).size, 4);
});

test('local files that the destination does not have go, foreign ones and unfinished sets stay', async () => {
  await using parent = await temporaryDirectory();
  const begun = 'duplicity-inc.20231116T221320Z.to.20231117T221320Z.manifest.part';
  const stale = [
    'duplicity-full.20200101T000000Z.manifest',
    'duplicity-full-signatures.20200101T000000Z.sigtar.gz',
  ];
  const foreign = ['notes.txt', 'duplicity-full.20200101T000000Z.jsonstat.gz'];
  for (const name of [begun, ...stale, ...foreign])
    await writeFile(path.join(parent.path, name), 'x');
  await using archive = await open(await storageOf('unencrypted'), parent.path);
  const { remove } = await archive.synchronise(await archive.collection());
  assert.deepEqual(remove.map(({ name }) => name).toSorted(), stale.toSorted());
  const left = await readdir(parent.path);
  assert.ok([begun, ...foreign].every((name) => left.includes(name)));
  assert.equal((await archive.collection()).interrupted.length, 1);
});

test('unfinished files of a set that is complete are replaced by the real ones', async () => {
  await using parent = await temporaryDirectory();
  const set = 'duplicity-inc.20231115T221320Z.to.20231116T221320Z.manifest';
  await writeFile(path.join(parent.path, `${set}.part`), 'Hostname x\n');
  await writeFile(path.join(parent.path, set), 'not written to its end');
  await using archive = await open(await storageOf('unencrypted'), parent.path);
  const collection = await archive.collection();
  assert.deepEqual(collection.interrupted, []);
  const { remove } = await archive.synchronise(collection);
  assert.deepEqual(remove.map(({ name }) => name).toSorted(), [set, `${set}.part`]);
  const kept = await contents(parent.path);
  assert.equal(kept.has(`${set}.part`), false);
  assert.equal(kept.get(set), readFileSync(`${fixtures}unencrypted/dest/${set}`, 'latin1'));
});

test('the last copy of a manifest that the destination has lost is kept', async () => {
  await using parent = await temporaryDirectory();
  const storage = await storageOf('unencrypted');
  await using archive = await open(storage, parent.path);
  await archive.synchronise(await archive.collection());
  const lost = 'duplicity-inc.20231114T221320Z.to.20231115T221320Z.manifest';
  await storage.delete(lost);
  const { remove } = await archive.synchronise(await archive.collection());
  assert.deepEqual(remove, []);
  assert.ok((await contents(parent.path)).has(lost));
});

test('a damaged local copy is fetched again', async () => {
  await using parent = await temporaryDirectory();
  await using archive = await open(await storageOf('symmetric'), parent.path, {
    protection: symmetric('fixture pass phrase'),
  });
  const set = 'duplicity-full.20231114T221320Z.manifest';
  const signatures = 'duplicity-full-signatures.20231114T221320Z.sigtar';
  const all = await archive.collection();
  const wanted = [last(all.chains[0]?.sets.slice(0, 1) ?? [])];
  await archive.synchronise(all, { sets: wanted });
  const whole = await contents(parent.path);
  const again = await archive.synchronise(await archive.collection(), { sets: wanted });
  assert.deepEqual(again.fetch, []);
  const damages = [
    [set, `${set}.gpg`, (bytes: Buffer) => bytes.subarray(0, -5)],
    [set, `${set}.gpg`, () => Buffer.alloc(0)],
    [`${signatures}.gz`, `${signatures}.gpg`, () => Buffer.alloc(0)],
    [`${signatures}.gz`, `${signatures}.gpg`, () => Buffer.alloc(100)],
  ] as const;
  // Each of them twice: what was found before is remembered.
  for (const [name, remote, damage] of [...damages, ...damages]) {
    const file = path.join(parent.path, name);
    await writeFile(file, damage(await readFile(file)));
    const { fetch } = await archive.synchronise(await archive.collection(), { sets: wanted });
    assert.deepEqual(
      fetch.map((fetched) => fetched.name),
      [remote],
    );
    assert.deepEqual(await contents(parent.path), whole);
  }
});

test('a local manifest of another archive is fetched again', async () => {
  await using parent = await temporaryDirectory();
  await using archive = await open(await storageOf('unencrypted'), parent.path);
  await archive.synchronise(await archive.collection());
  const name = 'duplicity-full.20231114T221320Z.manifest';
  await writeFile(path.join(parent.path, name), readFileSync(`${fixtures}multivol/dest/${name}`));
  const { fetch } = await archive.synchronise(await archive.collection());
  assert.deepEqual(
    fetch.map((fetched) => fetched.name),
    [name],
  );
});

test('damage inside local signatures is found when they are read, and the copy goes', async () => {
  await using parent = await temporaryDirectory();
  await using archive = await open(await storageOf('unencrypted'), parent.path);
  await archive.synchronise(await archive.collection());
  const name = 'duplicity-full-signatures.20231114T221320Z.sigtar.gz';
  const file = path.join(parent.path, name);
  const bytes = await readFile(file);
  bytes[bytes.length - 6] = (bytes[bytes.length - 6] ?? 0) ^ 1;
  await writeFile(file, bytes);
  const { chains } = await archive.collection();
  const [full] = chains[0]?.sets ?? [];
  assert.ok(full);
  await assert.rejects(
    Array.fromAsync(archive.signaturesOf(full)),
    (error) => hasCode(error, 'repository/damaged') && /removed/u.test(error.hint ?? ''),
  );
  assert.equal((await contents(parent.path)).has(name), false);
  const healed = await archive.collection();
  const again = healed.chains[0]?.full;
  assert.ok(again);
  const tar = Buffer.concat(await Array.fromAsync(archive.signaturesOf(again)));
  assert.deepEqual(tar, gunzipSync(readFileSync(`${fixtures}unencrypted/dest/${name}`)));
});

test('a damaged file on the destination is said and does not keep others from being fetched', async () => {
  await using parent = await temporaryDirectory();
  const storage = await storageOf('unencrypted');
  const bad = 'duplicity-full-signatures.20231114T221320Z.sigtar.gz';
  const worse = 'duplicity-full.20231114T221320Z.manifest';
  await storage.put(bad, (await storage.read(bad)).subarray(0, 500));
  await storage.put(worse, new Uint8Array(20));
  await using archive = await open(storage, parent.path);
  const { damaged } = await archive.synchronise(await archive.collection());
  assert.deepEqual(damaged.map(({ file }) => file.name).toSorted(), [bad, worse].toSorted());
  assert.equal((await contents(parent.path)).size, 4);
  const findings = await archive.crossCheck(await archive.collection());
  assert.deepEqual(
    findings.map(({ kind }) => kind),
    ['unreadable-manifest'],
  );
});

test('a wrong passphrase and a failing destination are errors, and leave nothing', async () => {
  await using parent = await temporaryDirectory();
  const storage = await storageOf('symmetric');
  await using archive = await open(storage, parent.path, { protection: symmetric('wrong') });
  const collection = await archive.collection();
  await assert.rejects(archive.synchronise(collection), (error) =>
    hasCode(error, 'repository/wrong-passphrase'),
  );
  assert.deepEqual(await contents(parent.path), new Map());
  const down = new AppError('storage/unavailable', 'down');
  await assert.rejects(
    synchronise(
      {
        directory: archive.directory,
        storage: faulty(storage, { get: [undefined, down] }),
        coding: new FileCoding(symmetric('fixture pass phrase')),
      },
      collection,
    ),
    down,
  );
  const kept = await contents(parent.path);
  const cache = await contents(`${fixtures}symmetric/cache`);
  for (const [name, content] of kept) assert.equal(content, cache.get(name), name);
});

test('a manifest comes from here when it fits what is there, else from the destination', async () => {
  await using parent = await temporaryDirectory();
  const inner = await storageOf('multivol');
  const fetched: string[] = [];
  const storage = steered(inner, (method, name) => {
    if (method === 'get') fetched.push(name);
    return undefined;
  });
  await using archive = await open(storage, parent.path);
  const manifestOf = async (): Promise<number> => {
    const { chains } = await archive.collection();
    assert.ok(chains[0]);
    return (await archive.manifestOf(chains[0].full)).volumes.length;
  };
  const name = 'duplicity-full.20231114T221320Z.manifest';
  assert.equal(await manifestOf(), 3);
  assert.deepEqual(fetched.splice(0), [name]);
  // Several in turn ask for the same one.
  assert.equal(await manifestOf(), 3);
  assert.deepEqual(fetched, []);
  await archive.synchronise(await archive.collection());
  fetched.length = 0;
  assert.equal(await manifestOf(), 3);
  assert.deepEqual(fetched, []);
  const file = path.join(parent.path, name);
  const text = await readFile(file, 'utf8');
  const [head = ''] = text.split('Volume 3');
  for (const stale of [head, 'nonsense', '', text.replace('Filelist', 'Filelost')]) {
    await writeFile(file, stale);
    assert.equal(await manifestOf(), 3, stale);
  }
  assert.deepEqual(fetched, [name, name, name]);
  const [full] = (await archive.collection()).chains[0]?.sets ?? [];
  assert.ok(full);
  const changed: string[] = [];
  await archive.manifestOf(full, {
    onFile: ({ change, path: file_ }) => changed.push(`${change} ${Buffer.from(file_).toString()}`),
  });
  assert.equal(changed.length, 0);
  await writeFile(file, text);
  await archive.manifestOf(full, {
    onFile: ({ change, path: file_ }) => changed.push(`${change} ${Buffer.from(file_).toString()}`),
  });
  assert.equal(changed.length, 7);
  assert.equal((await archive.manifestOf(full, { files: true })).files?.length, 7);
});

test('without the means to decrypt, the local copy of a manifest still shows what is missing', async () => {
  await using parent = await temporaryDirectory();
  const storage = await storageOf('symmetric');
  {
    await using archive = await open(storage, parent.path, {
      protection: symmetric('fixture pass phrase'),
    });
    await archive.synchronise(await archive.collection());
  }
  await storage.delete('duplicity-full.20231114T221320Z.vol1.difftar.gpg');
  await using archive = await open(storage, parent.path, { protection: symmetric('wrong') });
  const findings = await archive.crossCheck(await archive.collection());
  assert.deepEqual(
    findings.map(({ kind }) => kind),
    ['missing-volumes'],
  );
});

test('an unfinished set gives its unfinished manifest', async () => {
  await using parent = await temporaryDirectory();
  const whole = readFileSync(
    `${fixtures}multivol/dest/duplicity-full.20231114T221320Z.manifest`,
    'utf8',
  );
  const [head = '', tail = ''] = whole.split('Volume 3');
  await writeFile(
    path.join(parent.path, 'duplicity-full.20231114T221320Z.manifest.part'),
    `${head}Volume 3${tail.slice(0, 30)}`,
  );
  const storage = await storageOf('multivol');
  await storage.delete('duplicity-full.20231114T221320Z.manifest');
  await using archive = await open(storage, parent.path);
  const { interrupted } = await archive.collection();
  assert.equal((await archive.manifestOf(last(interrupted))).volumes.length, 2);
});

test('an archive is recognised by its names', async () => {
  await using storage = new MemoryStorage();
  assert.equal(await DuplicityArchive.recognise(storage), false);
  await storage.put('README', new Uint8Array());
  await storage.put('site1-duplicity-full.20231114T221320Z.vol1.difftar.gz', new Uint8Array());
  assert.equal(await DuplicityArchive.recognise(storage), false);
  assert.ok(await DuplicityArchive.recognise(storage, new FileNaming({ prefix: 'site1-' })));
  const down = new Error('down');
  await assert.rejects(DuplicityArchive.recognise(faulty(storage, { list: [down] })), down);
});

test('an archive closes its directory and its storage', async () => {
  await using parent = await temporaryDirectory();
  let closed = 0;
  const storage = new MemoryStorage();
  storage[Symbol.asyncDispose] = async () => void closed++;
  {
    await using archive = await open(storage, parent.path);
    assert.ok(archive);
  }
  assert.equal(closed, 1);
  await using again = await ArchiveDirectory.open(parent.path, new FileNaming());
  assert.ok(again);
});
