import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { eachDamage } from '#test/support/each-damage.ts';

import { toHex } from '../../../base/bytes.ts';
import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import {
  decodePackTable,
  decodeTableHead,
  encodePackTable,
  visitTableBlobs,
  type PackTable,
  type TableSegment,
} from './pack-table.ts';

const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });

function segmentsOf(types: readonly (1 | 2 | 3)[]): fc.Arbitrary<TableSegment> {
  const blobs = fc.array(
    fc.record({ type: fc.constantFrom(...types), rawLength: fc.nat(400_000), id: bytes(32) }),
    { maxLength: 5 },
  );
  return fc
    .record({
      slot: fc.nat(254),
      number: fc.nat(2 ** 20),
      storedLength: fc.nat(2 ** 23),
      codec: fc.constantFrom(0, 1),
      blobs,
      padding: fc.nat(4 * 1024 * 1024),
    })
    .map(({ padding, ...segment }) => ({
      ...segment,
      rawLength:
        segment.blobs.length === 0
          ? padding
          : segment.blobs.reduce((sum, { rawLength }) => sum + rawLength, 0),
    }));
}

const common = {
  signer: bytes(16),
  runId: bytes(16),
  headHash: bytes(32),
  bodyHash: bytes(32),
  origins: fc.array(fc.record({ slot: fc.nat(254), pack: bytes(32), signer: bytes(16) }), {
    maxLength: 2,
  }),
};
const tables: fc.Arbitrary<PackTable> = fc.oneof(
  fc.record({
    ...common,
    kind: fc.constant('data' as const),
    segments: fc.array(segmentsOf([1]), { maxLength: 4 }),
  }),
  fc.record({
    ...common,
    kind: fc.constant('meta' as const),
    segments: fc.array(segmentsOf([2, 3]), { maxLength: 4 }),
  }),
);

function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_name, part: unknown) =>
      part instanceof Uint8Array ? toHex(part) : part,
    ),
  );
}

describe('pack tables', () => {
  test('come back as they were, and are visited in the order of ordinals', () => {
    fc.assert(
      fc.property(tables, (table) => {
        const record = encodePackTable(table);
        assert.deepEqual(plain(decodePackTable(record)), plain(table));
        const visited: unknown[] = [];
        const count = visitTableBlobs(
          decodeTableHead(record),
          (memory, offset, ordinal, type, rawLength) => {
            const id = toHex(memory.subarray(offset, offset + 32));
            visited.push({ ordinal, type, rawLength, id });
          },
        );
        const blobs = table.segments.flatMap((segment) => segment.blobs);
        assert.equal(count, blobs.length);
        assert.deepEqual(
          visited,
          blobs.map(({ type, rawLength, id }, ordinal) => ({
            ordinal,
            type,
            rawLength,
            id: toHex(id),
          })),
        );
      }),
    );
  });

  test('every damage gives a table that adds up, or is refused', () => {
    fc.assert(
      fc.property(tables, (table) => {
        eachDamage(encodePackTable(table), decodePackTable, ({ kind, segments }) => {
          for (const { rawLength, blobs } of segments) {
            assert.ok(rawLength <= 4 * 1024 * 1024);
            const total = blobs.reduce((sum, blob) => sum + blob.rawLength, 0);
            assert.ok(blobs.length === 0 || total === rawLength);
            assert.ok(blobs.every(({ type }) => (type === 1) === (kind === 'data')));
          }
        });
      }),
      { numRuns: 8 },
    );
  });

  test('damage of the head is refused or read, for loading an index as well', () => {
    fc.assert(
      fc.property(tables, (table) => {
        eachDamage(encodePackTable(table), (record) =>
          visitTableBlobs(decodeTableHead(record), () => undefined),
        );
      }),
      { numRuns: 8 },
    );
  });

  test('a count larger than what is there allocates nothing', () => {
    const table: PackTable = {
      kind: 'data',
      signer: new Uint8Array(16),
      runId: new Uint8Array(16),
      headHash: new Uint8Array(32),
      bodyHash: new Uint8Array(32),
      origins: [],
      segments: [],
    };
    const record = encodePackTable(table);
    // The last field holds the count only.
    assert.equal(record.at(-1), 0);
    const huge = Buffer.concat([
      record.subarray(0, -2),
      Uint8Array.of(8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f),
    ]);
    assert.throws(() => decodePackTable(huge), MalformedError);
  });
});
