import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { eachDamage } from '#test/support/each-damage.ts';

import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import { ByteWriter } from '../../../codec/binary/byte-writer.ts';
import {
  blobBytes,
  decodeReference,
  encodeReference,
  maximumBlob,
  readContentList,
  writeContentItem,
  type ContentItem,
} from './content-list.ts';

const idBytes = fc.uint8Array({ minLength: 32, maxLength: 32 });
const blob = fc.record({ length: fc.integer({ min: 1, max: maximumBlob }), id: idBytes });
const hole = fc.record({
  length: fc.oneof(fc.integer({ min: 1, max: 2 ** 40 }), fc.constant(2 ** 51)),
  id: fc.constant(undefined),
});
const lists = fc
  .array(fc.oneof(blob, hole), { maxLength: 20 })
  .map((items: ContentItem[]) =>
    items.filter((item, index) => item.id !== undefined || items[index - 1]?.id !== undefined),
  );

function encode(items: readonly ContentItem[]): Uint8Array {
  const out = new ByteWriter();
  for (const { length, id } of items) writeContentItem(out, length, id);
  return out.take();
}

function plain(items: readonly ContentItem[]): unknown {
  return items.map(({ length, id }) => [length, id && Buffer.from(id).toString('hex')]);
}

describe('content lists', () => {
  test('come back as they were written', () => {
    fc.assert(
      fc.property(lists, (items) => {
        // A first hole before nothing is a hole too.
        assert.deepEqual(plain(readContentList(encode(items))), plain(items));
      }),
    );
  });

  test('hold as many bytes as their blobs', () => {
    fc.assert(
      fc.property(lists, (items) => {
        const blobs = items.filter(({ id }) => id !== undefined);
        const bytes = blobs.reduce((sum, { length }) => sum + length, 0);
        assert.equal(blobBytes(encode(items)), bytes);
      }),
    );
  });

  test('every damage gives another list or is refused', () => {
    fc.assert(
      fc.property(lists, (items) => {
        eachDamage(encode(items), readContentList, (read) => {
          assert.deepEqual(plain(readContentList(encode(read))), plain(read));
        });
      }),
      { numRuns: 30 },
    );
  });

  test('impossible items are refused', () => {
    const id = new Uint8Array(32);
    const refused = [
      [{ length: 0, id }],
      [{ length: 0, id: undefined }],
      [{ length: maximumBlob + 1, id }],
      [
        { length: 1, id: undefined },
        { length: 1, id: undefined },
      ],
    ];
    for (const items of refused) {
      assert.throws(() => readContentList(encode(items)), MalformedError);
    }
    assert.equal(readContentList(encode([{ length: maximumBlob, id }])).length, 1);
  });

  test('references come back; deep ones and what follows them are refused', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4 }), fc.uint8Array(), (depth, list) => {
        const encoded = encodeReference({ depth, list });
        assert.deepEqual(decodeReference(encoded), { depth, list });
        assert.throws(() => decodeReference(Buffer.concat([encoded, Buffer.alloc(1)])));
        eachDamage(encoded, decodeReference, (read) => assert.ok(read.depth <= 4));
      }),
    );
    const deep = encodeReference({ depth: 5, list: new Uint8Array(0) });
    assert.throws(() => decodeReference(deep), MalformedError);
  });
});
