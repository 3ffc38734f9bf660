import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import { test } from 'node:test';

import { openForTest } from '../../../../test/contract/network-contract.ts';
import { namesIn, pattern, rejectsWith } from '../../../../test/support/storage-samples.ts';
import { hasCode } from '../../../base/errors.ts';
import type { Storage } from '../../storage.ts';

// What services answer that cannot be had from the real servers of the other tests.

interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly token: string;
  readonly body: string;
  /** The header by which a large object names its segments. */
  readonly upload: Readonly<Record<string, string>>;
}

interface Scripted extends AsyncDisposable {
  readonly address: string;
  readonly seen: readonly Seen[];
}

/** A server that answers as `reply` says. */
async function scripted(reply: (request: Seen, address: string) => Reply): Promise<Scripted> {
  const seen: Seen[] = [];
  let address = '';
  const server = createServer((request, response) => {
    void (async () => {
      const call = {
        method: request.method ?? '',
        path: request.url ?? '',
        token: String(request.headers['x-auth-token'] ?? ''),
        body: await bodyOf(request),
        upload: {
          'x-object-meta-holdfast-upload': String(
            request.headers['x-object-meta-holdfast-upload'] ?? '',
          ),
        },
      };
      seen.push(call);
      const { status, headers = {}, body = '' } = reply(call, address);
      response.writeHead(status, headers);
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const at = server.address();
  address = `http://127.0.0.1:${typeof at === 'object' && at !== null ? at.port : 0}`;
  return {
    address,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces = (await Array.fromAsync(request)) as Buffer[];
  return Buffer.concat(pieces).toString('latin1');
}

/** Tokens `t1`, `t2` … by TempAuth, and `reply` for everything else. */
function tempAuthServer(reply: (request: Seen) => Reply): Promise<Scripted> {
  let tokens = 0;
  return scripted((request, address) =>
    request.path.startsWith('/auth')
      ? {
          status: 200,
          headers: { 'x-auth-token': `t${(tokens += 1)}`, 'x-storage-url': `${address}/v1/A` },
        }
      : isForSegments(request)
        ? { status: 204 }
        : reply(request),
  );
}

/** The driver looks once whether there are any large objects. */
function isForSegments({ path }: Seen): boolean {
  return path.includes('prefix=.holdfast-segments');
}

function openAt({ address }: Scripted, options = ''): Promise<Storage> {
  return openForTest(`swift://c?auth-url=${address}/auth/v1.0${options}`, {
    SWIFT_USERNAME: 'a:u',
    SWIFT_PASSWORD: 'p',
  });
}

test('a container that goes in the middle of a listing ends it with an error, also when it may be made', async () => {
  const entry = { name: 'a', bytes: 1, last_modified: '2026-01-02T03:04:05.000000' };
  await using server = await tempAuthServer(({ path }) =>
    path.includes('marker=') ? { status: 404 } : { status: 200, body: [entry] },
  );
  await using storage = await openAt(server, '&create-container');
  await rejectsWith(namesIn(storage, ''), 'storage/unavailable');
});

test('a container is missing only if the account could be looked at and it is still not there', async () => {
  const entry = { name: 'a', bytes: 1, last_modified: '2026-01-02T03:04:05.000000' };
  for (const options of ['', '&create-container']) {
    // The servers of accounts cannot be reached.
    await using lame = await tempAuthServer(({ path }) => ({
      status: path === '/v1/A' ? 503 : 404,
    }));
    await using onLame = await openAt(lame, options);
    await rejectsWith(namesIn(onLame, ''), 'storage/unavailable');
    // They were found again meanwhile.
    let pages = 0;
    await using late = await tempAuthServer(({ method, path }) => {
      if (method === 'HEAD') return { status: 204 };
      if (path.includes('marker=')) return { status: 204 };
      return (pages += 1) === 1 ? { status: 404 } : { status: 200, body: [entry] };
    });
    await using onLate = await openAt(late, options);
    assert.deepEqual(await namesIn(onLate, ''), ['a']);
    // It is there, says one, and never, another.
    await using torn = await tempAuthServer(({ method }) => ({
      status: method === 'HEAD' ? 204 : 404,
    }));
    await using onTorn = await openAt(torn, options);
    await rejectsWith(namesIn(onTorn, ''), 'storage/unavailable');
    await using without = await tempAuthServer(() => ({ status: 404 }));
    await using onNone = await openAt(without, options);
    if (options === '') await rejectsWith(namesIn(onNone, ''), 'storage/no-container');
    else assert.deepEqual(await namesIn(onNone, ''), []);
  }
});

test('a token that has expired is replaced within the call, and the body is sent again', async () => {
  await using server = await tempAuthServer(({ token, method }) => {
    if (token === 't1') return { status: 401 };
    return { status: method === 'PUT' ? 201 : 200 };
  });
  await using storage = await openAt(server);
  await storage.put('a', new TextEncoder().encode('hello'));
  const puts = server.seen.filter(({ method }) => method === 'PUT');
  assert.deepEqual(
    puts.map(({ token, body }) => [token, body]),
    [
      ['t1', 'hello'],
      ['t2', 'hello'],
    ],
  );
});

test('many calls with an expired token ask for one new token', async () => {
  await using server = await tempAuthServer(({ token }) =>
    token === 't1'
      ? { status: 401 }
      : { status: 200, headers: { 'content-length': '0', 'x-timestamp': '5.5' } },
  );
  await using storage = await openAt(server);
  const stats = await Promise.all(
    Array.from({ length: 10 }, (_, index) => storage.stat(`${index}`)),
  );
  assert.equal(stats[0]?.modified, 5500);
  assert.equal(server.seen.filter(({ path }) => path.startsWith('/auth')).length, 2);
});

test('a token that is refused as soon as it is given ends the call', async () => {
  await using server = await tempAuthServer(() => ({ status: 401 }));
  await using storage = await openAt(server);
  await rejectsWith(storage.read('a'), 'storage/access-denied');
  assert.equal(server.seen.length, 4);
});

test('a server that wants a pause is asked again after it', async () => {
  for (const [status, milliseconds] of [
    [429, 3000],
    [498, 3000],
    [413, 3000],
    [503, 3000],
  ] as const) {
    await using server = await tempAuthServer(() => ({ status, headers: { 'retry-after': '3' } }));
    await using storage = await openAt(server);
    await assert.rejects(
      storage.put('a', pattern(1)),
      (error) =>
        hasCode(error, 'storage/unavailable') && error.details['retryAfter'] === milliseconds,
    );
  }
});

test('a page of a listing that is broken is an error, not an end', async () => {
  const entry = { name: 'a', bytes: 1, last_modified: '2026-01-02T03:04:05.678900' };
  const broken: readonly Reply[] = [
    { status: 200, body: '[{"name": "b", "byt' },
    { status: 200, body: '<html>' },
    { status: 200, body: { error: 1 } },
    { status: 200, body: [{ name: 'b' }] },
    { status: 200, body: [entry] },
    { status: 500 },
  ];
  for (const second of broken) {
    await using server = await tempAuthServer(({ path }) =>
      path.includes('marker=') ? second : { status: 200, body: [entry] },
    );
    await using storage = await openAt(server);
    const seen: string[] = [];
    await assert.rejects(
      async () => {
        for await (const { name } of storage.list('')) seen.push(name);
      },
      (error) => hasCode(error, 'storage/unavailable'),
    );
    assert.deepEqual(seen, ['a']);
  }
});

test('short pages are followed until an empty one', async () => {
  const names = ['a', 'b', 'c', 'd'];
  await using server = await tempAuthServer(({ path }) => {
    const marker = new URL(path, 'http://h').searchParams.get('marker') ?? '';
    const next = names.filter((name) => name > marker).slice(0, 1);
    return {
      status: 200,
      body: next.map((name) => ({ name, bytes: 1, last_modified: '2026-01-02T03:04:05.678900' })),
    };
  });
  await using storage = await openAt(server);
  assert.deepEqual(await namesIn(storage, ''), names);
  const [first] = await Array.fromAsync(storage.list(''));
  assert.equal(first?.modified, Date.UTC(2026, 0, 2, 3, 4, 5, 678));
});

test('what arrives damaged is not kept', async () => {
  await using server = await tempAuthServer(({ method }) =>
    method === 'PUT' ? { status: 201, headers: { etag: '"00"' } } : { status: 204 },
  );
  await using storage = await openAt(server);
  const body = { size: 3, stream: () => ReadableStream.from<Uint8Array>([pattern(3)]) };
  await rejectsWith(storage.put('a', body), 'storage/unavailable');
  assert.equal(server.seen.at(-1)?.method, 'DELETE');
});

test('a server that does not heed conditions is asked before', async () => {
  const there = new Set<string>();
  await using server = await tempAuthServer(({ method, path }) => {
    if (method === 'HEAD') return { status: there.has(path) ? 200 : 404 };
    there.add(path);
    return { status: 201 };
  });
  await using storage = await openAt(server, '&create-container');
  await storage.put('a', pattern(1), { ifAbsent: true });
  await rejectsWith(storage.put('a', pattern(1), { ifAbsent: true }), 'storage/already-exists');
});

test('a server that stores a manifest as an object is found out', async () => {
  const stored = new Map<string, Reply>();
  await using server = await tempAuthServer(({ method, path, body, upload }) => {
    const [name = ''] = path.split('?');
    if (method === 'PUT') {
      const headers = { 'content-length': String(body.length), ...upload };
      stored.set(name, { status: 200, headers });
      return { status: 201 };
    }
    if (method === 'DELETE') return { status: stored.delete(name) ? 204 : 404 };
    return stored.get(name) ?? { status: path.includes('?') ? 204 : 404 };
  });
  await using storage = await openAt(server, '&upload-cutoff=1000&segment-size=1000');
  await assert.rejects(
    storage.put('a', pattern(2500)),
    (error) => hasCode(error, 'storage/access-denied') && /no static large/u.test(error.message),
  );
  assert.ok(!stored.has('/v1/A/c/a'));
});

test('an object that is sealed in an archive says when it can be read', async () => {
  await using server = await tempAuthServer(() => ({
    status: 429,
    headers: { 'x-ovh-retrieval-state': 'unsealing', 'retry-after': '600' },
  }));
  await using storage = await openForTest(`pca://c?auth-url=${server.address}/auth/v1.0`, {
    PCA_USERNAME: 'a:u',
    PCA_PASSWORD: 'p',
  });
  await assert.rejects(
    storage.read('a'),
    (error) =>
      hasCode(error, 'storage/access-denied') && /in about 10 minutes/u.test(error.message),
  );
});

/** Keystone's version 2, and a storage that takes everything. */
function keystoneV2Server(credentials: unknown): Promise<Scripted> {
  return scripted(({ path, body, token }, address) => {
    if (path === '/v2.0/tokens') {
      const { auth } = JSON.parse(body) as { readonly auth: unknown };
      if (JSON.stringify(auth) !== JSON.stringify(credentials)) return { status: 401, body: auth };
      const endpoint = (region: string): object => ({
        region,
        publicURL: `${address}/${region}/v1/A`,
        internalURL: 'http://127.0.0.1:9/v1/A',
      });
      return {
        status: 200,
        body: {
          access: {
            token: { id: 'v2token', expires: '2099-01-01T00:00:00Z' },
            serviceCatalog: [
              { type: 'rax:object-cdn', endpoints: [endpoint('CDN')] },
              { type: 'object-store', endpoints: [endpoint('LON'), endpoint('SYD')] },
            ],
          },
        },
      };
    }
    if (token !== 'v2token' || !path.startsWith('/SYD/v1/A/c')) return { status: 400 };
    return { status: path === '/SYD/v1/A/c/a' ? 201 : 204 };
  });
}

test("Rackspace takes an API key, by its own and by duplicity's names", async () => {
  await using server = await keystoneV2Server({
    'RAX-KSKEY:apiKeyCredentials': { username: 'u', apiKey: 'k' },
  });
  const variables = {
    CLOUDFILES_USERNAME: 'u',
    CLOUDFILES_APIKEY: 'k',
    CLOUDFILES_AUTHURL: `${server.address}/v2.0/`,
    CLOUDFILES_REGION: 'SYD',
  };
  for (const url of ['cf+http://c', 'rackspace://c', 'swift://c?provider=rackspace']) {
    await using storage = await openForTest(url, variables);
    await storage.put('a', pattern(1));
  }
});

test('version 2 takes a password and a tenant, and several regions have to be told apart', async () => {
  await using server = await keystoneV2Server({
    passwordCredentials: { username: 'u', password: 'p' },
    tenantName: 't',
  });
  const variables = {
    SWIFT_AUTHURL: `${server.address}/v2.0`,
    SWIFT_USERNAME: 'u',
    SWIFT_PASSWORD: 'p',
    SWIFT_TENANTNAME: 't',
  };
  await using storage = await openForTest('swift://c?region=syd', variables);
  await storage.put('a', pattern(1));
  await using unclear = await openForTest('swift://c', variables);
  await assert.rejects(
    unclear.put('a', pattern(1)),
    (error) => hasCode(error, 'input/usage') && /LON, SYD/u.test(error.hint ?? ''),
  );
  await using wrong = await openForTest('swift://c?region=syd', {
    ...variables,
    SWIFT_PASSWORD: 'other',
  });
  await rejectsWith(wrong.put('a', pattern(1)), 'storage/access-denied');
});
