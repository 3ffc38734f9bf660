import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, describe, test } from 'node:test';

import { pattern, rejectsWith } from '../../../test/support/storage-samples.ts';
import { collect, collectAll } from '../byte-stream.ts';
import type { ByteRange } from '../storage.ts';
import { HttpClient, type HttpResponse } from './http-client.ts';
import { openRange, rangedContent, rangeHeader } from './ranged-read.ts';

/** How a server treats a range; `right` does as HTTP says. */
type Manner = 'right' | 'ignores' | 'shifts' | 'refuses' | 'silent';

const whole = pattern(1000);

describe('a read of a range over HTTP', () => {
  let manner: Manner = 'right';
  const server = createServer((request, response) => {
    const [, first, last] = /^bytes=(\d+)-(\d*)$/u.exec(request.headers.range ?? '') ?? [];
    if (first === undefined || manner === 'ignores') {
      response.writeHead(200, { 'content-length': whole.byteLength }).end(whole);
      return;
    }
    const start = Number(first) + (manner === 'shifts' ? 1 : 0);
    const end = last === '' ? 999 : Math.min(Number(last), 999);
    if (start > 999 || manner === 'refuses') response.writeHead(416).end();
    else {
      const place = manner === 'silent' ? {} : { 'content-range': `bytes ${start}-${end}/1000` };
      response.writeHead(206, place).end(whole.subarray(start, end + 1));
    }
  });
  const client = new HttpClient({ connections: 2, environment: {} });
  before(
    () =>
      new Promise<void>((resolve) => {
        server.listen(0, '127.0.0.1', resolve);
      }),
  );
  after(async () => {
    await client[Symbol.asyncDispose]();
    server.close();
  });

  async function read(range?: ByteRange): Promise<Uint8Array> {
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const { stream, length } = await openRange('a', range, {
      get: (header) =>
        client.request({
          method: 'GET',
          url: `http://127.0.0.1:${port}/`,
          action: 'read "a"',
          ...(header !== undefined && { headers: { range: header } }),
        }),
      size: async () => whole.byteLength,
    });
    return await collect('a', stream, length);
  }

  test('gives the range', async () => {
    manner = 'right';
    assert.deepEqual(await read(), whole);
    assert.deepEqual(await read({ offset: 10, length: 5 }), whole.slice(10, 15));
    assert.deepEqual(await read({ offset: -5 }), whole.slice(995));
    assert.deepEqual(await read({ offset: 1000 }), new Uint8Array());
    await rejectsWith(read({ offset: 998, length: 3 }), 'storage/bad-range');
    await rejectsWith(read({ offset: 1001 }), 'storage/bad-range');
  });

  test('takes a whole object for a range only if it is the range', async () => {
    manner = 'ignores';
    assert.deepEqual(await read({ offset: 0 }), whole);
    await rejectsWith(read({ offset: 0, length: 5 }), 'storage/unavailable');
  });

  for (const wrong of ['shifts', 'refuses'] as const) {
    test(`never gives other bytes when the server ${wrong}`, async () => {
      manner = wrong;
      await rejectsWith(read({ offset: 10, length: 5 }), 'storage/unavailable');
    });
  }

  test('never gives other bytes when the server does not say which they are', async () => {
    manner = 'silent';
    await rejectsWith(read({ offset: 10, length: 5 }), 'storage/unavailable');
  });
});

/** An answer that has arrived already. */
function answer(
  status: number,
  headers: Readonly<Record<string, string>>,
  bytes = pattern(10),
): HttpResponse {
  const stream = (): ReadableStream<Uint8Array> => ReadableStream.from<Uint8Array>([bytes]);
  return {
    status,
    headers: () => headers,
    header: (name) => headers[name],
    text: async () => '',
    json: async () => undefined,
    bytes: async () => bytes,
    read: async () => bytes,
    stream,
    discard: async () => undefined,
  };
}

describe('the content of an answer', () => {
  const place = { offset: 5, length: 10 };

  test('is as long as the answer says, or else as the service has said', async () => {
    const said = await rangedContent('a', answer(200, { 'content-length': '10' }), undefined, 99);
    assert.equal(said.length, 10);
    assert.deepEqual(await collectAll(said.stream), pattern(10));
    assert.equal((await rangedContent('a', answer(200, {}), undefined, 10)).length, 10);
    await rejectsWith(rangedContent('a', answer(200, {}), undefined), 'storage/unavailable');
  });

  test('of a range is that range, and no other part', async () => {
    assert.deepEqual(rangeHeader(place), { range: 'bytes=5-14' });
    const right = answer(206, { 'content-range': 'bytes 5-14/100' });
    assert.equal((await rangedContent('a', right, place)).length, 10);
    for (const wrong of [
      answer(206, { 'content-range': 'bytes 5-13/14' }),
      answer(206, { 'content-range': 'bytes 0-9/100' }),
      answer(206, {}),
      answer(200, { 'content-length': '100' }),
    ])
      await rejectsWith(rangedContent('a', wrong, place), 'storage/unavailable');
    const part = answer(206, { 'content-range': 'bytes 0-9/100', 'content-length': '10' });
    await rejectsWith(rangedContent('a', part, undefined), 'storage/unavailable');
  });
});
