import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { gearKernelFile } from '../../../tools/build-gear-kernel.ts';
import {
  chunkerInputs,
  chunkerParameterSets,
  chunkerVectors,
} from '../../../tools/vectors/content-vectors.ts';
import { vectorFile } from '../../../tools/vectors/vector-file.ts';
import { DividedCuts } from './divided-cuts.ts';
import { GearChunker } from './gear-chunker.ts';
import { defaultChunkerParameters, gearTable, type ChunkerParameters } from './parameters.ts';
import { plainCuts } from './plain-cuts.ts';

const key = createHash('sha256').update('chunker test').digest();
const table = gearTable(key);

/** Far below what a repository may have, so that short data has many chunks. */
const tiny: ChunkerParameters = {
  minimum: 64,
  normal: 128,
  maximum: 512,
  strictBits: 8,
  looseBits: 5,
};
const small: ChunkerParameters = {
  minimum: 64 * 1024,
  normal: 128 * 1024,
  maximum: 256 * 1024,
  strictBits: 18,
  looseBits: 14,
};
/** Hardly any position qualifies: everything is cut at the maximum. */
const rare: ChunkerParameters = { ...tiny, strictBits: 32, looseBits: 31 };
/** Every position of the window is loose: the first that may be is taken. */
const dense: ChunkerParameters = { ...tiny, strictBits: 2, looseBits: 1 };

/** Bytes that differ for every seed, the same on every run. */
function bytesOf(seed: number, length: number): Uint8Array {
  const out = new Uint8Array(length);
  let state = seed * 2654435761 + 1;
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    out[index] = state >>> 24;
  }
  return out;
}

/** Cuts through a window that is filled by `takes` bytes at a time, as a reader of files does. */
function serialCuts(
  data: Uint8Array,
  parameters: ChunkerParameters,
  windowSize: number,
  takes: () => number,
  chunkKey: Uint8Array = key,
): number[] {
  const chunker = new GearChunker(parameters, chunkKey, windowSize);
  const { window } = chunker;
  const cuts: number[] = [];
  let base = 0;
  let start = 0;
  let filled = 0;
  let read = 0;
  while (base + start < data.length) {
    const more = Math.min(takes(), window.length - filled, data.length - read);
    window.set(data.subarray(read, read + more), filled);
    read += more;
    filled += more;
    const last = read === data.length;
    for (;;) {
      const end = start === filled ? 0 : chunker.cut(start, filled, last);
      if (end === 0) break;
      cuts.push(base + end);
      start = end;
    }
    if (filled < window.length) continue;
    assert.ok(start > 0 || last, 'a full window has a cut');
    window.copyWithin(0, start, filled);
    filled -= start;
    base += start;
    start = 0;
  }
  return cuts;
}

/** Cuts from regions that are scanned apart, each with the 32 bytes before it. */
function dividedCuts(
  data: Uint8Array,
  parameters: ChunkerParameters,
  regions: readonly number[],
): number[] {
  const chunker = new GearChunker(parameters, key, data.length + 64);
  const divided = new DividedCuts(parameters);
  const ends = [...new Set(regions.map((end) => Math.min(end, data.length))), data.length]
    .filter((end, index, all) => end > 0 && all.indexOf(end) === index)
    .toSorted((left, right) => left - right);
  const cuts: number[] = [];
  let start = 0;
  for (const end of ends) {
    const before = Math.min(32, start);
    chunker.window.set(data.subarray(start - before, end));
    const loose = chunker
      .looseCuts(before, before + end - start)
      .map((position) => position + (start - before) * 2);
    const found = divided.add(loose, end, end === data.length);
    cuts.push(...found);
    assert.equal(divided.start, cuts.at(-1) ?? 0);
    start = end;
  }
  return cuts;
}

const sizes = [0, 1, 31, 32, 33, 63, 64, 65, 127, 128, 129, 511, 512, 513, 575, 576, 577, 4096];

const inputs = fc.oneof(
  fc
    .tuple(fc.integer(), fc.oneof(fc.constantFrom(...sizes), fc.nat(20_000)))
    .map(([seed, length]) => bytesOf(seed, length)),
  fc
    .tuple(fc.nat(255), fc.oneof(fc.constantFrom(...sizes), fc.nat(5000)))
    .map(([byte, length]) => new Uint8Array(length).fill(byte)),
  // Runs of one byte between noise: what looks like a cut in one place looks like it everywhere in a run.
  fc
    .array(fc.tuple(fc.integer(), fc.nat(255), fc.nat(900)), { maxLength: 12 })
    .map((parts) =>
      Buffer.concat(
        parts.flatMap(([seed, byte, length]) => [
          bytesOf(seed, length % 300),
          new Uint8Array(length).fill(byte),
        ]),
      ),
    ),
);
const parameterSets = fc.constantFrom(tiny, rare, dense);

describe('chunker', () => {
  test('the serial kernel cuts as the rules say, however its window is filled', () => {
    fc.assert(
      fc.property(
        inputs,
        parameterSets,
        fc.nat(2000),
        fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 1, maxLength: 20 }),
        (data, parameters, extra, takes) => {
          let turn = 0;
          const cuts = serialCuts(
            data,
            parameters,
            parameters.maximum + 1 + extra,
            () => takes[turn++ % takes.length]!,
          );
          assert.deepEqual(cuts, plainCuts(data, table, parameters));
        },
      ),
      { numRuns: 400 },
    );
  });

  test('every division into regions cuts at the same places', () => {
    fc.assert(
      fc.property(inputs, parameterSets, fc.array(fc.nat(20_000)), (data, parameters, regions) => {
        assert.deepEqual(
          dividedCuts(data, parameters, regions),
          plainCuts(data, table, parameters),
        );
      }),
      { numRuns: 400 },
    );
  });

  test('regions of one byte cut at the same places', () => {
    const data = Buffer.concat([bytesOf(5, 1500), new Uint8Array(700), bytesOf(6, 900)]);
    const regions = Array.from({ length: data.length }, (_, index) => index + 1);
    assert.deepEqual(dividedCuts(data, tiny, regions), plainCuts(data, table, tiny));
  });

  test('every short length is cut alike', () => {
    const data = bytesOf(77, 1200);
    for (let length = 0; length <= data.length; length += 1 + (length >> 9)) {
      const part = data.subarray(0, length);
      const expected = plainCuts(part, table, tiny);
      assert.deepEqual(
        serialCuts(part, tiny, 600, () => 97),
        expected,
        `${length}`,
      );
      assert.deepEqual(dividedCuts(part, tiny, [length >> 1]), expected, `${length}`);
    }
  });

  test('chunks keep their bounds, and the parameters that a repository may have work', () => {
    for (const length of [small.minimum, small.maximum].flatMap((n) => [n - 1, n, n + 1])) {
      for (const data of [bytesOf(3, length), new Uint8Array(length)]) {
        const expected = plainCuts(data, table, small);
        assert.deepEqual(
          serialCuts(data, small, 600_000, () => 100_000),
          expected,
        );
        assert.deepEqual(dividedCuts(data, small, [70_000, 130_000]), expected);
      }
    }
    const data = bytesOf(9, 3_000_000);
    const cuts = serialCuts(data, small, 600_000, () => 300_000);
    let start = 0;
    const lengths = cuts.map((cut) => {
      const length = cut - start;
      start = cut;
      return length;
    });
    assert.ok(lengths.slice(0, -1).every((length) => length >= small.minimum));
    assert.ok(lengths.every((length) => length > 0 && length <= small.maximum));
    assert.ok(new Set(lengths).size > lengths.length / 2, 'cuts depend on the content');
    assert.deepEqual(dividedCuts(data, small, [1_000_000, 2_000_000]), cuts);
    assert.deepEqual(cuts, plainCuts(data, table, small));
  });

  test('the default parameters cut by content', () => {
    const data = bytesOf(11, 12 * 1024 * 1024);
    const windowSize = 8 * 1024 * 1024 + 64;
    const cuts = serialCuts(data, defaultChunkerParameters, windowSize, () => 1_000_000);
    assert.deepEqual(dividedCuts(data, defaultChunkerParameters, [5_000_000]), cuts);
    assert.ok(cuts.length >= 4 && cuts.length <= 24, `${cuts.length} chunks`);
  });

  test('an insertion moves only the cuts near it', () => {
    const data = bytesOf(21, 50_000);
    const moved = Buffer.concat([data.subarray(0, 20_000), bytesOf(1, 7), data.subarray(20_000)]);
    const before = new Set(plainCuts(data, table, tiny).map((cut) => data.length - cut));
    const after = plainCuts(moved, table, tiny).map((cut) => moved.length - cut);
    const kept = after.filter((fromEnd) => before.has(fromEnd)).length;
    assert.ok(kept > before.size / 2, `${kept} of ${before.size}`);
  });

  test('another key cuts elsewhere', () => {
    const data = bytesOf(4, 20_000);
    const other = gearTable(createHash('sha256').update('other').digest());
    assert.notDeepEqual(plainCuts(data, other, tiny), plainCuts(data, table, tiny));
  });

  test('the test vectors of the format', async () => {
    const { keys, chunker } = JSON.parse(await readFile(vectorFile, 'utf8')) as {
      readonly keys: { readonly chunk: string };
      readonly chunker: ReturnType<typeof chunkerVectors>;
    };
    assert.deepEqual(JSON.parse(JSON.stringify(chunkerVectors())), chunker);
    const chunkKey = Buffer.from(keys.chunk, 'hex');
    const vectors = chunker['cuts'] as readonly { input: string; cuts: readonly number[] }[];
    for (const { input, parameters, make } of chunkerInputs) {
      const data = make();
      const set = chunkerParameterSets[parameters];
      const cuts = serialCuts(data, set, 8 * 1024 * 1024 + 64, () => 1_000_000, chunkKey);
      assert.deepEqual(cuts, vectors.find((vector) => vector.input === input)?.cuts, input);
    }
  });

  test('the kernel is what its source makes', async () => {
    const file = await readFile(new URL('./gear-kernel.ts', import.meta.url), 'utf8');
    assert.equal(await gearKernelFile(), file);
  });
});
