import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { Crc64 } from './crc64.ts';
import { checkRdb } from './rdb-stream.ts';

async function* split(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

const read = async (bytes: Uint8Array, length: number): Promise<Buffer> => {
  const parts: Uint8Array[] = [];
  for await (const part of checkRdb(split(bytes, length), 'The dump'))
    parts.push(Buffer.from(part));
  return Buffer.concat(parts);
};

function dump(content: Uint8Array, checksum = true): Buffer {
  const body = Buffer.concat([Buffer.from('REDIS0010'), content, Buffer.from([0xff])]);
  const end = Buffer.alloc(8);
  if (checksum) end.writeBigUInt64LE(new Crc64().update(body).value);
  return Buffer.concat([body, end]);
}

const mark = Buffer.from('0123456789abcdef0123456789abcdef01234567');

test('the checksum is that of Redis', () => {
  // The value of its own test: https://github.com/redis/redis/blob/7.0/src/crc64.c
  assert.equal(new Crc64().update(Buffer.from('123456789')).value, 0xe9c6d914c4b8d9can);
  const split_ = new Crc64().update(Buffer.from('1234')).update(Buffer.from('56789'));
  assert.equal(split_.value, 0xe9c6d914c4b8d9can);
});

test('a dump passes without the mark behind it, whatever pieces it comes in', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 300 }),
      fc.integer({ min: 1, max: 400 }),
      fc.boolean(),
      async (content, length, checksum) => {
        const whole = dump(content, checksum);
        assert.ok((await read(whole, length)).equals(whole));
        assert.ok((await read(Buffer.concat([whole, mark]), length)).equals(whole));
      },
    ),
  );
});

test('one that is cut or changed does not', async () => {
  const whole = dump(Buffer.from('keys and values '.repeat(20)));
  await fc.assert(
    fc.asyncProperty(
      fc.nat(whole.length - 1),
      fc.integer({ min: 1, max: 255 }),
      async (at, change) => {
        await assert.rejects(read(whole.subarray(0, at), 64), { code: 'database/failed' });
        const other = Buffer.from(whole);
        other[at]! ^= change;
        await assert.rejects(read(other, 64), { code: 'database/failed' });
      },
    ),
  );
  await assert.rejects(read(Buffer.concat([whole, mark.subarray(1)]), 64));
  await assert.rejects(read(Buffer.alloc(0), 64));
});
