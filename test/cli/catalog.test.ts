import assert from 'node:assert/strict';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { test } from 'node:test';

import { type OwnMachine, ownMachine } from './own-machine.ts';

const line = (text: string): Record<string, unknown> =>
  JSON.parse(text.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;

async function infoOf(machine: OwnMachine, environment = {}, ...more: string[]) {
  const ran = await machine.runWith(
    { environment: { ...machine.environment, ...environment } },
    'catalog',
    'info',
    '--json',
    ...more,
  );
  assert.equal(ran.status, 0, ran.stderr.text);
  return line(ran.stdout.text);
}

test('the catalog lies in the state directory, with its key, which can be changed', async () => {
  await using machine = await ownMachine();
  const file = machine.of('state', 'catalog.sqlite');
  const inState = { HOLDFAST_STATE_DIR: machine.of('state') };
  const info = await infoOf(machine, inState);
  assert.equal(info['location'], file);
  assert.equal(info['jobs'], 0);
  const key = await readFile(machine.of('state', 'catalog.key'), 'utf8');
  const options = { environment: { ...machine.environment, ...inState } };
  const refused = await machine.runWith(options, 'catalog', 'rekey');
  assert.equal(refused.status, 2);
  const ran = await machine.runWith(options, 'catalog', 'rekey', '--yes');
  assert.equal(ran.status, 0, ran.stderr.text);
  const next = await readFile(machine.of('state', 'catalog.key'), 'utf8');
  assert.notEqual(next, key);
  assert.equal((await stat(machine.of('state', 'catalog.key'))).mode & 0o777, 0o600);
  await infoOf(machine, inState);
  await writeFile(machine.of('state', 'catalog.key'), key);
  const locked = await machine.runWith(options, 'catalog', 'info');
  assert.equal(locked.status, 1);
  assert.match(
    locked.stderr.text,
    /The key is not the one that the catalog "[^"]*" was written with/u,
  );
  await rm(machine.of('state', 'catalog.key'));
  const missing = await machine.runWith(options, 'catalog', 'info');
  assert.match(
    missing.stderr.text,
    /The key of the catalog is missing: there is no "[^"]*catalog\.key"/u,
  );
});

test('the key comes from a variable, a file or a credential, and not from two places', async () => {
  await using machine = await ownMachine();
  const variable = { HOLDFAST_CATALOG_KEY: 'a passphrase of ours' };
  await writeFile(machine.of('key'), 'a passphrase of ours\n');
  await mkdir(machine.of('credentials'));
  await writeFile(machine.of('credentials', 'holdfast-catalog-key'), 'a passphrase of ours');
  const credential = { CREDENTIALS_DIRECTORY: machine.of('credentials') };
  await infoOf(machine, variable);
  await infoOf(machine, credential);
  await infoOf(machine, {}, '--catalog-key-file', machine.of('key'));
  await infoOf(machine, { HOLDFAST_CATALOG_KEY_FILE: machine.of('key') });
  const twice = await machine.runWith(
    { environment: { ...machine.environment, ...variable } },
    'catalog',
    'info',
    '--catalog-key-file',
    machine.of('key'),
  );
  assert.equal(twice.status, 2);
  assert.match(
    twice.stderr.text,
    /given twice: by --catalog-key-file and by HOLDFAST_CATALOG_KEY/u,
  );
  assert.doesNotMatch(twice.stderr.text, /of ours/u);
  // There is no file to put a new one into.
  const options = { environment: { ...machine.environment, ...variable } };
  const nowhere = await machine.runWith(options, 'catalog', 'rekey', '--yes');
  assert.equal(nowhere.status, 2);
  await writeFile(machine.of('next'), 'another passphrase');
  const given = await machine.runWith(
    options,
    'catalog',
    'rekey',
    '--yes',
    '--new-key-file',
    machine.of('next'),
  );
  assert.equal(given.status, 0, given.stderr.text);
  await infoOf(machine, { HOLDFAST_CATALOG_KEY: 'another passphrase' });
});

test('a catalog is copied into another file, once', async () => {
  await using machine = await ownMachine();
  const copy = () =>
    machine.run('catalog', 'copy', '--to', `sqlite://${machine.of('other')}`, '--json');
  const { location } = await infoOf(machine);
  const ran = await copy();
  assert.equal(ran.status, 0, ran.stderr.text);
  assert.deepEqual(line(ran.stdout.text), {
    type: 'catalog-copied',
    from: location,
    to: machine.of('other'),
    documents: 0,
    runs: 0,
  });
  assert.equal(
    (await infoOf(machine, { HOLDFAST_DATABASE: machine.of('other') }))['location'],
    machine.of('other'),
  );
});

test('what is no database is refused without being shown', async () => {
  await using machine = await ownMachine();
  for (const [url, sentence] of [
    ['mysql://me:geheim@host/x', /The catalog cannot be kept in "mysql:\/\/"/u],
    [
      'postgresql://me:geheim@127.0.0.1:1/x',
      /"postgresql:\/\/me@127\.0\.0\.1:1\/x" cannot be reached/u,
    ],
  ] as const) {
    const ran = await machine.run('catalog', 'info', '--database', url);
    assert.notEqual(ran.status, 0);
    assert.match(ran.stderr.text, sentence);
    assert.doesNotMatch(ran.stderr.text + ran.stdout.text, /geheim/u);
  }
});
