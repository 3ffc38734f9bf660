import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import {
  bytesOf,
  deltaOf,
  edited,
  mapOf,
  patchedWhole,
  signatureOf,
} from '#test/support/rsync-samples.ts';
import fc from 'fast-check';

import { concatBytes, utf8 } from '../../base/bytes.ts';
import { hasCode } from '../../base/errors.ts';
import { DeltaChain, patched } from './delta-chain.ts';
import { DeltaMap } from './delta-map.ts';

function damaged(error: unknown): boolean {
  return hasCode(error, 'repository/damaged');
}

async function written(
  chain: DeltaChain,
  sources: readonly Uint8Array[],
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const read = (source: number, offset: number, length: number): Uint8Array => {
    assert.ok(length > 0 && length <= 256 * 1024);
    return sources[source]!.subarray(offset, offset + length);
  };
  const options = signal === undefined ? {} : { signal };
  for await (const part of patched(chain, read, options)) parts.push(part);
  return concatBytes(...parts);
}

/** A map from pairs: [offset, length] of a copy, or a text. */
function mapFrom(...parts: readonly (readonly [number, number] | string)[]): DeltaMap {
  const map = new DeltaMap(() => undefined);
  for (const part of parts) {
    if (typeof part === 'string') map.literal(utf8(part));
    else map.copy(...part);
  }
  return map;
}

describe('chains of deltas', () => {
  test('give what the deltas give one after the other', async () => {
    const edit = fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      removed: fc.nat(2000),
      added: fc.nat(2000),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.nat(20_000),
        fc.integer({ min: 1, max: 700 }),
        fc.array(fc.array(edit, { maxLength: 4 }), { maxLength: 6 }),
        async (length, blockLength, versions) => {
          const base = bytesOf(length, length);
          const sources = [base];
          const maps: DeltaMap[] = [];
          let current = base;
          for (const edits of versions) {
            const fresh = edited(current, edits);
            const delta = deltaOf(signatureOf(current, { blockLength }), [fresh]);
            assert.deepEqual(patchedWhole(current, delta), fresh);
            const { map, literals } = mapOf(delta);
            maps.push(map);
            sources.push(literals);
            current = fresh;
          }
          const chain = new DeltaChain(base.length, maps);
          assert.equal(chain.length, current.length);
          assert.deepEqual(await written(chain, sources), current);
          for (const piece of chain.pieces()) assert.ok(piece.length > 0);
        },
      ),
      { numRuns: 100 },
    );
  });

  test('say where each part comes from', () => {
    const older = mapFrom([0, 10], 'abcdef', [10, 10]);
    const newer = mapFrom([20, 6], 'X', [5, 15], [8, 4]);
    assert.deepEqual(
      [...new DeltaChain(20, [older, newer]).pieces()],
      [
        { source: 0, offset: 14, length: 6 },
        { source: 2, offset: 0, length: 1 },
        { source: 0, offset: 5, length: 5 },
        { source: 1, offset: 0, length: 6 },
        { source: 0, offset: 10, length: 4 },
        { source: 0, offset: 8, length: 2 },
        { source: 1, offset: 0, length: 2 },
      ],
    );
  });

  test('join what follows each other after several deltas', () => {
    const older = mapFrom('abc', [0, 50], [100, 50]);
    const newer = mapFrom([3, 50]);
    const newest = mapFrom([0, 20], [20, 30]);
    const apart = mapFrom([0, 25], 'x', [25, 25]);
    const together = mapFrom([0, 25], [26, 25]);
    assert.deepEqual(
      [...new DeltaChain(150, [older, newer, newest, apart, together]).pieces()],
      [{ source: 0, offset: 0, length: 50 }],
    );
  });

  test('without deltas are the base', async () => {
    const base = bytesOf(1, 700_000);
    assert.deepEqual(await written(new DeltaChain(base.length, []), [base]), base);
    assert.deepEqual([...new DeltaChain(0, []).pieces()], []);
    assert.deepEqual([...new DeltaChain(700, [mapFrom()]).pieces()], []);
  });

  test('that copy from outside of the older file fail before anything is written', () => {
    assert.throws(() => new DeltaChain(9, [mapFrom([0, 10])]), damaged);
    assert.throws(() => new DeltaChain(10, [mapFrom([0, 10]), mapFrom([5, 6])]), damaged);
    assert.ok(new DeltaChain(10, [mapFrom([0, 10]), mapFrom([5, 5])]));
  });

  test('that double a file again and again take no memory for it', () => {
    const maps: DeltaMap[] = [];
    for (let length = 2; length < 2 ** 45; length *= 2)
      maps.push(mapFrom([0, length], [0, length]));
    const chain = new DeltaChain(2, maps);
    assert.equal(chain.length, 2 ** 45);
    let seen = 0;
    for (const piece of chain.pieces()) {
      assert.deepEqual(piece, { source: 0, offset: 0, length: 2 });
      if (++seen === 100_000) break;
    }
  });

  test('whose base has got shorter fail', async () => {
    const chain = new DeltaChain(100, [mapFrom([50, 50])]);
    await assert.rejects(written(chain, [bytesOf(1, 99)]), damaged);
    const literal = new DeltaChain(0, [mapFrom('abc')]);
    await assert.rejects(written(literal, [bytesOf(1, 0), utf8('ab')]), damaged);
  });

  test('stop when they are told to', async () => {
    const chain = new DeltaChain(100, []);
    await assert.rejects(written(chain, [bytesOf(1, 100)], AbortSignal.abort()), {
      name: 'AbortError',
    });
  });
});
