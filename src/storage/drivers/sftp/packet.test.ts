import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { hasCode } from '../../../base/errors.ts';
import { encodePacket, type Field, PacketReader } from './packet.ts';
import { PacketSplitter } from './packet-splitter.ts';

const field: fc.Arbitrary<Field> = fc.oneof(
  fc.integer({ min: 0, max: 0xffff_ffff }),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.string({ unit: 'grapheme' }),
  fc.uint8Array({ maxLength: 300 }),
);

function readField(reader: PacketReader, like: Field): Field {
  if (typeof like === 'number') return reader.uint32();
  if (typeof like === 'bigint') return reader.uint64();
  return typeof like === 'string' ? reader.text() : Uint8Array.from(reader.bytes());
}

describe('packets of SFTP', () => {
  test('read back as they were written, however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 255 }), fc.array(field, { maxLength: 6 })), {
          maxLength: 8,
        }),
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 }),
        (packets, cuts) => {
          const stream = Buffer.concat(packets.map(([type, fields]) => encodePacket(type, fields)));
          const seen: Buffer[] = [];
          const splitter = new PacketSplitter((packet) => seen.push(packet));
          for (let offset = 0, turn = 0; offset < stream.byteLength; turn++) {
            const size = cuts[turn % cuts.length] ?? 1;
            splitter.push(stream.subarray(offset, offset + size));
            offset += size;
          }
          assert.equal(seen.length, packets.length);
          for (const [index, [type, fields]] of packets.entries()) {
            const reader = new PacketReader(seen[index] ?? Buffer.alloc(0));
            assert.equal(reader.byte(), type);
            for (const written of fields) assert.deepEqual(readField(reader, written), written);
            assert.ok(reader.isAtEnd);
          }
        },
      ),
    );
  });

  test('announce a payload that is sent apart', () => {
    const packet = encodePacket(6, [1, 'handle', 5n], { byteLength: 1000 });
    assert.equal(packet.readUInt32BE(0), packet.byteLength - 4 + 1000);
    assert.equal(packet.readUInt32BE(packet.byteLength - 4), 1000);
  });

  test('that end too early or are impossibly long are refused', () => {
    const isRefused = (error: unknown): boolean => hasCode(error, 'storage/unavailable');
    const cut = encodePacket(1, ['some text']).subarray(4, 10);
    const reader = new PacketReader(cut);
    reader.byte();
    assert.throws(() => reader.text(), isRefused);
    for (const greeting of ['Welcome to this machine', '\0\0\0\0x'])
      assert.throws(
        () => new PacketSplitter(() => undefined).push(Buffer.from(greeting)),
        isRefused,
      );
  });

  test('tell of files what the server says, and no more', () => {
    const all = encodePacket(105, [
      0x8000_000f,
      5_000_000_000n,
      1,
      2,
      0o100_644,
      10,
      20,
      1,
      'a@b',
      'c',
      77,
    ]);
    const reader = new PacketReader(all.subarray(5));
    assert.deepEqual(reader.attributes(), {
      size: 5_000_000_000,
      mode: 0o100_644,
      modified: 20_000,
    });
    assert.equal(reader.uint32(), 77);
    assert.deepEqual(new PacketReader(encodePacket(105, [0]).subarray(5)).attributes(), {});
  });
});
