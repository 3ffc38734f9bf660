import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { openPack, packContext, packerOf, ring, verifying } from '#test/support/pack-fixture.ts';

import { toHex } from '../../../base/bytes.ts';
import { BlobNamer, blobType } from '../content/blob-id.ts';
import { BlobTable } from '../index/blob-table.ts';
import { openPackTail } from './pack-tail.ts';

const namer = new BlobNamer(ring.idKey);
const KIB = 1024;

/** Bytes that a seed stands for; half of them compress well. */
function rawOf(seed: number, length: number): Uint8Array {
  const out = Buffer.alloc(length, createHash('sha256').update(String(seed)).digest());
  if (seed % 2 === 0) for (let at = 0; at < length; at += 4) out.writeUInt8((at * seed) & 255, at);
  return out;
}

describe('blob packer', () => {
  test('whatever is added, in whatever way, comes out of the packs once', () => {
    const lengths = fc.oneof(
      fc.nat(3000),
      fc.constantFrom(0, 1, 512 * KIB, 512 * KIB + 1, 1024 * KIB - 1, 1024 * KIB, 1024 * KIB + 1),
      fc.integer({ min: 100_000, max: 900_000 }),
    );
    const steps = fc.array(
      fc.record({
        seed: fc.nat(12),
        length: lengths,
        how: fc.constantFrom('add', 'room', 'reused', 'flush'),
      }),
      { maxLength: 25 },
    );
    fc.assert(
      fc.property(steps, fc.constantFrom(64 * KIB, 700 * KIB, 4096 * KIB), (history, target) => {
        const buffers: Uint8Array[] = [];
        const expected = new Map<string, Uint8Array>();
        const reused = new Uint8Array(2 * 1024 * KIB);
        const { packer, packs, table } = packerOf(
          'data',
          packContext({ target }),
          BlobTable.allocate(0, 0),
          // Memory of packs that were handed out is used again, with what is in it.
          (size) => {
            const free = buffers.pop();
            return free !== undefined && free.byteLength >= size ? free : new Uint8Array(size);
          },
          (pack) => {
            pack.bytes.fill(0xee);
            buffers.push(new Uint8Array(pack.bytes.buffer));
          },
        );
        let added = 0;
        for (const { seed, length, how } of history) {
          const raw = rawOf(seed, Math.max(1, length));
          const isNew = !expected.has(toHex(namer.nameOf(blobType.data, raw)));
          let id: Uint8Array;
          if (how === 'room') {
            packer.room(raw.length).set(raw);
            id = packer.addHere(blobType.data, raw.length);
          } else if (how === 'reused') {
            reused.set(raw);
            id = packer.add(blobType.data, reused.subarray(0, raw.length));
            reused.fill(0xdd, 0, raw.length);
          } else {
            id = packer.add(blobType.data, raw);
          }
          assert.equal(toHex(id), toHex(namer.nameOf(blobType.data, raw)));
          expected.set(toHex(id), raw);
          if (isNew) added += raw.length;
          if (how === 'flush') packer.flush();
        }
        packer.flush();
        assert.equal(packer.rawAdded, added);
        const found = new Map<string, string>();
        for (const pack of packs) {
          for (const [ordinal, { id, raw }] of openPack(pack.bytes, 'data').entries()) {
            assert.ok(!found.has(id), 'stored once');
            found.set(id, toHex(sha(raw)));
            assert.deepEqual(table.find(Buffer.from(id, 'hex')), {
              pack: pack.pack,
              ordinal,
              used: true,
            });
          }
        }
        const wanted = [...expected].map(([id, raw]): [string, string] => [id, toHex(sha(raw))]);
        assert.deepEqual(found, new Map(wanted));
      }),
      { numRuns: 40 },
    );
  });

  test('blobs go into segments of about a mebibyte; larger ones stand alone', () => {
    const { packer, packs } = packerOf('data', packContext({ target: 16 * 1024 * KIB }));
    for (let index = 0; index < 40; index++) packer.add(blobType.data, randomBytes(100 * KIB));
    packer.add(blobType.data, randomBytes(3 * 1024 * KIB));
    packer.flush();
    const { segments } = openPackTail(packs[0]!.bytes, verifying).table;
    const full = segments.filter(({ blobs }) => blobs.length > 0);
    assert.deepEqual(
      full.map(({ blobs }) => blobs.length),
      [10, 10, 10, 10, 1],
    );
    assert.ok(full.slice(0, 4).every(({ rawLength }) => rawLength <= 1024 * KIB));
  });

  test('of large blobs those that fit best close a pack, and the table says where all of them are', () => {
    const target = 16 * 1024 * KIB;
    const context = packContext({ target, compressionLevel: 1, verify: false });
    const { packer, packs, table } = packerOf('data', context);
    for (let index = 0; index < 300; index++) {
      const length = 400 * KIB + ((index * 7919) % 900) * KIB + ((index * 104_729) % KIB);
      const raw = Buffer.alloc(length);
      // A part of each compresses.
      randomBytes(length - ((index * 15_485_863) % (200 * KIB))).copy(raw);
      packer.add(blobType.data, raw);
      if (index % 50 === 0) packer.add(blobType.data, randomBytes(100));
    }
    packer.flush();
    let padding = 0;
    let stored = 0;
    for (const { pack, bytes } of packs.slice(0, -1)) {
      const { segments } = openPackTail(bytes, verifying).table;
      padding += segments.at(-1)!.rawLength;
      stored += bytes.length;
      assert.ok(bytes.length >= target * 0.75 && bytes.length <= target * 1.5 + 8 * 1024 * KIB);
      const ids = segments.flatMap(({ blobs }) => blobs.map(({ id }) => id));
      for (const [ordinal, id] of ids.entries()) {
        assert.deepEqual(table.find(id), { pack, ordinal, used: true });
      }
    }
    // Chance would leave one and a half per cent, and no choice but when to close half a per cent.
    assert.ok(padding <= stored * 0.0025, `${padding} of ${stored}`);
  });

  test('what the index has is not stored again, and its pack is relied on', () => {
    const table = BlobTable.allocate(1, 1);
    const raw = randomBytes(1000);
    table.addKnown(namer.nameOf(blobType.data, raw), 0, 0, 3);
    const { packer, packs } = packerOf('data', packContext(), table);
    packer.add(blobType.data, raw);
    packer.flush();
    assert.equal(packs.length, 0);
    assert.equal(packer.rawAdded, 0);
    assert.ok(table.isRelied(0));
  });

  test('the same bytes as data, tree and list are three blobs', () => {
    const raw = randomBytes(100);
    const { packer, packs } = packerOf('meta');
    packer.add(blobType.tree, raw);
    packer.add(blobType.list, raw);
    packer.add(blobType.tree, raw);
    packer.flush();
    assert.deepEqual(
      openPack(packs[0]!.bytes, 'meta').map(({ type }) => type),
      [blobType.tree, blobType.list],
    );
  });

  test('nothing added makes no pack', () => {
    const { packer, packs } = packerOf('data');
    packer.flush();
    packer.flush();
    assert.equal(packs.length, 0);
  });
});

function sha(raw: Uint8Array): Uint8Array {
  return createHash('sha256').update(raw).digest();
}
