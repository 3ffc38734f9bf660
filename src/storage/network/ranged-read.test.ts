import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, describe, test } from 'node:test';

import { pattern, rejectsWith } from '../../../test/support/storage-samples.ts';
import { collect } from '../byte-stream.ts';
import type { ByteRange } from '../storage.ts';
import { HttpClient } from './http-client.ts';
import { openRange } from './ranged-read.ts';

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
