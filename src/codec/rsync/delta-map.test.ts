import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import {
  bytesOf,
  commandsOf,
  deltaOf,
  edited,
  mapOf,
  patchedWhole,
  piecesOf,
  signatureOf,
} from '#test/support/rsync-samples.ts';
import fc from 'fast-check';

import { concatBytes, fromHex } from '../../base/bytes.ts';
import { hasCode } from '../../base/errors.ts';
import { DeltaMap, DeltaParser } from './delta-map.ts';

const ignoring = { copy: () => undefined, literal: () => undefined };

function parse(delta: Uint8Array): void {
  const parser = new DeltaParser(ignoring);
  parser.update(delta);
  parser.finish();
}

function damaged(error: unknown): boolean {
  return hasCode(error, 'repository/damaged');
}

const ab = 'aabb';

describe('reading a delta', () => {
  for (const [hex, words] of [
    ['00', []],
    [`02${ab}00`, ['literal 2']],
    [`4102${ab}00`, ['literal 2']],
    [`420002${ab}00`, ['literal 2']],
    [`4300000002${ab}00`, ['literal 2']],
    [`440000000000000002${ab}00`, ['literal 2']],
    ['45010200', ['copy 1+2']],
    ['4601000200', ['copy 1+2']],
    ['47010000000200', ['copy 1+2']],
    ['4801000000000000000200', ['copy 1+2']],
    ['4900010200', ['copy 1+2']],
    ['4a0001000200', ['copy 1+2']],
    ['4b00010000000200', ['copy 1+2']],
    ['4c0001000000000000000200', ['copy 1+2']],
    ['4d000000010200', ['copy 1+2']],
    ['4e00000001000200', ['copy 1+2']],
    ['4f000000010000000200', ['copy 1+2']],
    ['5000000001000000000000000200', ['copy 1+2']],
    ['5100000000000000010200', ['copy 1+2']],
    ['520000000000000001000200', ['copy 1+2']],
    ['5300000000000000010000000200', ['copy 1+2']],
    ['5400000000000000010000000000000002'.concat('00'), ['copy 1+2']],
    ['51001ffffffffffffe0100', [`copy ${2 ** 53 - 2}+1`]],
  ] as const) {
    test(hex, () => {
      assert.deepEqual(commandsOf(fromHex(`72730236${hex}`)), words);
    });
  }

  for (const [what, hex] of [
    ['another magic number', '7273013600'],
    ['a literal of no bytes', '72730236410000'],
    ['a literal of no bytes, in eight', '7273023644000000000000000000'],
    ['a copy of no bytes', '7273023645010000'],
    ['a length of 2^53', '727302364800002000000000000000'],
    ['an offset of 2^53', '727302365100200000000000000100'],
    ['a literal of 2^63', '7273023644800000000000000000'],
    ['a sum of 2^53', '7273023651001fffffffffffff0100'],
    ['something after its end', '727302360000'],
    ['the first reserved command', '727302365500'],
    ['the last reserved command', '72730236ff00'],
  ] as const) {
    test(`with ${what} fails`, () => {
      assert.throws(() => {
        parse(fromHex(hex));
      }, damaged);
    });
  }

  test('with any reserved command fails', () => {
    for (let opcode = 0x55; opcode <= 0xff; opcode++) {
      const delta = concatBytes(fromHex('72730236'), Uint8Array.of(opcode), new Uint8Array(20));
      assert.throws(() => {
        parse(delta);
      }, damaged);
    }
  });

  test('that is cut off anywhere fails', () => {
    const delta = concatBytes(
      fromHex('72730236'),
      fromHex(`02${ab}420003${ab}01`),
      fromHex('5400000000000000010000000000000002'),
      fromHex('45010200'),
    );
    parse(delta);
    for (let length = 0; length < delta.length; length++) {
      assert.throws(() => {
        parse(delta.subarray(0, length));
      }, damaged);
    }
  });

  test('that consists of anything ends with success or the one error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          parse(concatBytes(fromHex('72730236'), bytes));
        } catch (error) {
          assert.ok(damaged(error));
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('in any pieces says the same', () => {
    const old = bytesOf(1, 20_000);
    const fresh = edited(old, [
      { at: 0.2, removed: 30, added: 900 },
      { at: 0.6, removed: 3000, added: 20 },
    ]);
    const delta = deltaOf(signatureOf(old, { blockLength: 512 }), [fresh]);
    for (const length of [1, 2, 3, 7, 100]) {
      const parts: Uint8Array[] = [];
      const parser = new DeltaParser({
        copy: (offset, size) => parts.push(old.subarray(offset, offset + size)),
        literal: (bytes) => parts.push(bytes),
      });
      for (const piece of piecesOf(delta, length)) parser.update(piece);
      parser.finish();
      assert.deepEqual(concatBytes(...parts), fresh);
    }
    assert.deepEqual(patchedWhole(old, delta), fresh);
  });
});

describe('maps', () => {
  test('join what follows each other, and keep the literals', () => {
    const kept: Uint8Array[] = [];
    const map = new DeltaMap((bytes) => kept.push(bytes));
    map.literal(Uint8Array.of(1, 2));
    map.literal(Uint8Array.of());
    map.literal(Uint8Array.of(3));
    map.copy(0, 10);
    map.copy(10, 5);
    map.copy(0, 4);
    map.literal(Uint8Array.of(4));
    map.copy(4, 1);
    assert.deepEqual(concatBytes(...kept), Uint8Array.of(1, 2, 3, 4));
    assert.equal(map.length, 24);
    assert.equal(map.literalLength, 4);
    assert.equal(map.reach, 15);
    assert.deepEqual(
      Array.from({ length: map.count }, (_, index) => map.piece(index)),
      [
        { start: 0, end: 3, isLiteral: true, offset: 0 },
        { start: 3, end: 18, isLiteral: false, offset: 0 },
        { start: 18, end: 22, isLiteral: false, offset: 0 },
        { start: 22, end: 23, isLiteral: true, offset: 3 },
        { start: 23, end: 24, isLiteral: false, offset: 4 },
      ],
    );
  });

  test('of many pieces find each of them', () => {
    const map = new DeltaMap(() => undefined);
    for (let index = 0; index < 140_000; index++) map.copy(index * 10, 3);
    assert.equal(map.count, 140_000);
    for (const index of [0, 1, 15, 16, 17, 65_535, 65_536, 65_537, 131_072, 139_999]) {
      for (const within of [0, 2]) assert.equal(map.find(index * 3 + within), index);
      assert.deepEqual(map.piece(index), {
        start: index * 3,
        end: index * 3 + 3,
        isLiteral: false,
        offset: index * 10,
      });
    }
  });

  test('of a file that got impossibly long fail', () => {
    const map = new DeltaMap(() => undefined);
    map.copy(0, 2 ** 53 - 1);
    assert.throws(() => {
      map.copy(0, 1);
    }, damaged);
  });

  test('of a delta are as long as its file', () => {
    const old = bytesOf(1, 9000);
    const fresh = edited(old, [{ at: 0.5, removed: 10, added: 700 }]);
    const { map, literals } = mapOf(deltaOf(signatureOf(old, { blockLength: 512 }), [fresh]), 11);
    assert.equal(map.length, fresh.length);
    assert.equal(map.literalLength, literals.length);
    assert.equal(map.count, 3);
  });
});
