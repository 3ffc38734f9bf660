import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { openForTest } from '../../../../test/contract/network-contract.ts';
import { type B2Key, type B2Server, serverKind, startB2 } from '../../../../test/servers/b2.ts';
import { missingPrograms } from '../../../../test/servers/required-programs.ts';
import {
  namesIn,
  pattern,
  rejectsWith,
  sourceOf,
} from '../../../../test/support/storage-samples.ts';
import { type Clock, systemClock } from '../../../base/clock.ts';
import { type AppError, hasCode } from '../../../base/errors.ts';
import { openStorage } from '../../open-storage.ts';
import type { Storage } from '../../storage.ts';

const mebibyte = 1024 ** 2;
const day = 24 * 60 * 60_000;
const missing = missingPrograms([...serverKind.programs, 'openssl']);

/** What a call rejects with. */
async function failureOf(call: Promise<unknown>): Promise<AppError> {
  const failure = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(hasCode(failure), `expected an error of ours, got ${String(failure)}`);
  return failure;
}

describe('Backblaze B2, its own ways', { skip: missing, concurrency: false }, async () => {
  if (missing !== false) return;
  const server = await startB2();
  after(() => server[Symbol.asyncDispose]());
  const url = (
    place: string,
    key: B2Key = server.master,
    options: Readonly<Record<string, string>> = {},
  ): string => urlOf(server, place, key, options);
  const versionsIn = async (bucket: string): Promise<readonly string[]> =>
    (await server.state(bucket)).files.map(([name, action]) => `${action} ${name}`);
  const callsOf = async (bucket: string, operation: string): Promise<number> =>
    (await server.state(bucket)).calls[operation] ?? 0;

  test('a missing bucket is named by every call, with what to do', async () => {
    await using storage = await openForTest(url('nowhere/dir'));
    for (const call of [
      () => storage.put('a', pattern(10)),
      () => storage.read('a'),
      () => storage.stat('a'),
      () => storage.delete('a'),
      () => namesIn(storage, ''),
    ]) {
      const failure = await failureOf(call());
      assert.equal(failure.code, 'storage/no-container', failure.message);
      assert.match(failure.hint ?? '', /create-bucket/u);
    }
  });

  test('a bucket is made by the first put, and not before, when that is wanted', async () => {
    await using storage = await openForTest(
      url('made-later/dir', server.master, { 'create-bucket': 'yes' }),
    );
    assert.deepEqual(await namesIn(storage, ''), []);
    await rejectsWith(storage.read('a'), 'storage/not-found');
    await storage.delete('a');
    await Promise.all([storage.put('a', pattern(10)), storage.put('b', pattern(10))]);
    assert.deepEqual(await namesIn(storage, ''), ['a', 'b']);
    assert.equal(await callsOf('made-later', 'b2_create_bucket'), 1);
  });

  test('a replaced object has one content, and a deleted one no versions', async () => {
    await server.createBucket('versions');
    await using storage = await openForTest(url('versions/dir'));
    for (let round = 1; round <= 3; round++) await storage.put('a', pattern(10, round));
    await storage.put('ab', pattern(10));
    assert.deepEqual(await storage.read('a'), pattern(10, 3));
    assert.deepEqual(await namesIn(storage, ''), ['a', 'ab']);
    await storage.delete('a');
    await rejectsWith(storage.read('a'), 'storage/not-found');
    assert.deepEqual(await versionsIn('versions'), ['upload dir/ab']);
  });

  test('a key that may not delete hides, and what is hidden is gone for readers', async () => {
    await server.createBucket('hiding');
    const key = await server.createKey({
      bucket: 'hiding',
      prefix: 'dir/',
      capabilities: ['listFiles', 'readFiles', 'writeFiles'],
    });
    await using storage = await openForTest(url('hiding/dir', key));
    await storage.put('a', pattern(10));
    await storage.put('b', pattern(10));
    await storage.delete('a');
    await storage.delete('a');
    await storage.delete('never');
    await rejectsWith(storage.read('a'), 'storage/not-found');
    await rejectsWith(storage.stat('a'), 'storage/not-found');
    assert.deepEqual(await namesIn(storage, ''), ['b']);
    await storage.put('a', pattern(20), { ifAbsent: true });
    assert.deepEqual(await storage.read('a'), pattern(20));
    assert.deepEqual((await versionsIn('hiding')).toSorted(), [
      'hide dir/a',
      'upload dir/a',
      'upload dir/a',
      'upload dir/b',
    ]);
    await using cleaning = await openForTest(url('hiding/dir'));
    await cleaning.delete('a');
    assert.deepEqual(await versionsIn('hiding'), ['upload dir/b']);
    await using wishing = await openForTest(
      url('hiding/dir', server.master, { 'b2-hide-files': 'yes' }),
    );
    await wishing.delete('b');
    assert.deepEqual((await versionsIn('hiding')).toSorted(), ['hide dir/b', 'upload dir/b']);
  });

  test('a wrong key is called so, and shows nothing of itself', async () => {
    const wrong = { id: server.master.id, key: 'mistyped' };
    for (const key of [wrong, { ...wrong, id: 'unknown' }]) {
      const failure = await failureOf(listed(url('restricted', key)));
      assert.equal(failure.code, 'storage/access-denied');
      assert.match(failure.message, /the key or its identifier is wrong/u);
      assert.match(failure.hint ?? '', /B2_APPLICATION_KEY_ID/u);
      assert.doesNotMatch(`${failure.message} ${failure.hint}`, /mistyped/u);
    }
  });

  test('a key says in one sentence what it is not for', async () => {
    await server.createBucket('restricted');
    await server.createBucket('elsewhere');
    const everything = ['listFiles', 'readFiles', 'writeFiles', 'deleteFiles'];
    const readOnly = await server.createKey({
      bucket: 'restricted',
      capabilities: ['listFiles', 'readFiles'],
    });
    const own = await server.createKey({
      bucket: 'restricted',
      prefix: 'mine/',
      capabilities: everything,
    });
    await using writing = await openForTest(url('restricted/mine', own));
    await writing.put('a', pattern(10));
    await using reading = await openForTest(url('restricted/mine', readOnly));
    assert.deepEqual(await reading.read('a'), pattern(10));
    const cases: readonly (readonly [() => Promise<unknown>, RegExp])[] = [
      [() => reading.put('b', pattern(10)), /may only read/u],
      [() => reading.delete('a'), /may only read/u],
      [() => listed(url('restricted/yours', own)), /names that begin with "mine\/"/u],
      [() => listed(url('elsewhere/mine', own)), /only for the bucket "restricted"/u],
    ];
    for (const [call, sentence] of cases) {
      const failure = await failureOf(call());
      assert.equal(failure.code, 'storage/access-denied');
      assert.match(failure.message, sentence);
      assert.doesNotMatch(`${failure.message}${failure.hint}`, new RegExp(own.key, 'u'));
    }
  });

  test('a token that has ended is exchanged as part of the same call', async () => {
    await server.createBucket('tokens');
    await using storage = await openForTest(
      url('tokens/dir', server.master, { 'part-size': '5M' }),
    );
    await storage.put('a', pattern(10));
    for (const call of [
      () => storage.read('a'),
      () => namesIn(storage, ''),
      // Its upload URL is as old as the token.
      () => storage.put('b', sourceOf([pattern(2 * mebibyte)])),
      () => storage.put('large', pattern(21 * mebibyte)),
      () => storage.delete('a'),
    ]) {
      await server.expireTokens();
      await call();
    }
    assert.deepEqual(await namesIn(storage, ''), ['b', 'large']);
  });

  test('an upload URL whose server is busy is thrown away', async () => {
    await server.createBucket('busy');
    await using storage = await openForTest(url('busy/dir'));
    await storage.put('a', pattern(10));
    await storage.put('b', pattern(10));
    const before = await callsOf('busy', 'b2_get_upload_url');
    const fault = { status: 503, code: 'service_unavailable', headers: { 'Retry-After': '7' } };
    await server.fail('upload_file', fault);
    const failure = await failureOf(storage.put('c', pattern(10)));
    assert.equal(failure.code, 'storage/unavailable');
    assert.equal(failure.details['retryAfter'], 7000);
    assert.equal(await callsOf('busy', 'b2_get_upload_url'), before, 'URLs are used again');
    await server.fail('upload_file', { status: 503, code: 'service_unavailable' });
    await using stubborn = await openForTest(url('busy/dir'), {}, { attempts: 2 });
    await stubborn.put('c', pattern(10));
    await storage.put('d', pattern(10));
    assert.equal(await callsOf('busy', 'b2_get_upload_url'), before + 3);
    assert.deepEqual(await namesIn(storage, ''), ['a', 'b', 'c', 'd']);
  });

  test('a large upload that fails is cancelled', async () => {
    await server.createBucket('cancelled');
    const broken = new Error('The disk is gone');
    const options = { 'part-size': '5M' };
    {
      await using storage = await openForTest(url('cancelled/dir', server.master, options));
      await assert.rejects(
        storage.put('large', {
          size: 30 * mebibyte,
          stream: () =>
            ReadableStream.from<Uint8Array>(
              (function* () {
                for (let piece = 0; piece < 12; piece++) yield pattern(mebibyte, piece);
                throw broken;
              })(),
            ),
        }),
        broken,
      );
      await server.fail('upload_part', { status: 503, code: 'service_unavailable' });
      await rejectsWith(storage.put('large', pattern(30 * mebibyte)), 'storage/unavailable');
      assert.deepEqual(await namesIn(storage, ''), []);
    }
    assert.deepEqual(await versionsIn('cancelled'), []);
  });

  test('what a killed writer has begun is cancelled days later, and no sooner', async () => {
    await server.createBucket('abandoned');
    await startLargeFile(server, 'abandoned', 'dir/large');
    await startLargeFile(server, 'abandoned', 'other/large');
    const writing = async (clock: Clock, name: string): Promise<void> => {
      await using storage = await openAt(url('abandoned/dir'), clock);
      await storage.put(name, pattern(10));
      // A listing comes after what the put has begun.
      await namesIn(storage, '');
      for (let waited = 0; waited < 50 && (await versionsIn('abandoned')).length > 3; waited++)
        await systemClock.sleep(10);
    };
    await writing(systemClock, 'a');
    assert.equal((await versionsIn('abandoned')).length, 3);
    await writing({ ...systemClock, now: () => systemClock.now() + 3 * day }, 'b');
    assert.deepEqual((await versionsIn('abandoned')).toSorted(), [
      'start other/large',
      'upload dir/a',
      'upload dir/b',
    ]);
  });

  test('caps and throttling are told apart', async () => {
    await server.createBucket('caps');
    await using storage = await openForTest(url('caps/dir'));
    await storage.put('a', pattern(10));
    await server.fail('upload_file', { status: 403, code: 'storage_cap_exceeded' });
    assert.match((await failureOf(storage.put('b', pattern(10)))).hint ?? '', /Caps & Alerts/u);
    await server.fail('upload_file', { status: 403, code: 'storage_cap_exceeded' });
    await rejectsWith(storage.put('b', pattern(10)), 'storage/out-of-space');
    await server.fail('download', { status: 403, code: 'download_cap_exceeded' });
    await rejectsWith(storage.read('a'), 'storage/access-denied');
    await server.fail('b2_list_file_names', {
      status: 429,
      code: 'too_many_requests',
      headers: { 'Retry-After': '2' },
    });
    const failure = await failureOf(namesIn(storage, ''));
    assert.equal(failure.code, 'storage/unavailable');
    assert.equal(failure.details['retryAfter'], 2000);
  });

  test('a listing of many pages is whole, or fails', async () => {
    await server.createBucket('pages');
    await using storage = await openForTest(url('pages/dir', server.master, { 'page-size': '3' }));
    const names = Array.from({ length: 10 }, (_, index) => `d/${index}`);
    await Promise.all(names.map((name) => storage.put(name, pattern(1))));
    const before = await callsOf('pages', 'b2_list_file_names');
    assert.deepEqual(await namesIn(storage, 'd/'), names);
    assert.equal((await callsOf('pages', 'b2_list_file_names')) - before, 4);
    const listing = storage.list('')[Symbol.asyncIterator]();
    await listing.next();
    await server.fail('b2_list_file_names', { status: 500, code: 'internal_error' });
    await assert.rejects(async () => {
      while ((await listing.next()).done !== true);
    });
  });

  test('new objects are locked as told', async () => {
    await server.createBucket('locked');
    await using storage = await openForTest(
      url('locked/dir', server.master, {
        'lock-mode': 'governance',
        'lock-period': '30d',
        'part-size': '5M',
      }),
    );
    await storage.put('small', pattern(10));
    await storage.put('large', pattern(21 * mebibyte));
    const locks = (await server.state('locked')).locks.slice(-2);
    for (const lock of locks) {
      assert.equal(lock?.mode, 'governance');
      const days = ((lock?.retainUntilTimestamp ?? 0) - systemClock.now()) / day;
      assert.ok(days > 29.9 && days <= 30, String(days));
    }
  });

  test('credentials come from the environment', async () => {
    await server.createBucket('by-environment');
    const { id, key } = server.master;
    const environments: readonly Readonly<Record<string, string>>[] = [
      { B2_APPLICATION_KEY_ID: id, B2_APPLICATION_KEY: key },
      { B2_ACCOUNT_ID: id, B2_ACCOUNT_KEY: key },
      { HOLDFAST_B2_KEY_ID: id, HOLDFAST_B2_KEY: key, B2_ACCOUNT_ID: 'other' },
    ];
    for (const environment of environments) {
      await using storage = await openForTest(
        `b2://by-environment/dir?endpoint=${encodeURIComponent(server.endpoint())}`,
        environment,
      );
      await storage.put('a', pattern(10));
    }
  });
});

describe('the URL of a B2 destination', () => {
  for (const url of [
    'b2://id:key@bucket/a/b',
    'b2://id@bucket/a/b?key=key',
    'b2://bucket/a/b/?b2-accountid=id&b2-applicationkey=key',
    'b2://bucket/a/b?auth-username=id&auth-password=key',
    'b2:bucket:a/b?key-id=id&key=key',
    'b2:bucket:/a/b?key-id=id&key=key',
  ]) {
    test(`may be ${url}`, async () => {
      await using storage = await openForTest(url);
      assert.equal(storage.location, 'b2://bucket/a/b');
    });
  }

  for (const url of [
    'b2://bucket/a',
    'b2://id:key@',
    'b2://id:key@bucket/../a',
    'b2://id:key@bucket/a?page-size=0',
    'b2://id:key@bucket/a?part-size=1M',
    'b2://id:key@bucket/a?lock-mode=governance',
    'b2://id:key@bucket/a?endpoint=api.example.com',
    'b2://id:key@bucket/a?hidden=yes',
  ]) {
    test(`is refused: ${url}`, async () => {
      await rejectsWith(openForTest(url), 'input/usage');
    });
  }
});

describe('Backblaze B2 over TLS', { skip: missing, concurrency: false }, () => {
  test('certificates are checked', async () => {
    await using server = await startB2({ tls: 'valid' });
    const ca = server.certificate ?? '';
    const options = { 'create-bucket': 'yes' };
    {
      await using storage = await openForTest(urlOf(server, 'tls/dir', server.master, options));
      await rejectsWith(namesIn(storage, ''), 'storage/untrusted');
    }
    await using storage = await openForTest(
      urlOf(server, 'tls/dir', server.master, { ...options, 'ca-file': ca }),
    );
    await storage.put('a', pattern(10));
    assert.deepEqual(await storage.read('a'), pattern(10));
  });

  test('an expired certificate is refused, and named', async () => {
    await using server = await startB2({ tls: 'expired' });
    await using storage = await openForTest(
      urlOf(server, 'tls/dir', server.master, { 'ca-file': server.certificate ?? '' }),
    );
    const failure = await failureOf(namesIn(storage, ''));
    assert.equal(failure.code, 'storage/untrusted');
    assert.match(failure.message, /expired/u);
  });
});

function urlOf(
  server: B2Server,
  place: string,
  { id, key }: B2Key,
  options: Readonly<Record<string, string>>,
): string {
  const query = new URLSearchParams({ endpoint: server.endpoint(), ...options });
  return `b2://${id}:${key}@${place}?${query.toString()}`;
}

async function listed(url: string): Promise<readonly string[]> {
  await using storage = await openForTest(url);
  return await namesIn(storage, '');
}

async function openAt(url: string, clock: Clock): Promise<Storage> {
  const context = { clock, environment: {}, warn: () => undefined };
  return (await openStorage(url, { flag: { attempts: 1 } }, context)).storage;
}

/** Begins a large file as another client would, and leaves it. */
async function startLargeFile(server: B2Server, bucket: string, name: string): Promise<void> {
  const { id, key } = server.master;
  const call = async (
    operation: string,
    authorization: string,
    fields: Readonly<Record<string, string>>,
  ): Promise<Readonly<Record<string, unknown>>> => {
    const response = await fetch(`${server.endpoint()}/b2api/v2/${operation}`, {
      method: 'POST',
      headers: { authorization },
      body: JSON.stringify(fields),
    });
    assert.equal(response.status, 200);
    return (await response.json()) as Readonly<Record<string, unknown>>;
  };
  const basic = `Basic ${Buffer.from(`${id}:${key}`).toString('base64')}`;
  const { authorizationToken: token } = await call('b2_authorize_account', basic, {});
  const { buckets } = await call('b2_list_buckets', String(token), {
    accountId: 'account-0',
    bucketName: bucket,
  });
  const [{ bucketId } = { bucketId: '' }] = buckets as { readonly bucketId: string }[];
  await call('b2_start_large_file', String(token), {
    bucketId,
    fileName: name,
    contentType: 'application/octet-stream',
  });
}
