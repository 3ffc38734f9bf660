import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import path from 'node:path';
import { after, describe, test } from 'node:test';

import {
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';

import { openForTest } from '../../../../test/contract/network-contract.ts';
import { serverKind, startAzurite } from '../../../../test/servers/azurite.ts';
import { missingPrograms } from '../../../../test/servers/required-programs.ts';
import {
  namesIn,
  pattern,
  rejectsWith,
  sourceOf,
} from '../../../../test/support/storage-samples.ts';
import { temporaryDirectory } from '../../../../test/support/temporary-directory.ts';
import { type AppError, hasCode } from '../../../base/errors.ts';

const mebibyte = 1024 ** 2;
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

/** A web server that answers as `answer` does, and keeps what it was asked. */
async function webServer(
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void,
): Promise<AsyncDisposable & { readonly origin: string; readonly requests: IncomingMessage[] }> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => answer(request, response, Buffer.concat(pieces).toString('latin1')));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return {
    origin: `http://127.0.0.1:${address.port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function urlOf(container: string, options: Readonly<Record<string, string>>): string {
  return `azure://${container}/dir?${new URLSearchParams(options).toString()}`;
}

describe('Azure Blob Storage, its own ways', { skip: missing, concurrency: false }, async () => {
  if (missing !== false) return;
  const server = await startAzurite();
  after(() => server[Symbol.asyncDispose]());
  const withKey = { account: server.account, key: server.key, endpoint: server.endpoint() };
  const sasFor = (container: string, permissions: string): string =>
    generateBlobSASQueryParameters(
      {
        containerName: container,
        permissions: ContainerSASPermissions.parse(permissions),
        expiresOn: new Date('2100-01-01'),
      },
      new StorageSharedKeyCredential(server.account, server.key),
    ).toString();

  test('a missing container is named by every call, with what to do', async () => {
    await using storage = await openForTest(urlOf('nowhere', withKey));
    for (const call of [
      () => storage.put('a', pattern(10)),
      () => storage.put('large', pattern(9 * mebibyte)),
      () => storage.read('a'),
      () => storage.stat('a'),
      () => storage.delete('a'),
      () => namesIn(storage, ''),
    ]) {
      const failure = await failureOf(call());
      assert.equal(failure.code, 'storage/no-container', failure.message);
      assert.match(failure.hint ?? '', /create-container/u);
    }
  });

  test('a container is made by the first put, and not before, when that is wanted', async () => {
    await using storage = await openForTest(
      urlOf('made-later', { ...withKey, 'create-container': 'yes' }),
    );
    assert.deepEqual(await namesIn(storage, ''), []);
    await rejectsWith(storage.read('a'), 'storage/not-found');
    await storage.delete('a');
    assert.equal(await server.container('made-later').exists(), false);
    await Promise.all([
      storage.put('a', pattern(10)),
      storage.put('b', sourceOf([pattern(5), pattern(6)])),
    ]);
    assert.deepEqual(await namesIn(storage, ''), ['a', 'b']);
  });

  test('a SAS that may only read says so, without showing itself', async () => {
    await server.container('shared').create();
    const { key: _, ...noKey } = withKey;
    const url = (permissions: string): string =>
      urlOf('shared', { ...noKey, 'sas-token': sasFor('shared', permissions) });
    await using writing = await openForTest(url('rwdlc'));
    await writing.put('a', pattern(10));
    await writing.put('large', pattern(9 * mebibyte));
    await using reading = await openForTest(url('rl'));
    assert.deepEqual(await reading.read('a'), pattern(10));
    assert.deepEqual(await namesIn(reading, ''), ['a', 'large']);
    for (const call of [
      () => reading.put('b', pattern(10)),
      () => reading.put('b', pattern(9 * mebibyte)),
      () => reading.delete('a'),
    ]) {
      const failure = await failureOf(call());
      assert.equal(failure.code, 'storage/access-denied');
      assert.match(failure.message, /: the credentials do not give the right to do this$/u);
      assert.match(failure.hint ?? '', /rights read, write, delete/u);
      assert.doesNotMatch(`${failure.message}${failure.hint}`, /sig=/u);
    }
  });

  test('credentials come from the environment', async () => {
    await server.container('by-environment').create();
    const { account, key } = server;
    const connection = `DefaultEndpointsProtocol=http;AccountName=${account};AccountKey=${key};BlobEndpoint=${server.endpoint()};`;
    const environments: readonly Readonly<Record<string, string>>[] = [
      { AZURE_CONNECTION_STRING: connection },
      { AZURE_STORAGE_CONNECTION_STRING: connection },
      {
        AZURE_ACCOUNT_NAME: account,
        AZURE_ACCOUNT_KEY: key,
        AZURE_STORAGE_BLOB_ENDPOINT: server.endpoint(),
      },
      {
        AZURE_STORAGE_ACCOUNT: account,
        AZURE_STORAGE_KEY: key,
        HOLDFAST_AZURE_ENDPOINT: server.endpoint(),
      },
      {
        AZURE_STORAGE_ACCOUNT: account,
        AZURE_STORAGE_SAS_TOKEN: sasFor('by-environment', 'rwl'),
        HOLDFAST_AZURE_ENDPOINT: server.endpoint(),
      },
    ];
    for (const [index, environment] of environments.entries()) {
      await using storage = await openForTest('azure://by-environment/dir', environment);
      await storage.put(`${index}`, pattern(index));
      assert.equal((await namesIn(storage, '')).length, index + 1);
    }
  });

  test('an upload that breaks off leaves nothing, and is not in the way of the next one', async () => {
    const container = server.container('broken-off');
    await container.create();
    await using storage = await openForTest(urlOf('broken-off', withKey));
    const broken = new Error('The disk is gone');
    const pieces = Array.from({ length: 24 }, (_, index) => pattern(mebibyte, index));
    await assert.rejects(
      storage.put('large', {
        size: 24 * mebibyte,
        stream: () =>
          ReadableStream.from<Uint8Array>(
            (function* () {
              yield* pieces.slice(0, 20);
              throw broken;
            })(),
          ),
      }),
      broken,
    );
    assert.deepEqual(await namesIn(storage, ''), []);
    assert.deepEqual(await Array.fromAsync(container.listBlobsFlat()), []);
    await storage.put('large', sourceOf(pieces));
    assert.ok(Buffer.concat(pieces).equals(await storage.read('large')));
    const blocks = await container.getBlockBlobClient('dir/large').getBlockList('all');
    assert.equal(blocks.committedBlocks?.length, 3);
    assert.equal(blocks.uncommittedBlocks?.length ?? 0, 0);
  });

  test('two large uploads of one name end with one of them whole', async () => {
    await server.container('two-at-once').create();
    await using storage = await openForTest(urlOf('two-at-once', withKey), {}, { attempts: 5 });
    const bodies = [1, 2].map((seed) => pattern(20 * mebibyte, seed));
    await Promise.all(bodies.map((body) => storage.put('one', body)));
    const stored = await storage.read('one');
    assert.ok(bodies.some((body) => Buffer.from(body).equals(stored)));
  });

  test('what is leased is said to be', async () => {
    const container = server.container('leased');
    await container.create();
    await using storage = await openForTest(urlOf('leased', withKey));
    await storage.put('a', pattern(10));
    await container.getBlobClient('dir/a').getBlobLeaseClient().acquireLease(60);
    for (const call of [() => storage.delete('a'), () => storage.put('a', pattern(11))]) {
      const failure = await failureOf(call());
      assert.equal(failure.code, 'storage/access-denied');
      assert.match(failure.message, /lease/u);
    }
  });

  test('a blob with snapshots is deleted with them', async () => {
    const container = server.container('snapshots');
    await container.create();
    await using storage = await openForTest(urlOf('snapshots', withKey));
    await storage.put('a', pattern(10));
    await container.getBlobClient('dir/a').createSnapshot();
    await storage.delete('a');
    assert.deepEqual(
      await Array.fromAsync(container.listBlobsFlat({ includeSnapshots: true })),
      [],
    );
  });

  test('the tier is set, and what is archived says why it cannot be read', async () => {
    const container = server.container('tiers');
    await container.create();
    await using cool = await openForTest(urlOf('tiers', { ...withKey, tier: 'cool' }));
    await cool.put('small', pattern(10));
    await cool.put('large', pattern(9 * mebibyte));
    for (const name of ['small', 'large']) {
      const { accessTier } = await container.getBlobClient(`dir/${name}`).getProperties();
      assert.equal(accessTier, 'Cool', name);
    }
    await rejectsWith(openForTest(urlOf('tiers', { ...withKey, tier: 'archive' })), 'input/usage');
    await using archive = await openForTest(
      urlOf('tiers', { ...withKey, tier: 'archive', 'allow-archive': 'yes' }),
    );
    await archive.put('frozen', pattern(10));
    const failure = await failureOf(archive.read('frozen'));
    assert.equal(failure.code, 'storage/access-denied');
    assert.match(failure.message, /archive tier/u);
  });

  test('a busy service is asked again when it says, and new objects are locked as told', async () => {
    let busy = true;
    await using web = await webServer((_, response) => {
      if (busy)
        response.writeHead(503, { 'x-ms-error-code': 'ServerBusy', 'retry-after': '3' }).end();
      else response.writeHead(201).end();
    });
    await using storage = await openForTest(
      urlOf('any', {
        ...withKey,
        endpoint: web.origin,
        immutability: 'locked',
        'immutability-period': '30d',
      }),
    );
    const failure = await failureOf(storage.put('a', pattern(10)));
    assert.equal(failure.code, 'storage/unavailable');
    assert.equal(failure.details['retryAfter'], 3000);
    busy = false;
    await storage.put('a', pattern(10));
    const { headers = {} } = web.requests.at(-1) ?? {};
    assert.equal(headers['x-ms-immutability-policy-mode'], 'locked');
    const until = Date.parse(String(headers['x-ms-immutability-policy-until-date']));
    const sent = Date.parse(String(headers['x-ms-date']));
    assert.equal(until - sent, 30 * 24 * 60 * 60_000);
  });

  test('a web server that is no Blob service is not believed that an object is missing', async () => {
    await using web = await webServer((_, response) =>
      response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>Not here</h1>'),
    );
    await using storage = await openForTest(urlOf('any', { ...withKey, endpoint: web.origin }));
    for (const call of [
      () => storage.read('a'),
      () => storage.stat('a'),
      () => storage.delete('a'),
    ]) {
      const failure = await failureOf(call());
      assert.equal(failure.code, 'storage/access-denied');
      assert.match(failure.hint ?? '', /endpoint/u);
    }
  });

  test('a listing that was cut off is an error', async () => {
    await using web = await webServer((_, response) =>
      response.writeHead(200).end('<EnumerationResults><Blobs></Blobs>'),
    );
    await using storage = await openForTest(urlOf('any', { ...withKey, endpoint: web.origin }));
    await rejectsWith(namesIn(storage, ''), 'storage/unavailable');
  });
});

describe('Azure Blob Storage over TLS', { skip: missing, concurrency: false }, async () => {
  if (missing !== false) return;
  const server = await startAzurite({ tls: 'valid' });
  after(() => server[Symbol.asyncDispose]());
  const common = {
    account: server.account,
    endpoint: server.endpoint(),
    'create-container': 'yes',
    'ca-file': server.certificate ?? '',
  };
  const { 'ca-file': _, ...untrusting } = common;

  test('a certificate nobody vouches for is refused', async () => {
    await using storage = await openForTest(urlOf('tls', { ...untrusting, key: server.key }));
    await rejectsWith(namesIn(storage, ''), 'storage/untrusted');
  });

  test('an authority or a fingerprint can be given', async () => {
    const certificate = new X509Certificate(await readFile(server.certificate ?? ''));
    for (const trust of [
      { 'ca-file': server.certificate ?? '' },
      { 'certificate-fingerprint': certificate.fingerprint256 },
    ]) {
      await using storage = await openForTest(
        urlOf('tls', { ...untrusting, ...trust, key: server.key }),
      );
      await storage.put('a', pattern(10));
      assert.deepEqual(await storage.read('a'), pattern(10));
    }
  });

  test('an expired certificate is refused, and named', async () => {
    await using expired = await startAzurite({ tls: 'expired' });
    await using storage = await openForTest(
      urlOf('tls', {
        ...untrusting,
        endpoint: expired.endpoint(),
        key: expired.key,
        'ca-file': expired.certificate ?? '',
      }),
    );
    const failure = await failureOf(namesIn(storage, ''));
    assert.equal(failure.code, 'storage/untrusted');
    assert.match(failure.message, /expired/u);
  });

  test('an application signs in with its secret, and again when its token has ended', async () => {
    let lifetime = -60;
    const asked: string[] = [];
    await using authority = await webServer((request, response, body) => {
      asked.push(`${request.url} ${body}`);
      if (!body.includes('client_secret=right'))
        response.writeHead(401).end(
          JSON.stringify({
            error: 'invalid_client',
            error_description: 'AADSTS7000215: Invalid client secret provided.\r\nTrace: 1',
          }),
        );
      else
        response
          .writeHead(200)
          .end(JSON.stringify({ access_token: tokenFor(lifetime), expires_in: 3600 }));
      lifetime = 3600;
    });
    const application = {
      ...common,
      'tenant-id': 'tenant',
      'client-id': 'client',
      'authority-host': authority.origin,
    };
    await using storage = await openForTest(urlOf('application', application), {
      AZURE_CLIENT_SECRET: 'right',
    });
    await storage.put('a', pattern(10));
    assert.deepEqual(await storage.read('a'), pattern(10));
    assert.equal(asked.length, 2, 'a token that ended is fetched anew, and then kept');
    assert.match(asked[0] ?? '', /^\/tenant\/oauth2\/v2.0\/token grant_type=client_credentials&/u);
    await using wrong = await openForTest(
      urlOf('application', { ...application, 'client-secret': 'wrong' }),
    );
    const failure = await failureOf(wrong.read('a'));
    assert.equal(failure.code, 'storage/access-denied');
    assert.match(failure.message, /Invalid client secret provided\.$/u);
  });

  test('a workload and a machine sign in without a secret', async () => {
    await using directory = await temporaryDirectory();
    const file = path.join(directory.path, 'token');
    await writeFile(file, 'token-of-the-cluster\n');
    await using authority = await webServer((request, response, body) => {
      const byFile = body.includes('client_assertion=token-of-the-cluster');
      const byMachine =
        request.url?.startsWith('/msi?') === true && request.headers['x-identity-header'] === 'h';
      response
        .writeHead(byFile || byMachine ? 200 : 400)
        .end(JSON.stringify({ access_token: tokenFor(3600), expires_in: '3600' }));
    });
    await using workload = await openForTest(
      urlOf('workload', { ...common, 'authority-host': authority.origin }),
      {
        AZURE_TENANT_ID: 'tenant',
        AZURE_CLIENT_ID: 'client',
        AZURE_FEDERATED_TOKEN_FILE: file,
      },
    );
    await workload.put('a', pattern(10));
    await using machine = await openForTest(
      urlOf('workload', { ...common, 'managed-identity': 'yes' }),
      { IDENTITY_ENDPOINT: `${authority.origin}/msi`, IDENTITY_HEADER: 'h' },
    );
    assert.deepEqual(await namesIn(machine, ''), ['a']);
  });

  test('a token does not go over a line that others can read', async () => {
    await rejectsWith(
      openForTest(
        urlOf('any', {
          ...untrusting,
          endpoint: 'http://blob.example.com',
          'managed-identity': 'yes',
        }),
      ),
      'input/usage',
    );
  });
});

/** A token of Entra ID as the emulator wants it: it reads what it says, and does not check who signed it. */
function tokenFor(lifetime: number): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    aud: 'https://storage.azure.com',
    iss: 'https://sts.windows.net/ab1f708d-50f6-404c-a006-d71b2ac7a606/',
    iat: now - 7200,
    nbf: now - 7200,
    exp: now + lifetime,
  };
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none', typ: 'JWT' })}.${part(claims)}.c2lnbmF0dXJl`;
}
