import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { readCommandFrames } from './command-frames.ts';

function frame(stream: number, piece: Uint8Array): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(piece.length, 4);
  return Buffer.concat([header, piece]);
}

async function* cut(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  let from = 0;
  for (const size of [...sizes, bytes.length]) {
    yield bytes.subarray(from, from + size);
    from += size;
  }
}

test('output and errors come apart, however the connection cuts them', async () => {
  const frames = fc.array(fc.tuple(fc.constantFrom(1, 2), fc.uint8Array({ maxLength: 40 })));
  await fc.assert(
    fc.asyncProperty(frames, fc.array(fc.nat(20)), async (sent, sizes) => {
      const got: Record<'output' | 'errors', Buffer[]> = { output: [], errors: [] };
      const bytes = Buffer.concat(sent.map(([stream, piece]) => frame(stream, piece)));
      for await (const { stream, piece } of readCommandFrames(cut(bytes, sizes)))
        got[stream].push(piece);
      const wanted = (stream: number): Buffer =>
        Buffer.concat(sent.filter((one) => one[0] === stream).map((one) => one[1]));
      assert.deepEqual(Buffer.concat(got.output), wanted(1));
      assert.deepEqual(Buffer.concat(got.errors), wanted(2));
    }),
  );
});

test('a stream that breaks off or is none is an error', async () => {
  const read = async (bytes: Buffer): Promise<void> => {
    for await (const _frame of readCommandFrames(cut(bytes, [3])));
  };
  const whole = frame(1, Buffer.from('hello'));
  await assert.rejects(read(whole.subarray(0, 10)), { code: 'container/unavailable' });
  await assert.rejects(read(whole.subarray(0, 5)), { code: 'container/unavailable' });
  await assert.rejects(read(Buffer.from('HTTP/1.1 200 OK')), { code: 'container/failed' });
  await assert.doesNotReject(read(Buffer.concat([whole, frame(2, Buffer.alloc(0)), whole])));
});
