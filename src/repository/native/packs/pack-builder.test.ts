import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { openPack, packContext, ring, verifying } from '#test/support/pack-fixture.ts';

import { toHex } from '../../../base/bytes.ts';
import { AppError } from '../../../base/errors.ts';
import { zstd } from '../../../codec/compression/zstd.ts';
import { sha256 } from '../../../codec/encryption/key-derivation.ts';
import { padme } from '../../../codec/padme.ts';
import { BlobNamer, blobType } from '../content/blob-id.ts';
import { PackBuilder, packBufferSize, type FinishedPack } from './pack-builder.ts';
import type { PackKind, TableBlob } from './pack-table.ts';
import { openPackTail, segmentOffsets } from './pack-tail.ts';

const namer = new BlobNamer(ring.idKey);
const MIB = 1024 * 1024;

function blobOf(raw: Uint8Array, kind: PackKind = 'data'): TableBlob {
  const type = kind === 'data' ? blobType.data : blobType.tree;
  return { type, rawLength: raw.length, id: namer.nameOf(type, raw) };
}

function build(
  raws: readonly Uint8Array[],
  kind: PackKind = 'data',
  context = packContext(),
  buffer = new Uint8Array(packBufferSize(context.target)),
): FinishedPack {
  const builder = new PackBuilder(context, kind, 5, buffer);
  for (const raw of raws) builder.append(builder.prepare(raw, [blobOf(raw, kind)]));
  assert.equal(builder.blobCount, raws.length);
  return builder.finish();
}

function check(pack: FinishedPack, raws: readonly Uint8Array[], kind: PackKind = 'data'): void {
  const { bytes, name, table } = pack;
  assert.equal(pack.pack, 5);
  assert.equal(toHex(name), toHex(sha256(bytes)));
  assert.equal(padme(bytes.length), bytes.length, `${bytes.length} is a padded length`);
  const tail = openPackTail(bytes, verifying);
  assert.deepEqual(Buffer.from(tail.record), Buffer.from(table));
  assert.equal(toHex(tail.table.bodyHash), toHex(sha256(bytes.subarray(0, tail.tableOffset))));
  assert.equal(segmentOffsets(tail.table, 1, tail.tableOffset).length, raws.length + 1);
  const opened = openPack(bytes, kind);
  assert.deepEqual(
    opened.map(({ raw }) => Buffer.from(raw)),
    raws.map((raw) => Buffer.from(raw)),
  );
}

describe('pack builder', () => {
  test('segments of odd sizes open again, in packs of padded lengths', () => {
    const odd: readonly Uint8Array[][] = [
      [Uint8Array.of(7)],
      [new Uint8Array(4 * MIB)],
      [randomBytes(4 * MIB)],
      [randomBytes(1000), new Uint8Array(100_000), Buffer.from('text '.repeat(5000))],
      [new Uint8Array(0), Uint8Array.of(1)],
      Array.from({ length: 300 }, (_, index) => randomBytes(index + 1)),
    ];
    for (const raws of odd) {
      for (const kind of ['data', 'meta'] as const) check(build(raws, kind), raws, kind);
      const plain = packContext({ compressionLevel: 0, verify: false });
      check(build(raws, 'data', plain), raws);
    }
  });

  test('a pack without segments is still a pack', () => {
    check(build([]), []);
  });

  test('a buffer that is too small, or full of something else, makes no difference', () => {
    const raws = [randomBytes(50_000), new Uint8Array(100_000), randomBytes(3)];
    check(build(raws, 'data', packContext(), new Uint8Array(0)), raws);
    check(build(raws, 'data', packContext(), new Uint8Array(2000)), raws);
    const dirty = new Uint8Array(1_000_000);
    dirty.fill(0xee);
    check(build(raws, 'data', packContext(), dirty), raws);
  });

  test('the length is padded whatever is in it', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20_000), { maxLength: 12 }), (lengths) => {
        const raws = lengths.map((length) => randomBytes(length + 1));
        check(build(raws), raws);
      }),
      { numRuns: 60 },
    );
  });

  test('compression is kept only where it saves something', () => {
    const zeros = build([new Uint8Array(MIB)]);
    assert.ok(zeros.bytes.length < 20_000);
    const noise = openPackTail(build([randomBytes(100_000)]).bytes, verifying);
    assert.equal(noise.table.segments[0]!.codec, 0);
    const stored = packContext({ compressionLevel: 0 });
    assert.ok(build([new Uint8Array(MIB)], 'data', stored).bytes.length > MIB);
  });

  test('the size without padding is known before the pack is finished', () => {
    const sizes = fc.array(
      fc.record({
        blobs: fc.integer({ min: 1, max: 40 }),
        length: fc.integer({ min: 1, max: 3000 }),
      }),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(sizes, (segments) => {
        const context = packContext({ verify: false, compressionLevel: 0 });
        const builder = new PackBuilder(
          context,
          'data',
          5,
          new Uint8Array(packBufferSize(context.target)),
        );
        const prepared = segments.map(({ blobs, length }) => {
          const raw = randomBytes(blobs * length);
          return builder.prepare(
            raw,
            Array.from({ length: blobs }, (_, index) =>
              blobOf(raw.subarray(index * length, (index + 1) * length)),
            ),
          );
        });
        const before = builder.sizeWith(prepared);
        for (const segment of prepared) builder.append(segment);
        assert.equal(builder.sizeWith(), before);
        const { bytes } = builder.finish();
        const padding = openPackTail(bytes, verifying).table.segments.at(-1)!.rawLength;
        // It may be more than it has: nothing is lost by that, but much where a pack comes out a little longer than a length without padding.
        assert.ok(before >= bytes.length - padding, `${before}, ${bytes.length} with ${padding}`);
        assert.ok(before <= (bytes.length - padding) * 1.05 + 200);
      }),
      { numRuns: 60 },
    );
  });

  test('the next length is enough, however little is missing', () => {
    const context = packContext({ verify: false, compressionLevel: 0, target: MIB });
    const buffer = new Uint8Array(packBufferSize(MIB));
    const full = padme(MIB);
    for (let gap = 64; gap < 16_000; gap += 251) {
      const builder = new PackBuilder(context, 'data', 5, buffer);
      const put = (raw: Uint8Array): void => builder.append(builder.prepare(raw, [blobOf(raw)]));
      // Tables of all lengths.
      for (let index = 0; index < gap % 37; index++) put(Uint8Array.of(index));
      put(new Uint8Array(full - builder.sizeWith() - gap));
      assert.equal(builder.finish().bytes.length, full, `${gap} bytes are missing`);
    }
  });

  test('packs are of one kind: the other key opens nothing', () => {
    const raw = randomBytes(100);
    assert.throws(() => openPack(build([raw], 'meta').bytes, 'data'));
  });

  test('two packs of the same bytes have nothing in common', () => {
    const raw = randomBytes(10_000);
    const [one, two] = [build([raw]), build([raw])];
    assert.notEqual(toHex(one.name), toHex(two.name));
    assert.equal(one.bytes.length, two.bytes.length);
  });

  test('what an earlier segment was opened to is never taken for what this one holds', (t) => {
    const raw = Buffer.from('words and words '.repeat(1000));
    build([raw]);
    const idle = t.mock.method(zstd(), 'decompressInto', () => undefined);
    assert.throws(
      () => build([raw]),
      (error) => error instanceof AppError && error.code === 'internal',
    );
    idle.mock.restore();
  });

  for (const fault of ['flip', 'cut', 'garbage'] as const) {
    test(`verification catches a compressor that is broken (${fault})`, (t) => {
      const compressor = zstd();
      const sound = compressor.compress.bind(compressor);
      const raw = Buffer.from('words and words '.repeat(1000));
      const broken = t.mock.method(compressor, 'compress', (given: Uint8Array, level: number) => {
        const frame = sound(given, level);
        if (fault === 'cut') return frame.subarray(0, -1);
        if (fault === 'garbage') return randomBytes(100);
        // The frame of other bytes of the same length.
        return sound(Buffer.from('wordz and words '.repeat(1000)), level);
      });
      assert.throws(
        () => build([raw]),
        (error) => error instanceof AppError && error.code === 'internal',
      );
      // Without verification nobody notices: this is what it is for.
      build([raw], 'data', packContext({ verify: false }));
      assert.equal(broken.mock.callCount(), 2);
      broken.mock.restore();
      check(build([raw]), [raw]);
    });
  }
});
