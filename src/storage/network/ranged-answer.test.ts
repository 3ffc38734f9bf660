import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { pattern, rejectsWith } from '#test/support/storage-samples.ts';

import { collectAll } from '../byte-stream.ts';
import type { HttpResponse } from './http-client.ts';
import { rangedContent, rangeHeader } from './ranged-answer.ts';

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
