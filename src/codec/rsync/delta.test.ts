import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import {
  bytesOf,
  commandsOf,
  deltaOf,
  edited,
  patchedWhole,
  piecesOf,
  signatureOf,
} from '#test/support/rsync-samples.ts';
import fc from 'fast-check';

import { concatBytes, fromHex, toHex } from '../../base/bytes.ts';
import { DeltaCommandWriter } from './delta-commands.ts';
import { DeltaEncoder } from './delta.ts';
import type { SignatureKind } from './signature-kind.ts';
import { Signature } from './signature.ts';

const kinds: readonly SignatureKind[] = [
  'rollsum-md4',
  'rollsum-blake2b',
  'rabin-karp-md4',
  'rabin-karp-blake2b',
];

const edits = fc.array(
  fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    removed: fc.nat(3000),
    added: fc.nat(3000),
  }),
  { maxLength: 6 },
);

function delta(old: Uint8Array, fresh: Uint8Array, blockLength = 512): Uint8Array {
  return deltaOf(signatureOf(old, { blockLength }), [fresh]);
}

describe('deltas', () => {
  test('make the new file of the old one, whatever was changed and in whatever pieces it came', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...kinds),
        fc.integer({ min: 1, max: 2000 }),
        fc.nat(60_000),
        edits,
        fc.integer({ min: 1, max: 70_000 }),
        (kind, blockLength, length, changes, pieceLength) => {
          const old = bytesOf(length, length);
          const fresh = edited(old, changes);
          const signature = signatureOf(old, { kind, blockLength });
          const made = deltaOf(signature, piecesOf(fresh, pieceLength));
          assert.deepEqual(patchedWhole(old, made), fresh);
          assert.deepEqual(made, deltaOf(signature, [fresh]));
        },
      ),
      { numRuns: 150 },
    );
  });

  test('hold little more than what was inserted', () => {
    for (const kind of kinds) {
      const old = bytesOf(1, 3_000_000);
      const fresh = edited(old, [
        { at: 0.1, removed: 0, added: 10 },
        { at: 0.5, removed: 100, added: 0 },
        { at: 0.7, removed: 1, added: 1 },
      ]);
      const made = deltaOf(signatureOf(old, { kind, blockLength: 1024 }), piecesOf(fresh, 65_536));
      assert.deepEqual(patchedWhole(old, made), fresh);
      assert.ok(made.length < 3 * 1024 + 200, `${kind}: ${made.length}`);
    }
  });

  test('of text and of runs, where weak sums repeat', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(0, 1, 255), fc.nat(3000)), { maxLength: 10 }),
        fc.array(fc.tuple(fc.constantFrom(0, 1, 255), fc.nat(3000)), { maxLength: 10 }),
        fc.integer({ min: 1, max: 600 }),
        (before, after, blockLength) => {
          const [old, fresh] = [before, after].map((runs) =>
            concatBytes(...runs.map(([byte, length]) => new Uint8Array(length).fill(byte))),
          ) as [Uint8Array, Uint8Array];
          assert.deepEqual(patchedWhole(old, delta(old, fresh, blockLength)), fresh);
        },
      ),
    );
  });

  test('of a file that did not change are one copy', () => {
    // docs/formats/duplicity.md 14.2
    const old = bytesOf(3, 720);
    assert.equal(toHex(delta(old, old)), '72730236460002d000');
    for (const length of [1, 511, 512, 513, 1024, 100_000, 400_000]) {
      for (const kind of kinds) {
        const same = bytesOf(4, length);
        const made = deltaOf(signatureOf(same, { kind, blockLength: 512 }), piecesOf(same, 9999));
        assert.deepEqual(commandsOf(made), [`copy 0+${length}`]);
      }
    }
  });

  test('of an empty file', () => {
    assert.equal(toHex(delta(new Uint8Array(), new Uint8Array())), '7273023600');
    assert.equal(toHex(delta(bytesOf(1, 5000), new Uint8Array())), '7273023600');
  });

  test('from an empty file are literals, cut where librsync cuts them', () => {
    const fresh = bytesOf(1, 70_000);
    const expected = concatBytes(
      fromHex('72730236428000'),
      fresh.subarray(0, 32_768),
      fromHex('428000'),
      fresh.subarray(32_768, 65_536),
      fromHex('421170'),
      fresh.subarray(65_536),
      fromHex('00'),
    );
    assert.deepEqual(delta(new Uint8Array(), fresh), expected);
    assert.deepEqual(delta(bytesOf(2, 3000), fresh), expected);
  });

  test('the last block is found at the end only, where it is shorter', () => {
    const old = bytesOf(1, 1300);
    const last = old.subarray(1024);
    assert.deepEqual(commandsOf(delta(old, last)), ['copy 1024+276']);
    assert.deepEqual(commandsOf(delta(old, concatBytes(bytesOf(9, 700), last))), [
      'literal 700',
      'copy 1024+276',
    ]);
    assert.deepEqual(commandsOf(delta(old, concatBytes(bytesOf(9, 300), last))), [
      'literal 300',
      'copy 1024+276',
    ]);
    assert.deepEqual(commandsOf(delta(old, concatBytes(last, bytesOf(9, 700)))), ['literal 976']);
    assert.deepEqual(
      commandsOf(delta(old, concatBytes(old.subarray(0, 512), last.subarray(0, 275)))),
      ['copy 0+512', 'literal 275'],
    );
  });

  test('of blocks that are there twice the first is copied, unless the next one goes on', () => {
    const [a, b] = [bytesOf(1, 512), bytesOf(2, 512)];
    const old = concatBytes(a, b, a, a);
    assert.deepEqual(commandsOf(delta(old, a)), ['copy 0+512']);
    assert.deepEqual(commandsOf(delta(old, concatBytes(bytesOf(3, 5), a))), [
      'literal 5',
      'copy 0+512',
    ]);
    assert.deepEqual(commandsOf(delta(old, concatBytes(b, a, a, a))), [
      'copy 512+1536',
      'copy 0+512',
    ]);
  });

  test('of a long run of one byte are one copy', () => {
    const zeros = new Uint8Array(1_000_000);
    assert.deepEqual(commandsOf(delta(zeros, zeros)), ['copy 0+1000000']);
  });

  test('the same weak sum alone is no match', () => {
    const old = bytesOf(1, 512);
    const records = Signature.parse(
      concatBytes(
        fromHex('727301360000020000000008'),
        signatureOf(old, { blockLength: 512 }).records.subarray(0, 4),
        new Uint8Array(8),
      ),
    );
    assert.deepEqual(commandsOf(deltaOf(records, [old])), ['literal 512']);
  });

  test('a signature with longer blocks than are searched for yields literals', () => {
    const signature = Signature.parse(
      concatBytes(fromHex('727301367fffffff00000008'), new Uint8Array(12)),
    );
    assert.deepEqual(commandsOf(deltaOf(signature, [bytesOf(1, 100_000)])), ['literal 100000']);
  });

  test(
    'a signature whose every block has the same weak sum does not take forever',
    {
      timeout: 60_000,
    },
    () => {
      const records = new Uint8Array(12 * 300_000);
      const view = new DataView(records.buffer);
      for (let block = 0; block < 300_000; block++) view.setUint32(12 * block + 4, block + 1);
      const signature = Signature.parse(concatBytes(fromHex('727301360000020000000008'), records));
      assert.deepEqual(commandsOf(deltaOf(signature, [bytesOf(1, 100_000)])), ['literal 100000']);
    },
  );

  test('a signature made to match everywhere does not take forever', { timeout: 60_000 }, () => {
    const zeros = new Uint8Array(3 * 1024 * 1024);
    for (const kind of kinds) {
      const { records } = signatureOf(zeros.subarray(0, 65_536), { kind, blockLength: 65_536 });
      const header = signatureOf(new Uint8Array(), { kind, blockLength: 65_536 });
      const forged = concatBytes(
        fromHex(
          {
            'rollsum-md4': '72730136',
            'rollsum-blake2b': '72730137',
            'rabin-karp-md4': '72730146',
            'rabin-karp-blake2b': '72730147',
          }[kind],
        ),
        fromHex('0001000000000008'),
        records.subarray(0, 4),
        new Uint8Array(8),
      );
      assert.equal(header.blocks, 0);
      assert.deepEqual(commandsOf(deltaOf(Signature.parse(forged), [zeros])), [
        `literal ${zeros.length}`,
      ]);
    }
  });

  test('encoders at work at the same time do not disturb each other', () => {
    const files = [1, 2, 3, 4, 5].map((seed) => bytesOf(seed, 200_000));
    const outputs = files.map((): Uint8Array[] => []);
    const encoders = files.map(
      (file, index) =>
        new DeltaEncoder(signatureOf(file, { blockLength: 512 }), (piece) =>
          outputs[index]!.push(piece),
        ),
    );
    for (let at = 0; at < 200_000; at += 1000) {
      encoders.forEach((encoder, index) => {
        encoder.update(files[index]!.subarray(at, at + 1000));
      });
    }
    encoders.forEach((encoder, index) => {
      encoder.finish();
      assert.deepEqual(commandsOf(concatBytes(...outputs[index]!)), ['copy 0+200000']);
    });
  });

  test('what was emitted does not change afterwards', () => {
    const pieces: Uint8Array[] = [];
    const copies: Uint8Array[] = [];
    const encoder = new DeltaEncoder(
      signatureOf(bytesOf(1, 600), { blockLength: 512 }),
      (piece) => {
        pieces.push(piece);
        copies.push(piece.slice());
      },
    );
    for (const piece of piecesOf(bytesOf(2, 300_000), 7777)) encoder.update(piece);
    encoder.finish();
    assert.ok(pieces.length > 3);
    assert.deepEqual(pieces, copies);
  });
});

describe('commands', () => {
  function written(write: (writer: DeltaCommandWriter) => void): string {
    const out: Uint8Array[] = [];
    const writer = new DeltaCommandWriter((piece) => out.push(piece));
    write(writer);
    writer.end();
    const hex = toHex(concatBytes(...out));
    assert.ok(hex.startsWith('72730236') && hex.endsWith('00'));
    return hex.slice(8, -2);
  }

  for (const [offset, length, hex] of [
    [0, 1, '450001'],
    [255, 255, '45ffff'],
    [0, 256, '46000100'],
    [0, 0x10000, '470000010000'],
    [0, 0x100000000, '48000000000100000000'],
    [256, 255, '490100ff'],
    [256, 256, '4a01000100'],
    [256, 0xffffffff, '4b0100ffffffff'],
    [256, 0x100000000, '4c01000000000100000000'],
    [0x10000, 1, '4d0001000001'],
    [0xffffffff, 0xffff, '4effffffffffff'],
    [0x10000, 0x10000, '4f0001000000010000'],
    [0x10000, 0x100000000, '50000100000000000100000000'],
    [0x100000000, 1, '51000000010000000001'],
    [0x100000000, 256, '5200000001000000000100'],
    [0x100000000, 0x10000, '53000000010000000000010000'],
    [2 ** 52, 2 ** 52 - 1, '540010000000000000000fffffffffffff'],
  ] as const) {
    test(`copy of ${length} from ${offset}`, () => {
      assert.equal(
        written((writer) => {
          writer.copy(offset, length);
        }),
        hex,
      );
    });
  }

  for (const [length, header] of [
    [1, '01'],
    [64, '40'],
    [65, '4141'],
    [255, '41ff'],
    [256, '420100'],
    [32_768, '428000'],
  ] as const) {
    test(`literal of ${length}`, () => {
      const bytes = bytesOf(1, length);
      assert.equal(
        written((writer) => {
          writer.literal(bytes);
        }),
        header + toHex(bytes),
      );
    });
  }

  test('copies are joined only where they follow each other', () => {
    assert.equal(
      written((writer) => {
        writer.copy(10, 5);
        writer.copy(15, 5);
        writer.copy(10, 5);
        writer.literal(Uint8Array.of(7));
        writer.copy(15, 5);
      }),
      '450a0a450a050107450f05',
    );
  });
});
