import assert from 'node:assert/strict';
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { inspect } from 'node:util';
import { test } from 'node:test';

import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { systemClock } from '../base/clock.ts';
import { hasCode } from '../base/errors.ts';
import { CatalogKey, catalogKeyFile, settleKey, writeNextKey } from './catalog-key.ts';
import { DocumentSeal } from './document-seal.ts';
import { openCatalog } from './open-catalog.ts';

const salt = new Uint8Array(16).fill(7);

test('a key derives the same bytes for one salt, others for another', async () => {
  for (const text of [CatalogKey.random().reveal(), 'a passphrase']) {
    const one = await new CatalogKey(text).derive(salt);
    assert.equal(one.length, 32);
    assert.deepEqual(await new CatalogKey(` ${text}\n`).derive(salt), one);
    assert.notDeepEqual(await new CatalogKey(text).derive(new Uint8Array(16)), one);
    assert.notDeepEqual(await new CatalogKey(`${text}x`).derive(salt), one);
  }
});

test('one that is too short is refused, and none is printed', () => {
  assert.throws(
    () => new CatalogKey(' 1234567 ', 'The key in X'),
    (error) => {
      assert.ok(hasCode(error, 'input/invalid'));
      assert.equal(error.message, 'The key in X has less than 8 characters');
      return true;
    },
  );
  const key = new CatalogKey('not to be seen');
  assert.doesNotMatch(inspect(key) + JSON.stringify(key), /not to be seen/u);
});

test('the file of a new catalog is made for its owner alone, by one of several', async () => {
  await using directory = await temporaryDirectory();
  const file = path.join(directory.path, 'state', 'catalog.key');
  const keys = await Promise.all([1, 2, 3, 4].map(() => catalogKeyFile(file).find(true)));
  assert.equal(new Set(keys.map((key) => key.reveal())).size, 1);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(path.dirname(file)), ['catalog.key']);
  assert.equal(Buffer.from((await readFile(file, 'utf8')).trim(), 'base64').length, 32);
  assert.equal((await catalogKeyFile(file).find(false)).reveal(), keys[0]?.reveal());
});

test('where there are secrets already, no new key is made', async () => {
  await using directory = await temporaryDirectory();
  const file = path.join(directory.path, 'catalog.key');
  await assert.rejects(catalogKeyFile(file).find(false), (error) => {
    assert.ok(hasCode(error, 'catalog/locked-out'));
    assert.equal(error.message, `The key of the catalog is missing: there is no "${file}"`);
    return true;
  });
  assert.deepEqual(await readdir(directory.path), []);
  await writeFile(file, '\n');
  await assert.rejects(catalogKeyFile(file).find(false), (error) =>
    hasCode(error, 'input/invalid'),
  );
  await chmod(directory.path, 0o700);
  await assert.rejects(catalogKeyFile(path.join(file, 'x')).find(true), (error) =>
    hasCode(error, 'input/invalid', 'local/unwritable'),
  );
});

test('a change of the key that breaks off anywhere locks nobody out', async () => {
  await using directory = await temporaryDirectory();
  const file = path.join(directory.path, 'catalog.key');
  const location = { file: path.join(directory.path, 'catalog.sqlite') };
  const open = () => openCatalog({ location, key: catalogKeyFile(file), clock: systemClock });
  const job = { kind: 'commands', name: 'a', commands: [] } as const;
  const next = CatalogKey.random();
  {
    await using catalog = await open();
    await catalog.configuration.jobs.save('a', job, { revision: undefined, origin: 'api' });
    await writeNextKey(file, next);
    // Died before the catalog had it: the old one counts, and the next one is not lost, because another process may be about to use it.
    await (await open())[Symbol.asyncDispose]();
    assert.deepEqual((await readdir(directory.path)).includes('catalog.key.new'), true);
    await catalog.changeKey(next);
    // Died before it was put in the place of the old one.
  }
  await using catalog = await open();
  assert.deepEqual((await catalog.configuration.jobs.get('a'))?.value, job);
  assert.equal((await readFile(file, 'utf8')).trim(), next.reveal());
  assert.equal((await readdir(directory.path)).includes('catalog.key.new'), false);
  await writeNextKey(file, CatalogKey.random());
  await settleKey(file, next);
  assert.equal((await readFile(file, 'utf8')).trim(), next.reveal());
});

test('what is sealed opens only as what it was sealed as, and unchanged', async () => {
  const seal = await DocumentSeal.create(CatalogKey.random());
  const sealed = seal.seal('job', 'a', 'text ä');
  assert.equal(seal.open('job', 'a', sealed), 'text ä');
  assert.notDeepEqual(seal.seal('job', 'a', 'text ä'), sealed);
  const refused = (kind: string, name: string, bytes: Uint8Array): void =>
    assert.throws(
      () => seal.open(kind, name, bytes),
      (error) => hasCode(error, 'catalog/locked-out'),
    );
  refused('job', 'b', sealed);
  refused('channel', 'a', sealed);
  refused('job"', 'a', sealed);
  for (const index of sealed.keys()) {
    const changed = Uint8Array.from(sealed);
    changed[index]! ^= 1;
    refused('job', 'a', changed);
  }
  for (const length of [0, 5, 12, 28, sealed.length - 1])
    refused('job', 'a', sealed.subarray(0, length));
});
