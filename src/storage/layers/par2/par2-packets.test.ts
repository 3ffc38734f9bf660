import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { open, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';

import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { fileDescriptionsIn, fileDescriptionsOf } from './par2-packets.ts';

/** A file description packet as the specification has it. */
function packet(name: string, size: number): Buffer {
  const padded = Buffer.alloc(Math.ceil(Buffer.byteLength(name) / 4) * 4);
  padded.write(name);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(size));
  const rest = Buffer.concat([
    Buffer.alloc(16, 1),
    Buffer.from('PAR 2.0\0FileDesc'),
    Buffer.alloc(16, 2),
    Buffer.alloc(16, 3),
    Buffer.alloc(16, 4),
    length,
    padded,
  ]);
  const total = Buffer.alloc(8);
  total.writeBigUInt64LE(BigInt(32 + rest.byteLength));
  return Buffer.concat([
    Buffer.from('PAR2\0PKT'),
    total,
    createHash('md5').update(rest).digest(),
    rest,
  ]);
}

const described = (name: string, size: number) => ({ name, size, md5: '03'.repeat(16) });

test('file descriptions are found wherever they are', () => {
  const bytes = Buffer.concat([
    Buffer.from('PAR2\0PKTPAR2\0'),
    packet('one', 5),
    Buffer.alloc(7, 9),
    packet('d/grüße', 2 ** 33),
    Buffer.from('PAR2\0PKT'),
  ]);
  assert.deepEqual(fileDescriptionsOf(bytes), [described('one', 5), described('d/grüße', 2 ** 33)]);
});

test('one whose checksum is wrong, or that is cut, is none', () => {
  const bytes = packet('one', 5);
  for (let index = 0; index < bytes.byteLength; index++) {
    const wrong = Buffer.from(bytes);
    wrong[index]! ^= 4;
    assert.deepEqual(fileDescriptionsOf(wrong), [], `byte ${index}`);
    assert.deepEqual(fileDescriptionsOf(bytes.subarray(0, index)), []);
  }
});

test('those of a large file are each found once, also where it is read in pieces', async () => {
  await using directory = await temporaryDirectory();
  const file = path.join(directory.path, 'large');
  const mebibyte = 1024 ** 2;
  for (const place of [mebibyte - 60, mebibyte - 1, mebibyte, mebibyte + 4000, 3 * mebibyte]) {
    await writeFile(file, Buffer.concat([Buffer.alloc(place), packet('one', 5)]));
    await using handle = await open(file, 'r');
    assert.deepEqual(await fileDescriptionsIn(handle), [described('one', 5)], `at ${place}`);
  }
});
