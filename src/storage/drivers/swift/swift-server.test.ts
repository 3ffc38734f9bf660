import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { openForTest } from '../../../../test/contract/network-contract.ts';
import { missingPrograms } from '../../../../test/servers/required-programs.ts';
import { startSwift, swiftPrograms } from '../../../../test/servers/swift.ts';
import { noSmallDisk, smallDisk } from '../../../../test/support/small-disk.ts';
import {
  namesIn,
  pattern,
  rejectsWith,
  sourceOf,
} from '../../../../test/support/storage-samples.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import type { Storage } from '../../storage.ts';

const missing = missingPrograms(swiftPrograms);
const mebibyte = 1024 ** 2;

describe('Swift with TempAuth, what is special to it', { skip: missing }, async () => {
  if (missing !== false) return;
  const server = await startSwift();
  after(() => server[Symbol.asyncDispose]());
  const environment = {
    SWIFT_AUTHURL: server.authUrl,
    SWIFT_USERNAME: server.user,
    SWIFT_PASSWORD: server.password,
  };
  const open = (url: string, more: Readonly<Record<string, string>> = {}): Promise<Storage> =>
    openForTest(url, { ...environment, ...more });
  /** The account by its own protocol: what the driver cannot do. */
  const account = async (
    method: string,
    path: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> => {
    const login = await fetch(server.authUrl, {
      headers: { 'x-auth-user': server.user, 'x-auth-key': server.password },
    });
    const token = login.headers.get('x-auth-token') ?? '';
    return fetch(`${login.headers.get('x-storage-url')}${path}`, {
      method,
      headers: { 'x-auth-token': token, ...headers },
    });
  };
  const keysIn = async (container: string): Promise<readonly string[]> =>
    (await (await account('GET', `/${container}`)).text()).split('\n').filter(Boolean);

  test('a container that is missing is named, with what to do', async () => {
    await using storage = await open('swift://nowhere/a');
    for (const call of [
      () => storage.put('a', pattern(1)),
      () => storage.put('a', pattern(1), { ifAbsent: true }),
      () => storage.read('a'),
      () => storage.stat('a'),
      () => storage.delete('a'),
      () => namesIn(storage, ''),
    ]) {
      await assert.rejects(call, (error) => {
        assert.ok(hasCode(error, 'storage/no-container'), String(error));
        assert.match(error.message, /"nowhere"/u);
        assert.match(error.hint ?? '', /create-container/u);
        return true;
      });
    }
  });

  test('a container is made when that is wanted, with the first object', async () => {
    await using storage = await open('swift://made/a?create-container&storage-policy=Policy-0');
    assert.deepEqual(await namesIn(storage, ''), []);
    await rejectsWith(storage.read('a'), 'storage/not-found');
    assert.equal((await account('HEAD', '/made')).status, 404);
    await storage.put('a', pattern(10));
    assert.deepEqual(await namesIn(storage, ''), ['a']);
  });

  test('a storage policy that is not there is named', async () => {
    await using storage = await open('swift://unmade?create-container&storage-policy=gold');
    await assert.rejects(storage.put('a', pattern(1)), /there is no storage policy "gold"/u);
  });

  test('a quota that is used up is no space', async () => {
    await account('PUT', '/small', { 'x-container-meta-quota-bytes': '10000' });
    await using storage = await open('swift://small');
    await storage.put('a', pattern(5000));
    await rejectsWith(storage.put('b', pattern(20_000)), 'storage/out-of-space');
    assert.deepEqual(await namesIn(storage, ''), ['a']);
  });

  test('who may only read reads, and is told so when he writes', async () => {
    await account('PUT', '/shared', { 'x-container-read': 'test:reader,.rlistings' });
    {
      await using storage = await open('swift://shared');
      await storage.put('a', pattern(10));
    }
    await using reading = await open('swift://shared', {
      SWIFT_USERNAME: server.reader.user,
      SWIFT_PASSWORD: server.reader.password,
    });
    assert.deepEqual(await reading.read('a'), pattern(10));
    assert.deepEqual(await namesIn(reading, ''), ['a']);
    for (const call of [
      () => reading.put('b', pattern(1)),
      () => reading.put('a', pattern(1), { ifAbsent: false }),
      () => reading.delete('a'),
    ])
      await rejectsWith(call(), 'storage/access-denied');
  });

  test('large objects are stored in segments, which nobody sees', async () => {
    await using storage = await open(
      'swift://large/p?create-container&upload-cutoff=1M&segment-size=1M',
    );
    const body = pattern(3 * mebibyte + 500_000, 3);
    await storage.put('small', pattern(1000));
    await storage.put('packs/one', body);
    await storage.put('packs/two', sourceOf([body.subarray(0, 700_000), body.subarray(700_000)]), {
      ifAbsent: true,
    });
    assert.deepEqual(await namesIn(storage, ''), ['packs/one', 'packs/two', 'small']);
    assert.deepEqual(await Array.fromAsync(storage.list('packs/'), ({ size }) => size), [
      body.byteLength,
      body.byteLength,
    ]);
    assert.ok(Buffer.from(await storage.read('packs/two')).equals(body));
    assert.deepEqual(
      await storage.read('packs/one', { range: { offset: mebibyte - 10, length: 20 } }),
      body.slice(mebibyte - 10, mebibyte + 10),
    );
    assert.equal((await storage.stat('packs/one')).size, body.byteLength);
    await rejectsWith(storage.put('packs/one', body, { ifAbsent: true }), 'storage/already-exists');
    assert.equal((await keysIn('large')).length, 3 + 4 + 4, 'segments of the refused one are left');
    await storage.put('packs/one', body);
    assert.equal((await keysIn('large')).length, 3 + 4 + 4);
    await storage.put('packs/two', pattern(10));
    assert.equal((await keysIn('large')).length, 3 + 4);
    await using later = await open('swift://large/p');
    await later.delete('packs/one');
    assert.deepEqual(await keysIn('large'), ['p/packs/two', 'p/small']);
  });

  test('a large object whose body breaks leaves nothing', async () => {
    await using storage = await open(
      'swift://broken?create-container&upload-cutoff=1M&segment-size=1M',
    );
    await storage.put('a', pattern(1));
    const body = { ...sourceOf([pattern(2 * mebibyte)]), size: 3 * mebibyte };
    await rejectsWith(storage.put('b', body), 'input/invalid');
    assert.deepEqual(await keysIn('broken'), ['a']);
  });

  test('a name among the segments is refused', async () => {
    await using storage = await open('swift://names?create-container');
    await rejectsWith(storage.put('.holdfast-segments/a', pattern(1)), 'input/invalid');
  });

  test('credentials come from the variables of OpenStack and of the swift program', async () => {
    for (const variables of [
      { OS_AUTH_URL: server.authUrl, OS_USERNAME: server.user, OS_PASSWORD: server.password },
      { ST_AUTH: server.authUrl, ST_USER: server.user, ST_KEY: server.password },
      { PCA_AUTHURL: server.authUrl, PCA_USERNAME: server.user, PCA_PASSWORD: server.password },
    ]) {
      await using storage = await openForTest('swift://variables?create-container', variables);
      await storage.put('a', pattern(1));
    }
  });

  test('the URLs of other programs mean the same', async () => {
    const options = `openstack-authuri=${encodeURIComponent(server.authUrl)}&openstack-version=v1`;
    const credentials = `auth-username=${encodeURIComponent(server.user)}&auth-password=${server.password}`;
    await using duplicati = await openForTest(
      `openstack://urls/folder?${options}&${credentials}&create-container`,
    );
    await duplicati.put('a', pattern(10));
    await using restic = await open('swift:urls:/folder');
    assert.deepEqual(await restic.read('a'), pattern(10));
    await using duplicity = await open('swift://urls/folder');
    assert.deepEqual(await namesIn(duplicity, ''), ['a']);
    assert.equal(duplicity.location, 'swift://urls/folder');
  });

  test('a token that was given is used, and no other is asked for', async () => {
    const login = await fetch(server.authUrl, {
      headers: { 'x-auth-user': server.user, 'x-auth-key': server.password },
    });
    const url = login.headers.get('x-storage-url') ?? '';
    await account('PUT', '/given');
    await using storage = await openForTest('swift://given', {
      SWIFT_PREAUTHURL: url,
      SWIFT_PREAUTHTOKEN: login.headers.get('x-auth-token') ?? '',
    });
    await storage.put('a', pattern(1));
    await using wrong = await openForTest('swift://given', {
      SWIFT_PREAUTHURL: url,
      SWIFT_PREAUTHTOKEN: 'AUTH_tk0',
    });
    await assert.rejects(
      wrong.read('a'),
      (error) =>
        hasCode(error, 'storage/access-denied') && /wrong or has expired/u.test(error.message),
    );
  });

  test("OVH's archive is read, and nothing is written to it", async () => {
    await using writing = await open('swift://archive?create-container');
    await writing.put('a', pattern(10));
    await using archive = await open('pca://archive');
    assert.deepEqual(await archive.read('a'), pattern(10));
    assert.deepEqual(await namesIn(archive, ''), ['a']);
    await rejectsWith(archive.put('b', pattern(1)), 'storage/access-denied');
    await rejectsWith(archive.delete('a'), 'storage/access-denied');
  });

  test('what is missing is named before anything is asked', async () => {
    for (const [url, variables, expected] of [
      ['swift://a', {}, /"auth-url" is missing/u],
      ['swift://a', { SWIFT_AUTHURL: server.authUrl }, /User and password/u],
      ['swift://a', { SWIFT_AUTHURL: 'host/v1' }, /no address/u],
      ['swift://a', { ...environment, SWIFT_AUTHVERSION: '7' }, /"auth-version" is wrong/u],
      ['swift:///a', environment, /names no container/u],
      ['swift://host:8080/a', environment, /has a port/u],
      ['rackspace://a', { CLOUDFILES_USERNAME: 'u' }, /User and password/u],
    ] as const) {
      await assert.rejects(
        openForTest(url, variables),
        (error) => hasCode(error, 'input/usage') && expected.test(error.message),
      );
    }
  });
});

describe('Swift over TLS', { skip: missing }, async () => {
  if (missing !== false) return;
  const server = await startSwift({ tls: 'expired' });
  after(() => server[Symbol.asyncDispose]());

  test('an expired certificate is not trusted', async () => {
    await using storage = await openForTest('swift://a', {
      SWIFT_AUTHURL: server.authUrl,
      SWIFT_USERNAME: server.user,
      SWIFT_PASSWORD: server.password,
    });
    await assert.rejects(
      storage.read('a'),
      (error) => error instanceof AppError && error.code === 'storage/untrusted',
    );
  });
});

test('a full disk stores all or nothing', { skip: missing }, async (context) => {
  await using disk = await smallDisk(16 * mebibyte);
  if (disk === undefined) return context.skip(noSmallDisk);
  await using server = await startSwift({ device: disk.path });
  await using storage = await openForTest('swift://full?create-container', {
    SWIFT_AUTHURL: server.authUrl,
    SWIFT_USERNAME: server.user,
    SWIFT_PASSWORD: server.password,
  });
  await storage.put('before', pattern(mebibyte));
  await assert.rejects(
    storage.put('large', pattern(32 * mebibyte)),
    (error) => hasCode(error, 'storage/unavailable') || hasCode(error, 'storage/out-of-space'),
  );
  await rejectsWith(storage.read('large'), 'storage/not-found');
  assert.deepEqual(await storage.read('before'), pattern(mebibyte));
});
