import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { describe, test } from 'node:test';

import { openForTest } from '../../../../test/contract/network-contract.ts';
import { pattern, rejectsWith, sourceOf } from '../../../../test/support/storage-samples.ts';
import { type ErrorCode, hasCode } from '../../../base/errors.ts';
import type { Storage } from '../../storage.ts';

/** What was asked. */
interface Asked {
  readonly method: string;
  /** With its query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

interface AnsweringService extends AsyncDisposable {
  readonly asked: readonly Asked[];
  open(options?: string): Promise<Storage>;
}

const keys = { AWS_ACCESS_KEY_ID: 'AKTEST', AWS_SECRET_ACCESS_KEY: 'SKTEST' };

/** A service that answers as it is told: for what no server of ours can be brought to say. */
async function answering(
  answer: (asked: Asked, count: number) => Answer,
): Promise<AnsweringService> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const one = { method, url, headers, body: Buffer.concat(pieces) };
      asked.push(one);
      const { status, headers: given = {}, body = '' } = answer(one, asked.length);
      response.writeHead(status, given).end(method === 'HEAD' ? undefined : body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    asked,
    open: (options = '') =>
      openForTest(`s3://bucket/prefix?endpoint=http://127.0.0.1:${port}${options}`, keys),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function errorOf(status: number, code: string, more = '', headers = {}): Answer {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>In words</Message>${more}</Error>`;
  return { status, headers: { 'content-type': 'application/xml', ...headers }, body };
}

function listOf(inside: string): Answer {
  return {
    status: 200,
    headers: { 'content-type': 'application/xml' },
    body: `<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>bucket</Name>${inside}</ListBucketResult>`,
  };
}

const entry = (key: string): string =>
  `<Contents><Key>${key}</Key><Size>1</Size><LastModified>2026-01-02T03:04:05.000Z</LastModified></Contents>`;

/** What a service says of an object that it has stored. */
const confirmed: Answer = { status: 200, headers: { etag: '"0"' } };

describe('what an S3 service may answer', () => {
  test('a page with status 200 is no confirmation that an object was stored', async () => {
    const page = {
      status: 200,
      headers: { 'content-type': 'text/html' },
      body: '<html>Log in</html>',
    };
    for (const head of [
      page,
      { status: 404 },
      { status: 200, headers: { 'content-length': '3' } },
    ]) {
      await using service = await answering(({ method }) => (method === 'HEAD' ? head : page));
      await using storage = await service.open();
      await rejectsWith(storage.put('a', pattern(10)), 'storage/unavailable');
    }
    const whole = { status: 200, headers: { 'content-length': '10' } };
    await using service = await answering(({ method }) => (method === 'HEAD' ? whole : page));
    await using storage = await service.open();
    await storage.put('a', pattern(10));
  });

  const errors: readonly (readonly [answer: Answer, code: ErrorCode, text: RegExp])[] = [
    [errorOf(404, 'NoSuchKey'), 'storage/not-found', /no such object/u],
    [errorOf(404, 'NoSuchBucket'), 'storage/no-container', /no bucket "bucket"/u],
    [errorOf(403, 'AccessDenied'), 'storage/access-denied', /denies it/u],
    [errorOf(403, 'InvalidAccessKeyId'), 'storage/access-denied', /does not know the access key/u],
    [errorOf(403, 'SignatureDoesNotMatch'), 'storage/access-denied', /secret key/u],
    [errorOf(400, 'ExpiredToken'), 'storage/access-denied', /token has expired/u],
    [
      errorOf(403, 'InvalidObjectState'),
      'storage/access-denied',
      /in cold storage, and must be restored/u,
    ],
    [errorOf(403, 'QuotaExceeded'), 'storage/out-of-space', /quota/u],
    [errorOf(507, 'XMinioStorageFull'), 'storage/out-of-space', /full/u],
    [errorOf(503, 'SlowDown'), 'storage/unavailable', /fewer requests/u],
    [errorOf(500, 'InternalError'), 'storage/unavailable', /has failed/u],
    [errorOf(418, 'Teapot'), 'storage/access-denied', /status 418 \(Teapot: In words\)/u],
    [{ status: 502, body: '<html>Bad gateway</html>' }, 'storage/unavailable', /has failed/u],
    [
      { status: 404, body: '<html>404 page not found</html>' },
      'storage/unavailable',
      /does not say what is missing/u,
    ],
    [{ status: 404 }, 'storage/unavailable', /does not say what is missing/u],
    [
      errorOf(403, 'RequestTimeTooSkewed', '', {
        date: new Date(Date.now() - 7_200_000).toUTCString(),
      }),
      'storage/access-denied',
      /clock of this machine is 12\d minutes ahead/u,
    ],
  ];
  for (const [answer, code, text] of errors) {
    test(`${answer.status} ${/<Code>(\w+)/u.exec(answer.body ?? '')?.[1] ?? ''} is ${code}`, async () => {
      await using service = await answering(() => answer);
      await using storage = await service.open();
      await assert.rejects(storage.read('a'), (error) => {
        assert.ok(hasCode(error, code), String(error));
        assert.match(error.message, text);
        assert.match(error.message, /^Cannot read "a": /u);
        return true;
      });
      assert.equal(service.asked.length, 1, 'it was asked again');
    });
  }

  test('a service says when it wants to be asked again', async () => {
    await using service = await answering(() =>
      errorOf(503, 'SlowDown', '', { 'retry-after': '7' }),
    );
    await using storage = await service.open();
    await assert.rejects(
      storage.put('a', pattern(3)),
      (error) => hasCode(error, 'storage/unavailable') && error.details['retryAfter'] === 7000,
    );
  });

  test('HEAD, which cannot give a reason, is asked again by GET', async () => {
    await using service = await answering(({ method }) =>
      method === 'HEAD' ? { status: 403 } : errorOf(403, 'InvalidAccessKeyId'),
    );
    await using storage = await service.open();
    await assert.rejects(storage.stat('a'), /does not know the access key/u);
  });

  test('a 404 to HEAD that the service itself does not give is no missing object', async () => {
    const found = { status: 200, headers: { 'content-length': '1' }, body: 'x' };
    await using service = await answering((_, count) =>
      count === 1 ? found : { status: 404, body: '<html>404 page not found</html>' },
    );
    await using storage = await service.open();
    await storage.stat('a');
    await rejectsWith(storage.stat('a'), 'storage/unavailable');
  });

  test('a bucket in another region is looked for where the service says', async () => {
    const told = errorOf(400, 'AuthorizationHeaderMalformed', '<Region>eu-south-7</Region>');
    const scope = /\/eu-south-7\/s3\/aws4_request/u;
    await using service = await answering(({ headers }) =>
      scope.test(String(headers.authorization))
        ? { status: 200, headers: { 'content-length': '3' }, body: 'abc' }
        : told,
    );
    await using storage = await service.open();
    assert.equal((await storage.read('a')).byteLength, 3);
    assert.equal((await storage.read('a')).byteLength, 3);
    assert.equal(service.asked.length, 3, 'the region is remembered');
    // Where the region was said, it is not changed: what is wrong is told.
    await using strict = await service.open('&region=us-east-1');
    await assert.rejects(
      strict.read('a'),
      (error) =>
        hasCode(error, 'storage/access-denied') &&
        /"bucket" is in another region/u.test(error.message) &&
        error.hint === 'Set the option "region" to eu-south-7',
    );
  });

  test('a redirect to another region names it', async () => {
    await using service = await answering(() =>
      errorOf(301, 'PermanentRedirect', '<Endpoint>x.example</Endpoint>', {
        'x-amz-bucket-region': 'eu-west-9',
      }),
    );
    await using storage = await service.open();
    await assert.rejects(
      storage.read('a'),
      (error) => hasCode(error) && /eu-west-9/u.test(error.hint ?? ''),
    );
    await assert.rejects(
      storage.stat('a'),
      (error) => hasCode(error) && /eu-west-9/u.test(error.hint ?? ''),
    );
  });

  const broken: readonly (readonly [what: string, answer: Answer])[] = [
    ['that is a page of something else', { status: 200, body: '<html><body>Log in</body></html>' }],
    ['that is empty', { status: 200 }],
    ['that does not say whether it is complete', listOf(entry('prefix/a'))],
    [
      'that does not say how it goes on',
      listOf(`<IsTruncated>true</IsTruncated>${entry('prefix/a')}`),
    ],
    [
      'that leads nowhere',
      listOf(
        `<IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken>${entry('prefix/a')}`,
      ),
    ],
    [
      'with entries that were not asked for',
      listOf(`<IsTruncated>false</IsTruncated>${entry('elsewhere/a')}`),
    ],
  ];
  for (const [what, answer] of broken) {
    test(`a listing ${what} is an error, not a short listing`, async () => {
      await using service = await answering(() => answer);
      await using storage = await service.open();
      await rejectsWith(Array.fromAsync(storage.list('')), 'storage/unavailable');
    });
  }

  test('a page that fails in the middle of a listing fails the listing', async () => {
    await using service = await answering((_, count) =>
      count === 1
        ? listOf(
            `<IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken>${entry('prefix/a')}`,
          )
        : errorOf(500, 'InternalError'),
    );
    await using storage = await service.open();
    const seen: string[] = [];
    await rejectsWith(
      (async () => {
        for await (const { name } of storage.list('')) seen.push(name);
      })(),
      'storage/unavailable',
    );
    assert.deepEqual(seen, ['a']);
  });

  test('folders of other programs and what cannot be a name are not listed', async () => {
    await using service = await answering(() =>
      listOf(
        `<IsTruncated>false</IsTruncated>${['prefix/', 'prefix/a//b', 'prefix/folder/', 'prefix/ok'].map(entry).join('')}`,
      ),
    );
    await using storage = await service.open();
    assert.deepEqual(await Array.fromAsync(storage.list(''), ({ name }) => name), ['ok']);
  });

  test('an object that ends early is an error', async () => {
    const headers = { 'content-range': 'bytes 0-9/100' };
    await using service = await answering(() => ({ status: 206, headers, body: '0123456789' }));
    await using storage = await service.open();
    const range = { offset: 0, length: 20 };
    await rejectsWith(storage.read('a', { range }), 'storage/unavailable');
  });

  test('a service that ignores the range is found out', async () => {
    await using service = await answering(() => ({ status: 200, body: '0123456789' }));
    await using storage = await service.open();
    await rejectsWith(
      storage.read('a', { range: { offset: 5, length: 2 } }),
      'storage/unavailable',
    );
  });

  test('the end of an upload that begins with success and ends with an error has failed', async () => {
    await using service = await answering(({ method, url }) => {
      if (url.includes('uploads') && method === 'POST')
        return {
          status: 200,
          body: '<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>',
        };
      if (method === 'PUT') return { status: 200, headers: { etag: '"x"' } };
      if (method === 'POST') return { ...errorOf(200, 'InternalError') };
      return { status: 204 };
    });
    await using storage = await service.open('&part-size=5MiB');
    const body = sourceOf([pattern(6 * 1024 ** 2)]);
    await rejectsWith(storage.put('a', body), 'storage/unavailable');
    await storage[Symbol.asyncDispose]();
    assert.ok(service.asked.some(({ method }) => method === 'DELETE'));
  });

  test('a service that refuses conditions is asked without, after a look', async () => {
    const stored = new Set<string>();
    await using service = await answering(({ method, url, headers }) => {
      if (method === 'HEAD' || method === 'GET')
        return stored.has(url.split('?')[0] ?? '')
          ? { status: 200, headers: { 'content-length': '3' } }
          : errorOf(404, 'NoSuchKey');
      if (headers['if-none-match'] !== undefined) return errorOf(501, 'NotImplemented');
      stored.add(url.split('?')[0] ?? '');
      return { status: 200 };
    });
    await using storage = await service.open('&provider=minio');
    assert.equal(storage.capabilities.conditionalPut, true);
    await storage.put('a', pattern(3), { ifAbsent: true });
    assert.equal(storage.capabilities.conditionalPut, false);
    await rejectsWith(storage.put('a', pattern(3), { ifAbsent: true }), 'storage/already-exists');
    await storage.put('b', pattern(3), { ifAbsent: true });
    const conditions = service.asked.filter(({ headers }) => headers['if-none-match']);
    assert.equal(conditions.length, 1);
  });

  test('what is asked for with a put is said, and signed', async () => {
    await using service = await answering(() => confirmed);
    await using storage = await service.open(
      '&provider=aws&storage-class=STANDARD_IA&server-side-encryption=kms&kms-key-id=key1&lock-mode=governance&lock-retention=10D',
    );
    const body = pattern(100);
    await storage.put('ä b', body);
    const [{ method, url, headers, body: sent } = assert.fail()] = service.asked;
    assert.equal(`${method} ${url.split('?')[0]}`, 'PUT /bucket/prefix/%C3%A4%20b');
    assert.ok(sent.equals(body));
    assert.equal(headers['x-amz-storage-class'], 'STANDARD_IA');
    assert.equal(headers['x-amz-server-side-encryption'], 'aws:kms');
    assert.equal(headers['x-amz-server-side-encryption-aws-kms-key-id'], 'key1');
    assert.equal(headers['x-amz-object-lock-mode'], 'GOVERNANCE');
    const days =
      (Date.parse(String(headers['x-amz-object-lock-retain-until-date'])) - Date.now()) /
      86_400_000;
    assert.ok(Math.abs(days - 10) < 0.01, String(days));
    assert.equal(headers['content-md5'], hash('md5', body, 'base64'));
    assert.equal(headers['x-amz-content-sha256'], hash('sha256', body, 'hex'));
    assert.match(String(headers['x-amz-checksum-crc32']), /^[A-Za-z0-9+/]{6}==$/u);
    assert.match(String(headers.authorization), /^AWS4-HMAC-SHA256 Credential=AKTEST\//u);
    assert.ok(!JSON.stringify(headers).includes('SKTEST'));
  });

  test('a service of which nothing is known gets no headers that it may not know', async () => {
    await using service = await answering(() => confirmed);
    await using storage = await service.open();
    await storage.put('a', pattern(100));
    const headers = Object.keys(service.asked[0]?.headers ?? {}).filter((name) =>
      /^(?:x-amz|amz)-/u.test(name),
    );
    assert.deepEqual(headers.toSorted(), ['x-amz-content-sha256', 'x-amz-date']);
  });

  test('a temporary key comes with its token, unless the key is another', async () => {
    await using service = await answering(() => confirmed);
    const endpoint = (await service.open()).location;
    assert.match(endpoint, /^s3:\/\/127\.0\.0\.1:\d+\/bucket\/prefix$/u);
    const url = `s3://bucket?endpoint=${endpoint.replace('s3:', 'http:').replace('/bucket/prefix', '')}`;
    const environment = { ...keys, AWS_SESSION_TOKEN: 'token' };
    await using own = await openForTest(url, environment);
    await own.put('a', pattern(1));
    await using other = await openForTest(`${url}&access-key-id=OTHER`, environment);
    await other.put('a', pattern(1));
    assert.deepEqual(
      service.asked.map(({ headers }) => headers['x-amz-security-token']),
      ['token', undefined],
    );
  });

  const usage: readonly (readonly [options: string, text: RegExp])[] = [
    ['&lock-mode=governance', /go together/u],
    ['&lock-retention=3D', /go together/u],
    ['&kms-key-id=x', /goes with/u],
    ['&part-size=1MiB', /"part-size" must be/u],
    ['&storage-clas=x', /no option "storage-clas"/u],
  ];
  for (const [options, text] of usage) {
    test(`the options ${options} are refused`, async () => {
      await using service = await answering(() => confirmed);
      await assert.rejects(
        service.open(options),
        (error) => hasCode(error, 'input/usage') && text.test(error.message),
      );
      assert.equal(service.asked.length, 0);
    });
  }

  test('half a key is refused', async () => {
    await assert.rejects(
      openForTest('s3://bucket', { AWS_ACCESS_KEY_ID: 'AK' }),
      /There is "access-key-id" but no "secret-access-key"/u,
    );
  });
});
