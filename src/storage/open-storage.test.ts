import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';

import { storageContract } from '#test/contract/storage-contract.ts';
import { pattern } from '#test/support/storage-samples.ts';
import { owning } from '#test/support/owning-storage.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { systemClock } from '../base/clock.ts';
import { type AppError, hasCode } from '../base/errors.ts';
import type { DriverContext } from './driver.ts';
import { environmentNameOf, environmentOptions, openStorage, optionsOf } from './open-storage.ts';
import { storageDriver } from './registry.ts';
import { storageSchemes } from './schemes.ts';

const context: DriverContext = {
  clock: systemClock,
  environment: {},
  warn: (problem: AppError) => {
    throw problem;
  },
};

storageContract('openStorage() of a path', async () => {
  const directory = await temporaryDirectory();
  const { storage } = await openStorage(directory.path, {}, context);
  return owning(storage, directory);
});

describe('openStorage()', () => {
  test('opens a file URL, decoded, and makes nothing before the first put', async () => {
    await using directory = await temporaryDirectory();
    const { storage, destination } = await openStorage(
      `file://${directory.path}/a%20b/c?attempts=2`,
      {},
      context,
    );
    assert.equal(destination, `file://${directory.path}/a b/c?attempts=2`);
    assert.deepEqual(await readdir(directory.path), []);
    await storage.put('x', pattern(1));
    assert.deepEqual(await readdir(path.join(directory.path, 'a b', 'c')), ['x']);
  });

  test('says where on this machine the objects lie, however many layers and storages there are', async () => {
    await using directory = await temporaryDirectory();
    const [first, second] = ['first', 'second'].map((name) => path.join(directory.path, name));
    const list = path.join(directory.path, 'list.json');
    const urls = [`file://${first}`, 'memory://local', `par2+file://${second}`];
    await writeFile(list, JSON.stringify(urls.map((url) => ({ url }))));
    const placesOf = async (url: string) =>
      (await openStorage(url, {}, context)).storage.localDirectories;
    assert.deepEqual(await placesOf(`file://${first}`), [first]);
    assert.deepEqual(await placesOf(`multi://${list}`), [first, second]);
    assert.equal(await placesOf('memory://local'), undefined);
  });

  test('knows a destination again by what says where it is, wherever that was said', async () => {
    const keyWith = async (
      url: string,
      environment: Readonly<Record<string, string>>,
    ): Promise<string> => {
      const credentials = { 'access-key-id': 'id', 'secret-access-key': 'hush', region: 'r' };
      const sources = { environment: { ...credentials, ...environment } };
      const { storage, key } = await openStorage(url, sources, context);
      await storage[Symbol.asyncDispose]();
      return key;
    };
    const [one, other] = ['http://127.0.0.1:1', 'http://127.0.0.1:2'];
    const keys = await Promise.all([
      keyWith('s3://bucket/a', { endpoint: one }),
      keyWith('s3://bucket/a', { endpoint: other }),
      keyWith('s3://bucket/a', { endpoint: one, 'part-size': '8M' }),
      keyWith(`s3://bucket/a?endpoint=${one}`, { endpoint: other }),
    ]);
    assert.notEqual(keys[0], keys[1]);
    assert.equal(keys[0], keys[2]);
    assert.equal(keys[0], keys[3]);
    assert.doesNotMatch(keys.join(), /hush/u);
  });

  test('knows one account from another, also where only a secret says which it is', async () => {
    const keyWith = async (
      url: string,
      environment: Readonly<Record<string, string>>,
    ): Promise<string> => {
      const { storage, key, destination } = await openStorage(url, { environment }, context);
      await storage[Symbol.asyncDispose]();
      assert.equal(destination, url.replaceAll(/=hush./gu, '=***'));
      return key;
    };
    const connection = (account: string, key: string): Readonly<Record<string, string>> => ({
      'connection-string': `DefaultEndpointsProtocol=https;AccountName=${account};AccountKey=${key}`,
    });
    const azure = await Promise.all([
      keyWith('azure://container/a', connection('one', 'aHVzaA==')),
      keyWith('azure://container/a', connection('other', 'aHVzaA==')),
      // A key that was replaced is no other place.
      keyWith('azure://container/a', connection('one', 'aHVzaHM=')),
    ]);
    assert.notEqual(azure[0], azure[1]);
    assert.equal(azure[0], azure[2]);
    const drives: string[] = [];
    for (const scheme of ['dropbox', 'googledrive', 'onedrive']) {
      const app = scheme === 'dropbox' ? { 'app-key': 'app' } : { 'client-id': 'app' };
      const keys = await Promise.all([
        keyWith(`${scheme}://a`, { ...app, 'refresh-token': 'hush1' }),
        keyWith(`${scheme}://a`, { ...app, 'refresh-token': 'hush2' }),
        keyWith(`${scheme}://a`, { ...app, 'token-file': '/hush1' }),
        keyWith(`${scheme}://a`, { ...app, authid: 'hush2' }),
        keyWith(`${scheme}://a?authid=hush3`, app),
      ]);
      assert.equal(new Set(keys).size, keys.length, keys.join());
      // What ends within hours says nothing of the place.
      assert.equal(
        await keyWith(`${scheme}://a`, { ...app, 'access-token': 'hush1' }),
        await keyWith(`${scheme}://a`, { ...app, 'access-token': 'hush2' }),
      );
      drives.push(...keys);
    }
    assert.doesNotMatch([...azure, ...drives].join(), /[=*]hush|aHVz/u);
  });

  test('takes the URL before the flag before the environment before the file before the default', async () => {
    const url = 'memory://order';
    const rates = async (
      ...call: [string, Parameters<typeof openStorage>[1]]
    ): Promise<number | undefined> => (await openStorage(...call, context)).rates.upload;
    const file = { 'limit-upload': '1k' };
    const environment = environmentOptions(await storageDriver('memory'), {
      HOLDFAST_LIMIT_UPLOAD: '2k',
    });
    const flag = { 'limit-upload': '3k' };
    assert.equal(await rates(url, {}), undefined);
    assert.equal(await rates(url, { file }), 1024);
    assert.equal(await rates(url, { file, environment }), 2048);
    assert.equal(await rates(url, { file, environment, flag }), 3072);
    assert.equal(await rates(`${url}?limit-upload=4k`, { file, environment, flag }), 4096);
  });

  test('takes an empty word in the URL for an option that was left out', async () => {
    const locationOf = async (query: string): Promise<string> => {
      const file = { 'endpoint-suffix': 'core.example' };
      const url = `azure://box/x?account=me&key=aGk=${query}`;
      await using storage = (await openStorage(url, { file }, context)).storage;
      return storage.location;
    };
    assert.equal(
      await locationOf('&endpoint-suffix=&tier=&azure_account_name='),
      'azure://me.blob.core.example/box/x',
    );
    for (const wrong of ['limit-upload=', 'create-container=', 'teir='])
      await assert.rejects(
        locationOf(`&${wrong}`),
        (error) => hasCode(error, 'input/usage'),
        wrong,
      );
  });

  test('gives the same memory for the same name', async () => {
    const first = await openStorage('memory://shared', {}, context);
    await first.storage.put('a', pattern(3));
    const second = await openStorage('memory://shared', {}, context);
    assert.equal((await second.storage.stat('a')).size, 3);
  });

  const wrong = [
    'fil:///x',
    'file://host/x',
    'file://',
    'file:///x?atempts=3',
    'file:///x?attempts=0',
    'file:///x?attempts=1.5',
    'file:///x?connections=many',
    'file:///x?limit-upload=0',
    'file:///x?path=/y',
  ];
  for (const url of wrong) {
    test(`refuses "${url}"`, async () => {
      await assert.rejects(openStorage(url, {}, context), (error) => {
        assert.ok(hasCode(error, 'input/usage'), String(error));
        return true;
      });
    });
  }

  test('suggests what was meant', async () => {
    await assert.rejects(openStorage('flie:///x', {}, context), {
      hint: /^Did you mean "file"\? Known are: file, /u,
    });
    await assert.rejects(openStorage('file:///x?atempts=3', {}, context), {
      hint: /^Did you mean "attempts"\?/u,
    });
  });

  test('rejects at once when aborted', async () => {
    const reason = new Error('Stop');
    await assert.rejects(
      openStorage('memory://x', {}, { ...context, signal: AbortSignal.abort(reason) }),
      reason,
    );
  });
});

test('every driver serves its scheme and describes its options', async () => {
  for (const scheme of storageSchemes) {
    const driver = await storageDriver(scheme);
    assert.equal(driver.scheme, scheme);
    const names = optionsOf(driver).map(({ name }) => name);
    assert.equal(new Set(names).size, names.length, `an option of ${scheme} is there twice`);
    for (const { name, help, kind, choices } of optionsOf(driver)) {
      assert.match(name, /^[a-z0-9]+(?:-[a-z0-9]+)*(?:-\*)?$/u);
      assert.match(help, /^[A-Z].*[^.]$/u);
      assert.equal(kind === 'choice', choices !== undefined);
    }
  }
});

test('environmentNameOf() names the scheme where the option is its own', () => {
  assert.equal(environmentNameOf('s3', 'storage-class'), 'HOLDFAST_S3_STORAGE_CLASS');
  assert.equal(environmentNameOf('s3', 'limit-upload'), 'HOLDFAST_LIMIT_UPLOAD');
});

describe('environmentOptions()', () => {
  const driver = {
    scheme: 'sample',
    options: [
      { name: 'user', kind: 'string', help: 'User', environment: ['FIRST_USER', 'SECOND_USER'] },
      { name: 'key', kind: 'secret', help: 'Key', environment: ['FIRST_KEY'] },
    ],
  } as const;

  test('our own variable is stronger than those of other programs, and those have an order', () => {
    const variables = { SECOND_USER: 'c' };
    assert.deepEqual(environmentOptions(driver, variables), { user: 'c' });
    assert.deepEqual(environmentOptions(driver, { ...variables, FIRST_USER: 'b' }), { user: 'b' });
    assert.deepEqual(
      environmentOptions(driver, { ...variables, FIRST_USER: 'b', HOLDFAST_SAMPLE_USER: 'a' }),
      { user: 'a' },
    );
    assert.deepEqual(environmentOptions(driver, { ...variables, FIRST_USER: '' }), { user: 'c' });
  });

  test('a secret may be in a file', () => {
    assert.deepEqual(environmentOptions(driver, { FIRST_KEY_FILE: '/run/key' }), {
      'key-file': '/run/key',
    });
    assert.deepEqual(environmentOptions(driver, { FIRST_USER_FILE: '/run/user' }), {});
  });
});
