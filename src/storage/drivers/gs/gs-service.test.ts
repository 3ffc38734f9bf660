import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, afterEach, describe, test } from 'node:test';

import { openForTest } from '../../../../test/contract/network-contract.ts';
import { startGoogleCloudStorage } from '../../../../test/servers/google-cloud-storage.ts';
import {
  federatedSubject,
  interoperabilityKey,
  knownAuthId,
} from '../../../../test/servers/simulators/gcs-accounts.ts';
import {
  namesIn,
  pattern,
  rejectsWith,
  sourceOf,
} from '../../../../test/support/storage-samples.ts';
import { tcpProxy } from '../../../../test/support/tcp-proxy.ts';
import { temporaryDirectory } from '../../../../test/support/temporary-directory.ts';
import { hasCode } from '../../../base/errors.ts';
import type { Storage } from '../../storage.ts';

const mebibyte = 1024 ** 2;
const hmac = {
  GS_ACCESS_KEY_ID: interoperabilityKey.id,
  GS_SECRET_ACCESS_KEY: interoperabilityKey.secret,
};

describe('Google Cloud Storage, what is special to it', async () => {
  const server = await startGoogleCloudStorage();
  after(() => server[Symbol.asyncDispose]());
  const calm = {
    rateLimited: 0,
    outages: 0,
    quota: Number.MAX_SAFE_INTEGER,
    damageUploads: false,
    expireTokens: false,
    tokenLife: 3599,
  };
  afterEach(() => server.steer(calm));
  const account = { GOOGLE_APPLICATION_CREDENTIALS: server.keyFile };
  const urlOf = (bucket: string, more = '', port = server.port): string =>
    `gs://${bucket}?endpoint=http://127.0.0.1:${port}${more}`;
  const open = (
    bucket: string,
    more = '',
    environment: Readonly<Record<string, string>> = account,
  ): Promise<Storage> => openForTest(urlOf(bucket, more), environment);

  for (const [kind, environment] of [
    ['an account', account],
    ['an interoperability key', hmac],
  ] as const) {
    const bucketOf = (name: string): string => `${name}-${environment === hmac ? 'xml' : 'json'}`;

    test(`with ${kind} a bucket that is missing is named, with what to do`, async () => {
      await using storage = await open('nowhere', '', environment);
      for (const call of [
        () => storage.put('a', pattern(1)),
        () => storage.put('a', pattern(17 * mebibyte)),
        () => storage.read('a'),
        () => storage.read('a', { range: { offset: -1 } }),
        () => storage.stat('a'),
        () => storage.delete('a'),
        () => namesIn(storage, ''),
      ]) {
        await assert.rejects(call, (error) => {
          assert.ok(hasCode(error, 'storage/no-container'), String(error));
          assert.match(error.message, /"nowhere"/u);
          assert.match(error.hint ?? '', /create-bucket/u);
          return true;
        });
      }
    });

    test(`with ${kind} a bucket is made when that is wanted, with the first object`, async () => {
      const bucket = bucketOf('made');
      const more = '&create-bucket&project=demo&gcs-location=europe-west1';
      await using storage = await open(bucket, more, environment);
      assert.deepEqual(await namesIn(storage, ''), []);
      await rejectsWith(storage.stat('a'), 'storage/not-found');
      await storage.delete('a');
      await storage.put('a', pattern(10), { ifAbsent: true });
      assert.deepEqual(await namesIn(storage, ''), ['a']);
    });

    test(`with ${kind} what protects objects is told`, async () => {
      const bucket = bucketOf('protected');
      await server.bucket(bucket);
      await using storage = await open(bucket, '', environment);
      await storage.put('a', pattern(1));
      await server.hold(bucket, 'a');
      await assert.rejects(
        storage.delete('a'),
        (error) => hasCode(error, 'storage/access-denied') && /a hold/u.test(error.message),
      );
      await server.bucket(bucket, { retainedUntil: '2099-01-01T00:00:00Z' });
      await storage.put('b', pattern(1));
      for (const call of [() => storage.delete('b'), () => storage.put('b', pattern(2))]) {
        await assert.rejects(
          call,
          (error) =>
            hasCode(error, 'storage/access-denied') && /retention policy/u.test(error.message),
        );
      }
      await server.bucket(bucket, { readOnly: true });
      await assert.rejects(
        storage.put('c', pattern(1)),
        (error) => hasCode(error, 'storage/access-denied') && /roles\//u.test(error.hint ?? ''),
      );
      assert.deepEqual(await namesIn(storage, ''), ['a', 'b']);
    });

    test(`with ${kind} the requester pays when a project is named`, async () => {
      const bucket = bucketOf('paid');
      await server.bucket(bucket, { requesterPays: true });
      {
        await using storage = await open(bucket, '', environment);
        await assert.rejects(
          storage.put('a', pattern(1)),
          (error) =>
            hasCode(error, 'storage/access-denied') && /user-project/u.test(error.hint ?? ''),
        );
      }
      await using storage = await open(bucket, '&user-project=demo', environment);
      await storage.put('a', pattern(1));
      await storage.put('b', pattern(17 * mebibyte));
      assert.deepEqual(await namesIn(storage, ''), ['a', 'b']);
      assert.deepEqual(await storage.read('a'), pattern(1));
      await storage.delete('a');
    });

    test(`with ${kind} what arrives damaged is refused or removed`, async () => {
      const bucket = bucketOf('damaged');
      await server.bucket(bucket);
      await using storage = await open(bucket, '', environment);
      await server.steer({ damageUploads: true });
      await rejectsWith(storage.put('a', pattern(10)), 'storage/unavailable');
      await rejectsWith(storage.put('b', sourceOf([pattern(10)])), 'storage/unavailable');
      assert.deepEqual(await namesIn(storage, ''), []);
    });

    test(`with ${kind} a quota that is used up is no space`, async () => {
      const bucket = bucketOf('full');
      await server.bucket(bucket);
      await using storage = await open(bucket, '', environment);
      await server.steer({ quota: 1 });
      await rejectsWith(storage.put('a', pattern(10_000)), 'storage/out-of-space');
      assert.deepEqual(await namesIn(storage, ''), []);
    });

    test(`with ${kind} all pages of a listing are read, in spite of odd names`, async () => {
      const bucket = bucketOf('pages');
      await server.bucket(bucket, { pageSize: 2 });
      await using storage = await open(bucket, '', environment);
      const names = ['a b', 'a&b', 'a<b>', 'ä/ö', "it's (1)*!", 'plus+', '100%', 'a%5Cb', 'a\\b'];
      for (const name of names) await storage.put(name, pattern(3));
      assert.deepEqual(new Set(await namesIn(storage, '')), new Set(names));
      for (const name of names) {
        assert.equal((await storage.stat(name)).size, 3);
        assert.deepEqual(
          await storage.read(name, { range: { offset: 1, length: 1 } }),
          pattern(3).slice(1, 2),
        );
        await storage.delete(name);
      }
      assert.deepEqual(await namesIn(storage, ''), []);
    });
  }

  test('conditions are decided by the service for interoperability keys too', async () => {
    await server.bucket('conditions');
    await using storage = await open('conditions', '', hmac);
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, (_, index) =>
        storage.put('a', pattern(10, index), { ifAbsent: true }),
      ),
    );
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
    await rejectsWith(storage.put('a', pattern(1), { ifAbsent: true }), 'storage/already-exists');
  });

  test('large objects go on where they were cut', async () => {
    await server.bucket('large');
    await using proxy = await tcpProxy(server.port, { cuts: 2, cutAfterSent: 1_500_000 });
    const body = pattern(5 * mebibyte + 1000);
    await using storage = await openForTest(
      urlOf('large', '&upload-cutoff=1M&chunk-size=1M', proxy.port),
      account,
    );
    await storage.put('array', body);
    await storage.put('stream', sourceOf([body.subarray(0, 1_234_567), body.subarray(1_234_567)]), {
      ifAbsent: true,
    });
    assert.equal(proxy.cuts, 2);
    assert.ok(Buffer.from(await storage.read('array')).equals(body));
    assert.ok(Buffer.from(await storage.read('stream')).equals(body));
    await rejectsWith(storage.put('stream', body, { ifAbsent: true }), 'storage/already-exists');
  });

  test('a service that takes a part of a chunk gets the rest', async () => {
    await server.bucket('short', { shortChunks: 512 * 1024 });
    await using storage = await open('short', '&upload-cutoff=1M&chunk-size=1M');
    const body = pattern(3 * mebibyte + 1);
    await storage.put('a', body);
    assert.ok(Buffer.from(await storage.read('a')).equals(body));
  });

  test('an outage in the middle of a large object is waited for', async () => {
    await server.bucket('outage');
    await using storage = await open('outage', '&upload-cutoff=1M&chunk-size=1M');
    await storage.put('before', pattern(1));
    const body = pattern(3 * mebibyte);
    let outages = 0;
    const source = {
      size: body.byteLength,
      stream: () =>
        new ReadableStream<Uint8Array>({
          async pull(controller) {
            const at = outages * mebibyte;
            if (outages === 2) await server.steer({ outages: 2 });
            outages++;
            controller.enqueue(body.subarray(at, at + mebibyte));
            if (outages === 3) controller.close();
          },
        }),
    };
    await storage.put('a', source);
    assert.ok(Buffer.from(await storage.read('a')).equals(body));
  });

  test('a service that wants a pause is asked again', async () => {
    await server.bucket('busy');
    await using storage = await open('busy');
    await storage.put('a', pattern(1));
    for (const control of [{ rateLimited: 1 }, { outages: 1 }]) {
      await server.steer(control);
      await rejectsWith(storage.stat('a'), 'storage/unavailable');
      await storage.stat('a');
    }
  });

  test('a token that has expired is replaced within the call', async () => {
    await server.bucket('tokens');
    await using storage = await open('tokens');
    await storage.put('a', pattern(1));
    const { tokens: before = 0 } = await server.counts();
    await server.steer({ expireTokens: true });
    await storage.put('a', sourceOf([pattern(2)]));
    assert.deepEqual(await storage.read('a'), pattern(2));
    const { tokens: later = 0 } = await server.counts();
    assert.equal(later, before + 1);
  });

  test('credentials come from a file, as JSON, by federation, or as a token', async () => {
    await server.bucket('credentials');
    await using directory = await temporaryDirectory();
    const subject = path.join(directory.path, 'subject');
    await writeFile(subject, federatedSubject);
    const federation = JSON.stringify({
      type: 'external_account',
      audience:
        '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/p',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_url: `http://127.0.0.1:${server.port}/sts`,
      credential_source: { file: subject },
    });
    for (const [more, environment] of [
      [`&gcs-service-account-file=${server.keyFile}`, {}],
      [`&gcs-service-account-json=${encodeURIComponent(server.key)}`, {}],
      ['', { HOLDFAST_GS_CREDENTIALS_JSON: federation }],
      [`&authid=${knownAuthId}&oauth-url=http://127.0.0.1:${server.port}/authid`, {}],
    ] as const) {
      await using storage = await open('credentials', more, environment);
      await storage.put('a', pattern(1));
    }
    await using direct = await openForTest(
      `gcs://credentials/?endpoint=http://127.0.0.1:${server.port}`,
      account,
    );
    assert.deepEqual(await namesIn(direct, ''), ['a']);
  });

  test('credentials that are wrong are told in one sentence without them', async () => {
    const other = { ...(JSON.parse(server.key) as object), client_email: 'other@demo.example' };
    for (const [environment, code, expected] of [
      [
        { ...hmac, GS_SECRET_ACCESS_KEY: 'wrong-word' },
        'storage/access-denied',
        /interoperability key is wrong/u,
      ],
      [
        { HOLDFAST_GS_CREDENTIALS_JSON: JSON.stringify(other) },
        'storage/access-denied',
        /account not found/u,
      ],
      [
        { HOLDFAST_GS_CREDENTIALS_JSON: '{"private_key": wrong-word' },
        'input/usage',
        /it is no JSON/u,
      ],
      [{ HOLDFAST_GS_CREDENTIALS_JSON: '{}' }, 'input/usage', /no key of a service account/u],
      [
        { GOOGLE_APPLICATION_CREDENTIALS: '/nowhere/key.json' },
        'input/usage',
        /^Cannot read the file "\/nowhere\/key.json" of "credentials-file": there is no such file or directory$/u,
      ],
    ] as const) {
      await using storage = await open('credentials', '', environment);
      await assert.rejects(storage.read('a'), (error) => {
        assert.ok(hasCode(error, code), String(error));
        assert.match(error.message, expected);
        assert.ok(!`${error.message} ${error.hint}`.includes('wrong-word'));
        return true;
      });
    }
    await assert.rejects(
      open('credentials', '', { GS_ACCESS_KEY_ID: 'GOOG' }),
      /only the id was given/u,
    );
    await assert.rejects(openForTest('gs:///a', account), /names no bucket/u);
    await assert.rejects(openForTest('gs://host:80/a', account), /has a port/u);
  });
});

test('a 404 that the service itself does not give is no missing object', async () => {
  let isDown = false;
  await using server = createServer((_, response) => {
    if (isDown) response.writeHead(404).end('404 page not found');
    else response.end('{"name":"x","size":"1","updated":"2026-01-02T03:04:05.000Z"}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await using storage = await openForTest(
    `gs://a?endpoint=http://127.0.0.1:${port}&access-token=t`,
    {},
  );
  assert.equal((await storage.stat('x')).size, 1);
  isDown = true;
  await rejectsWith(storage.stat('x'), 'storage/unavailable');
  await rejectsWith(storage.read('x'), 'storage/unavailable');
});

test('an expired certificate of the service is not trusted', async () => {
  await using server = await startGoogleCloudStorage({ tls: 'expired' });
  await using storage = await openForTest(
    `gs://a?endpoint=https://127.0.0.1:${server.port}&access-token=t`,
  );
  await rejectsWith(storage.read('a'), 'storage/untrusted');
});
