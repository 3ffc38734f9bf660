import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createServer } from 'node:tls';

import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  S3Client,
} from '@aws-sdk/client-s3';

import { networkContract, openForTest } from '../../../../test/contract/network-contract.ts';
import { storageContract } from '../../../../test/contract/storage-contract.ts';
import { testCertificate } from '../../../../test/servers/certificate.ts';
import { type CephServer, type CephUser, serverKind } from '../../../../test/servers/ceph.ts';
import { missingPrograms } from '../../../../test/servers/required-programs.ts';
import { freePort } from '../../../../test/servers/server.ts';
import { connectProxy } from '../../../../test/support/connect-proxy.ts';
import {
  namesIn,
  pattern,
  rejectsWith,
  sourceOf,
} from '../../../../test/support/storage-samples.ts';
import { tcpProxy } from '../../../../test/support/tcp-proxy.ts';
import { temporaryDirectory } from '../../../../test/support/temporary-directory.ts';
import { systemClock } from '../../../base/clock.ts';
import { hasCode } from '../../../base/errors.ts';
import { openStorage } from '../../open-storage.ts';
import type { Storage } from '../../storage.ts';

const missing = missingPrograms(serverKind.programs);
const mebibyte = 1024 ** 2;

describe('S3 by Ceph', { skip: missing, concurrency: false }, async () => {
  if (missing !== false) return;
  const server = await serverKind.start();
  after(() => server[Symbol.asyncDispose]());
  /** The one server for several subjects. */
  const lent = async (): Promise<CephServer> => ({
    ...server,
    [Symbol.asyncDispose]: async () => undefined,
  });
  const keysOf = ({ accessKey, secretKey }: CephUser): Readonly<Record<string, string>> => ({
    AWS_ACCESS_KEY_ID: accessKey,
    AWS_SECRET_ACCESS_KEY: secretKey,
  });
  const keys = keysOf(server.user);

  networkContract({
    title: 'S3 by Ceph',
    start: lent,
    url: (_, place, port) =>
      `s3+http://127.0.0.1:${port}/contract/${place}?provider=ceph&create-bucket`,
    environment: () => keys,
    wrongCredentials: (_, place, port) =>
      `s3+http://${server.user.accessKey}:wrong@127.0.0.1:${port}/contract/${place}`,
  });

  const destination = (rest: string, port = server.port): string =>
    `s3+http://127.0.0.1:${port}/${rest}`;
  const open = (rest: string, user = server.user): Promise<Storage> =>
    openForTest(destination(rest), keysOf(user));
  /** A client that can do more than our driver. */
  const client = new S3Client({
    endpoint: `http://127.0.0.1:${server.port}`,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: {
      accessKeyId: server.user.accessKey,
      secretAccessKey: server.user.secretKey,
    },
  });
  after(() => client.destroy());

  describe('through a proxy, with the bucket in the host', { concurrency: false }, async () => {
    const proxy = await connectProxy();
    after(() => proxy[Symbol.asyncDispose]());
    let places = 0;
    storageContract('S3 by Ceph, virtual style', () =>
      openForTest(
        `s3+http://rgw.localhost:${server.port}/virtual/${(places += 1)}?create-bucket&path-style=no`,
        { ...keys, HTTP_PROXY: proxy.url, http_proxy: proxy.url, NO_PROXY: '', no_proxy: '' },
      ),
    );
    test('every request named the bucket in its host', () => {
      assert.deepEqual(new Set(proxy.asked), new Set([`virtual.rgw.localhost:${server.port}`]));
    });
  });

  describe('what the user is told', { concurrency: false }, () => {
    test('a missing bucket is named, by every method', async () => {
      await using storage = await open('nowhere/at/all');
      for (const call of [
        () => storage.put('a', pattern(10)),
        () => storage.put('a', pattern(10), { ifAbsent: true }),
        () => storage.get('a'),
        () => storage.read('a', { range: { offset: 0, length: 1 } }),
        () => storage.stat('a'),
        () => storage.delete('a'),
        () => Array.fromAsync(storage.list('')),
      ]) {
        await assert.rejects(
          call,
          (error) =>
            hasCode(error, 'storage/no-container') &&
            error.message.includes('there is no bucket "nowhere"') &&
            error.hint?.includes('create-bucket') === true,
        );
      }
    });

    test('a bucket is made by the first put, and not before, when that is wanted', async () => {
      await using storage = await open('made-later/p?create-bucket=yes');
      assert.deepEqual(await namesIn(storage, ''), []);
      for (const call of [() => storage.get('a'), () => storage.read('a'), () => storage.stat('a')])
        await rejectsWith(call(), 'storage/not-found');
      await storage.delete('a');
      await using strict = await open('made-later/p');
      await rejectsWith(namesIn(strict, ''), 'storage/no-container');
      await Promise.all([
        storage.put('a', pattern(10), { ifAbsent: true }),
        storage.put('b', pattern(20)),
      ]);
      assert.deepEqual(await namesIn(storage, ''), ['a', 'b']);
      assert.deepEqual(await namesIn(strict, ''), ['a', 'b']);
    });

    test('a bucket that goes while it is used is missed, also where it would be made', async () => {
      await using storage = await open('going?create-bucket=yes');
      await storage.put('a', pattern(10));
      await storage.delete('a');
      await client.send(new DeleteBucketCommand({ Bucket: 'going' }));
      await rejectsWith(namesIn(storage, ''), 'storage/no-container');
      await rejectsWith(storage.read('a'), 'storage/no-container');
    });

    test('a key that is not known and a wrong secret are told apart', async () => {
      const { accessKey, secretKey } = server.user;
      await using unknown = await open('contract', { accessKey: 'NOBODY', secretKey });
      await rejectsWithText(
        unknown.stat('a'),
        'storage/access-denied',
        'does not know the access key',
      );
      await using wrong = await open('contract', { accessKey, secretKey: 'wrong' });
      await rejectsWithText(
        wrong.stat('a'),
        'storage/access-denied',
        'does not belong to the access',
      );
    });

    test('a key that may only read reads, and is refused the rest', async () => {
      const reader = await server.createUser('reader');
      await client.send(new CreateBucketCommand({ Bucket: 'readable' }));
      const allowed = ['s3:ListBucket', 's3:GetObject'];
      const all = ['arn:aws:s3:::readable', 'arn:aws:s3:::readable/*'];
      const principal = { AWS: ['arn:aws:iam:::user/reader'] };
      const statement = { Effect: 'Allow', Principal: principal, Action: allowed, Resource: all };
      const policy = { Version: '2012-10-17', Statement: [statement] };
      await client.send(
        new PutBucketPolicyCommand({ Bucket: 'readable', Policy: JSON.stringify(policy) }),
      );
      await using writing = await open('readable');
      await writing.put('a', pattern(10));
      await using reading = await open('readable', reader);
      assert.deepEqual(await reading.read('a'), pattern(10));
      assert.deepEqual(await namesIn(reading, ''), ['a']);
      await rejectsWith(reading.stat('b'), 'storage/not-found');
      await rejectsWithText(reading.put('b', pattern(1)), 'storage/access-denied', 'denies it');
      await rejectsWith(reading.put('b', pattern(1), { ifAbsent: true }), 'storage/access-denied');
      await rejectsWith(reading.delete('a'), 'storage/access-denied');
      assert.deepEqual(await namesIn(writing, ''), ['a']);
    });

    test('a quota that is used up is no space', async () => {
      const small = await server.createUser('small');
      await server.admin('quota', 'set', '--quota-scope=user', '--uid=small', '--max-size=100K');
      await server.admin('quota', 'enable', '--quota-scope=user', '--uid=small');
      await using storage = await open('small?create-bucket', small);
      await storage.put('a', pattern(1000));
      await rejectsWithText(storage.put('b', pattern(200_000)), 'storage/out-of-space', 'quota');
      assert.deepEqual(await namesIn(storage, ''), ['a']);
      await storage.delete('a');
    });

    test('a clock that is wrong is named', async () => {
      const { storage } = await openStorage(
        destination('contract'),
        {
          flag: {
            attempts: 1,
            'access-key-id': server.user.accessKey,
            'secret-access-key': server.user.secretKey,
          },
        },
        {
          clock: { ...systemClock, now: () => systemClock.now() + 3_600_000 },
          environment: {},
          warn: () => undefined,
        },
      );
      await using _closed = storage;
      await rejectsWithText(
        Array.fromAsync(storage.list('')),
        'storage/access-denied',
        'the clock of this machine is 60 minutes ahead',
      );
    });

    test('a storage class that is not there is named', async () => {
      await using storage = await open('contract/classes?create-bucket&storage-class=FROZEN');
      await rejectsWithText(storage.put('a', pattern(10)), 'input/usage', 'storage class');
      assert.deepEqual(await namesIn(storage, ''), []);
    });
  });

  describe('certificates', { concurrency: false }, () => {
    test('a certificate that signs itself is trusted when it is named', async () => {
      const secure = `s3://localhost:${server.tlsPort}/contract/tls?create-bucket`;
      await using strict = await openForTest(secure, keys);
      await assert.rejects(
        strict.put('a', pattern(10)),
        (error) =>
          hasCode(error, 'storage/untrusted') && error.hint?.includes('"ca-file"') === true,
      );
      await using trusting = await openForTest(`${secure}&ca-file=${server.certificate}`, keys);
      await trusting.put('a', pattern(8 * mebibyte));
      assert.deepEqual(await trusting.read('a'), pattern(8 * mebibyte));
    });

    test('a certificate that has expired is refused, and nothing is sent', async () => {
      await using directory = await temporaryDirectory();
      const expired = await testCertificate(directory.path, { expired: true });
      let received = 0;
      const front = createServer(
        { cert: await readFile(expired.certificate), key: await readFile(expired.key) },
        (socket) => {
          const behind = connect(server.port, '127.0.0.1');
          socket.on('data', (piece: Buffer) => (received += piece.byteLength));
          for (const each of [socket, behind]) each.on('error', () => socket.destroy());
          socket.pipe(behind).pipe(socket);
        },
      );
      front.on('tlsClientError', () => undefined);
      const port = await freePort();
      await new Promise<void>((resolve) => front.listen(port, '127.0.0.1', resolve));
      try {
        const url = `s3://localhost:${port}/contract/tls?ca-file=${expired.certificate}`;
        await using storage = await openForTest(url, keys);
        await rejectsWithText(storage.stat('a'), 'storage/untrusted', 'has expired');
        assert.equal(received, 0);
      } finally {
        await new Promise((resolve) => front.close(resolve));
      }
    });
  });

  describe('keys', { concurrency: false }, () => {
    test('a key in the URL is used', async () => {
      const { accessKey, secretKey } = server.user;
      const place = `127.0.0.1:${server.port}/contract/in-url?create-bucket`;
      await using storage = await openForTest(
        `s3+http://${accessKey}:${encodeURIComponent(secretKey)}@${place}`,
      );
      await storage.put('a', pattern(10));
      assert.ok(!storage.location.includes(accessKey));
    });

    test('a profile of the AWS tools is used, and is stronger than the environment', async () => {
      await using directory = await temporaryDirectory();
      const file = path.join(directory.path, 'credentials');
      const { accessKey, secretKey } = server.user;
      await writeFile(
        file,
        `[backup]\naws_access_key_id = ${accessKey}\naws_secret_access_key = ${secretKey}\n`,
      );
      const previous = process.env['AWS_SHARED_CREDENTIALS_FILE'];
      process.env['AWS_SHARED_CREDENTIALS_FILE'] = file;
      try {
        const url = destination('contract/by-profile?create-bucket&profile=backup');
        await using storage = await openForTest(url, {
          AWS_ACCESS_KEY_ID: 'SOMEBODY',
          AWS_SECRET_ACCESS_KEY: 'else',
        });
        await storage.put('a', pattern(10));
      } finally {
        if (previous === undefined) delete process.env['AWS_SHARED_CREDENTIALS_FILE'];
        else process.env['AWS_SHARED_CREDENTIALS_FILE'] = previous;
      }
    });
  });

  describe('versions and locks', { concurrency: false }, () => {
    test('with versions a delete hides the object, and what it was stays', async () => {
      await client.send(new CreateBucketCommand({ Bucket: 'versions' }));
      const VersioningConfiguration = { Status: 'Enabled' } as const;
      await client.send(
        new PutBucketVersioningCommand({ Bucket: 'versions', VersioningConfiguration }),
      );
      await using storage = await open('versions');
      await storage.put('a', pattern(10));
      await storage.put('a', pattern(20));
      await storage.delete('a');
      assert.deepEqual(await namesIn(storage, ''), []);
      await rejectsWith(storage.read('a'), 'storage/not-found');
      await rejectsWith(storage.stat('a'), 'storage/not-found');
      const { Versions = [] } = await client.send(
        new ListObjectVersionsCommand({ Bucket: 'versions' }),
      );
      assert.deepEqual(new Set(Versions.map(({ Size }) => Size)), new Set([10, 20]));
      await storage.put('a', pattern(30), { ifAbsent: true });
      assert.deepEqual(await storage.read('a'), pattern(30));
    });

    test('a locked object can be hidden and replaced, but not removed before its time', async () => {
      const url = 'locked?create-bucket&part-size=5MiB&lock-retention=1h&lock-mode=';
      await using storage = await open(`${url}compliance`);
      const large = pattern(12 * mebibyte);
      await storage.put('whole', pattern(10));
      await storage.put('parts', sourceOf([large]));
      await storage.delete('whole');
      await storage.put('parts', pattern(5));
      assert.deepEqual(await namesIn(storage, ''), ['parts']);
      const { Versions = [] } = await client.send(
        new ListObjectVersionsCommand({ Bucket: 'locked' }),
      );
      assert.deepEqual(
        Versions.map(({ Size }) => Number(Size)).toSorted((left, right) => left - right),
        [5, 10, large.byteLength],
      );
      for (const { Key, VersionId } of Versions) {
        await assert.rejects(
          client.send(new DeleteObjectCommand({ Bucket: 'locked', Key, VersionId })),
          { name: 'AccessDenied' },
        );
      }
    });

    test('a lock where the bucket has none is refused', async () => {
      await using storage = await open('contract/lock?lock-mode=governance&lock-retention=1h');
      await rejectsWithText(storage.put('a', pattern(10)), 'input/usage', 'has no object lock');
      assert.deepEqual(await namesIn(storage, ''), []);
    });
  });

  describe('uploads in parts', { concurrency: false }, () => {
    const unfinished = async (prefix: string): Promise<number> => {
      const answer = await client.send(
        new ListMultipartUploadsCommand({ Bucket: 'parts', Prefix: prefix }),
      );
      return answer.Uploads?.length ?? 0;
    };
    before(() => client.send(new CreateBucketCommand({ Bucket: 'parts' })));

    test('what comes as a stream is whole, in pieces of any size', async () => {
      await using storage = await open('parts/streams?part-size=5MiB');
      const body = pattern(23 * mebibyte + 17);
      const pieces = [0, 1, 5 * mebibyte - 1, 5 * mebibyte, 9 * mebibyte, 22 * mebibyte].map(
        (from, index, all) => body.subarray(from, all[index + 1]),
      );
      await storage.put('stream', sourceOf(pieces));
      await storage.put('array', body);
      await storage.put('conditional', sourceOf(pieces), { ifAbsent: true });
      for (const name of ['stream', 'array', 'conditional'])
        assert.ok(Buffer.from(await storage.read(name)).equals(body), name);
      await rejectsWith(
        storage.put('stream', sourceOf(pieces), { ifAbsent: true }),
        'storage/already-exists',
      );
    });

    test('an upload that is aborted or fails leaves nothing behind', async () => {
      for (const cut of [false, true]) {
        await using proxy = await tcpProxy(server.port, { rate: 20 * mebibyte });
        const url = destination('parts/aborted?part-size=5MiB', proxy.port);
        await using storage = await openForTest(url, keys);
        const controller = new AbortController();
        const reason = new Error('Stop');
        const put = storage.put('a', sourceOf([pattern(30 * mebibyte)]), {
          signal: controller.signal,
        });
        const outcome = put.catch((error: unknown) => error);
        while (proxy.sent < 7 * mebibyte) await systemClock.sleep(5);
        assert.equal(await unfinished('aborted/'), 1);
        if (cut) proxy.cutAll();
        else controller.abort(reason);
        const error = await outcome;
        assert.ok(cut ? hasCode(error, 'storage/unavailable') : error === reason, String(error));
        await storage[Symbol.asyncDispose]();
        assert.equal(await unfinished('aborted/'), 0);
      }
      await using storage = await open('parts/aborted');
      assert.deepEqual(await namesIn(storage, ''), []);
    });

    test('what a crash has left goes with the next upload, once it is old', async () => {
      const leave = (Key: string): Promise<unknown> =>
        client.send(new CreateMultipartUploadCommand({ Bucket: 'parts', Key }));
      await leave('old/packs/1');
      await leave('other/packs/1');
      await systemClock.sleep(1100);
      await leave('young/packs/1');
      const body = sourceOf([pattern(6 * mebibyte)]);
      {
        await using storage = await open('parts/young?part-size=5MiB');
        await storage.put('a', body);
      }
      assert.equal(await unfinished('young/'), 1);
      {
        await using storage = await open('parts/old?part-size=5MiB&abort-uploads-after=1s');
        assert.deepEqual(await namesIn(storage, ''), []);
        await storage.put('a', body);
      }
      assert.equal(await unfinished('old/'), 0);
      assert.equal(await unfinished('other/'), 1);
    });
  });

  describe('settings', { concurrency: false }, () => {
    test('unsigned contents are stored, with their MD5', async () => {
      await using storage = await open(
        'contract/unsigned?create-bucket&unsigned-payload&part-size=5MiB',
      );
      const body = pattern(7 * mebibyte);
      for (const sent of [body, sourceOf([body])]) {
        await storage.put('a', sent);
        assert.ok(Buffer.from(await storage.read('a')).equals(body));
      }
    });

    test('the older way to list gives the same', async () => {
      await using storage = await open('contract/v1?create-bucket&list-version=v1');
      const all = ['a/with space', 'a/plus+and&', 'a/ñ', 'b'];
      for (const name of all) await storage.put(name, pattern(3));
      assert.deepEqual(await namesIn(storage, ''), all.toSorted());
    });

    test('the first conditional put finds out who decides', async () => {
      await using storage = await open('contract/condition?create-bucket&provider=other');
      assert.equal(storage.capabilities.conditionalPut, false);
      await storage.put('a', pattern(10), { ifAbsent: true });
      assert.equal(storage.capabilities.conditionalPut, true);
    });
  });
});

async function rejectsWithText(
  promise: Promise<unknown>,
  code: Parameters<typeof rejectsWith>[1],
  text: string,
): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(hasCode(error, code), `expected ${code}, got ${String(error)}`);
    assert.ok(error.message.includes(text), error.message);
    return true;
  });
}
