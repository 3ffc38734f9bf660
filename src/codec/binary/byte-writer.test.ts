import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ByteWriter } from './byte-writer.ts';

test('copies stay as they are, whatever is written and copied after them', () => {
  const writers = [new ByteWriter(8), new ByteWriter(64)];
  const copies: { readonly copy: Uint8Array; readonly wanted: Buffer }[] = [];
  for (let round = 0; round < 3000; round++) {
    const writer = writers[round % 2]!;
    writer.clear();
    // Up to more than what is put together with others, and nothing at all now and then.
    const length = round % 97 === 0 ? 5000 + round : round % 131;
    const wanted = Buffer.alloc(length, round % 251);
    writer.raw(wanted);
    copies.push({ copy: writer.copy(), wanted });
    writer.clear();
    writer.raw(Buffer.alloc(length, 0xff));
  }
  for (const { copy, wanted } of copies) assert.ok(wanted.equals(copy));
});
