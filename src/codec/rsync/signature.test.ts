import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';

import { bytesOf } from '#test/support/rsync-samples.ts';
import fc from 'fast-check';

import { rsyncKernelFile } from '../../../tools/build-rsync-kernel.ts';
import { concatBytes, fromHex, toHex, utf8 } from '../../base/bytes.ts';
import { hasCode } from '../../base/errors.ts';
import type { SignatureKind } from './signature-kind.ts';
import { blockLengthFor, mostBlockLength, Signature, SignatureBuilder } from './signature.ts';

const kinds: readonly SignatureKind[] = [
  'rollsum-md4',
  'rollsum-blake2b',
  'rabin-karp-md4',
  'rabin-karp-blake2b',
];

type Parameters = ConstructorParameters<typeof SignatureBuilder>[0];

/** The signature of pieces that follow each other. */
function sign(parameters: Parameters, ...pieces: readonly Uint8Array[]): Uint8Array {
  const builder = new SignatureBuilder(parameters);
  for (const piece of pieces) builder.update(piece);
  return builder.finish();
}

/** The sums of one block, as the specification words them. */
function strongOf(kind: SignatureKind, strongLength: number, block: Uint8Array): string {
  const signature = Signature.parse(sign({ kind, blockLength: 1024, strongLength }, block));
  assert.equal(signature.blocks, 1);
  return toHex(signature.records.subarray(4));
}

function rollsum(block: Uint8Array): number {
  let s1 = 0;
  let s2 = 0;
  for (const byte of block) {
    s1 = (s1 + byte + 31) % 65536;
    s2 = (s2 + s1) % 65536;
  }
  return s2 * 65536 + s1;
}

function rabinKarp(block: Uint8Array): number {
  let hash = 1n;
  for (const byte of block) hash = (hash * 0x08104225n + BigInt(byte)) % 2n ** 32n;
  return Number(hash);
}

describe('signatures', () => {
  test('the kernel is what the tool makes', async () => {
    const file = new URL('rsync-kernel.ts', import.meta.url);
    assert.equal(await readFile(file, 'utf8'), await rsyncKernelFile());
  });

  test('of an empty file is the header', () => {
    assert.equal(toHex(sign({ blockLength: 512 })), '727301360000020000000008');
    const signature = Signature.parse(sign({ blockLength: 512 }));
    assert.equal(signature.blocks, 0);
    assert.equal(signature.kind, 'rollsum-md4');
    assert.equal(signature.blockLength, 512);
    assert.equal(signature.strongLength, 8);
  });

  test('of the sample of the specification', () => {
    const text = utf8('hello duplicity\n');
    assert.equal(
      toHex(sign({ blockLength: 512 }, text)),
      '72730136000002000000000845b508057c68394afe1877c3',
    );
    assert.equal(strongOf('rollsum-md4', 16, text), '7c68394afe1877c332e907a65a9633b0');
  });

  for (const [text, digest] of [
    ['a', 'bde52cb31de33e46245e05fbdbd6fb24'],
    ['abc', 'a448017aaf21d8525fc10ae87aa6729d'],
    ['message digest', 'd9130a8164549fe818874806e1c7014b'],
    ['abcdefghijklmnopqrstuvwxyz', 'd79e1c308aa5bbcdeea8ed63df412da9'],
    [
      'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789',
      '043f8582f241db351ce627e153e7f0e4',
    ],
    ['1234567890'.repeat(8), 'e33b4ddc9c38f2199c3e7b164fcc0536'],
  ] as const) {
    test(`MD4 of "${text}" is that of RFC 1320`, () => {
      assert.equal(strongOf('rollsum-md4', 16, utf8(text)), digest);
    });
  }

  for (const [text, digest] of [
    ['abc', 'bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319'],
    [
      'The quick brown fox jumps over the lazy dog',
      '01718cec35cd3d796dd00020e0bfecb473ad23457d063b75eff29c0ffa2e58a9',
    ],
  ] as const) {
    test(`BLAKE2b-256 of "${text}"`, () => {
      assert.equal(strongOf('rabin-karp-blake2b', 32, utf8(text)), digest);
    });
  }

  test('weak sums of blocks of any length are as they are worded', () => {
    for (let length = 1; length < 300; length++) {
      const block = bytesOf(length, length);
      for (const kind of kinds) {
        const { records } = Signature.parse(sign({ kind, blockLength: 1024 }, block));
        const weak = new DataView(records.buffer, records.byteOffset).getUint32(0);
        assert.equal(weak, kind.startsWith('rollsum') ? rollsum(block) : rabinKarp(block));
      }
    }
  });

  test('the rollsum of a long block of the highest bytes does not overflow', () => {
    const block = new Uint8Array(3_000_001).fill(255);
    const { records } = Signature.parse(sign({ blockLength: 4_000_000 }, block));
    assert.equal(new DataView(records.buffer, records.byteOffset).getUint32(0), rollsum(block));
  });

  test('blocks that are summed together have the sums that they have alone', () => {
    for (const kind of kinds) {
      for (const blockLength of [1, 3, 55, 56, 63, 64, 65, 119, 120, 128, 129, 512]) {
        const blocks = Array.from({ length: 11 }, (_, index) =>
          bytesOf(index, index === 10 ? Math.ceil(blockLength / 2) : blockLength),
        );
        const strongLength = kind.endsWith('md4') ? 16 : 32;
        const together = sign({ kind, blockLength, strongLength }, ...blocks);
        const alone = blocks.map((block) =>
          sign({ kind, blockLength, strongLength }, block).subarray(12),
        );
        assert.equal(toHex(together.subarray(12)), toHex(concatBytes(...alone)));
      }
    }
  });

  test('it makes no difference in which pieces a file comes, nor who else makes one', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...kinds),
        fc.integer({ min: 1, max: 3000 }),
        fc.nat(50_000),
        fc.array(fc.nat(40_000), { maxLength: 8 }),
        (kind, blockLength, length, cuts) => {
          const bytes = bytesOf(length, length);
          const whole = sign({ kind, blockLength }, bytes);
          const piecewise = new SignatureBuilder({ kind, blockLength });
          const other = new SignatureBuilder({ blockLength: 100 });
          let from = 0;
          for (const cut of [...cuts.toSorted((left, right) => left - right), length]) {
            piecewise.update(bytes.subarray(from, Math.max(from, cut)));
            other.update(bytesOf(1, 77));
            from = Math.max(from, cut);
          }
          assert.deepEqual(piecewise.finish(), whole);
          assert.equal(Signature.parse(whole).blocks, Math.ceil(length / blockLength));
        },
      ),
      { numRuns: 60 },
    );
  });

  test('lengths that cannot be are refused', () => {
    for (const parameters of [
      { blockLength: 0 },
      { blockLength: 1.5 },
      { blockLength: mostBlockLength + 1 },
      { blockLength: 512, strongLength: 0 },
      { blockLength: 512, strongLength: 17 },
      { kind: 'rollsum-blake2b', blockLength: 512, strongLength: 33 },
    ] as const) {
      assert.throws(() => new SignatureBuilder(parameters), RangeError);
    }
  });
});

describe('reading a signature', () => {
  test('gives what was written', () => {
    for (const kind of kinds) {
      const signature = Signature.parse(
        sign({ kind, blockLength: 700, strongLength: 5 }, bytesOf(1, 2000)),
      );
      assert.equal(signature.kind, kind);
      assert.equal(signature.blockLength, 700);
      assert.equal(signature.strongLength, 5);
      assert.equal(signature.blocks, 3);
    }
  });

  test('of a view into something larger', () => {
    const inside = concatBytes(
      utf8('xyz'),
      sign({ blockLength: 512 }, bytesOf(1, 600)),
      utf8('x'),
    ).subarray(3, -1);
    assert.equal(Signature.parse(inside).blocks, 2);
  });

  test('that is cut off anywhere but between two blocks fails', () => {
    const whole = sign({ blockLength: 512 }, bytesOf(1, 1500));
    for (let length = 0; length < whole.length; length++) {
      const cut = whole.subarray(0, length);
      if (length >= 12 && (length - 12) % 12 === 0) assert.ok(Signature.parse(cut));
      else assert.throws(() => Signature.parse(cut), damaged);
    }
  });

  for (const [what, header] of [
    ['a delta', '727302360000020000000008'],
    ['another magic number', '727301380000020000000008'],
    ['blocks of no bytes', '727301360000000000000008'],
    ['blocks of more than librsync can', '727301368000000000000008'],
    ['no strong sums', '727301360000020000000000'],
    ['longer MD4', '727301360000020000000011'],
    ['longer BLAKE2b', '727301470000020000000021'],
  ] as const) {
    test(`with ${what} fails`, () => {
      assert.throws(() => Signature.parse(fromHex(header)), damaged);
    });
  }
});

test('the length of blocks follows the size', () => {
  for (const [size, length] of [
    [0, 512],
    [1, 512],
    [262_144, 512],
    [263_168, 512],
    [263_169, 1024],
    [2_100_000, 1536],
    [256 * 1024 * 1024, 16_384],
    [2 ** 53 - 1, mostBlockLength],
  ] as const) {
    assert.equal(blockLengthFor(size), length, String(size));
  }
  assert.equal(blockLengthFor(256 * 1024 * 1024, 2048), 2048);
  assert.equal(blockLengthFor(100, 2048), 512);
});

function damaged(error: unknown): boolean {
  return hasCode(error, 'repository/damaged');
}
