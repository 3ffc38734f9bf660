import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import { cutRuns } from './incompressible-runs.ts';

const KIB = 1024;
const WINDOW = 32 * KIB;

/** Bytes as if by chance, the same every time. */
function noise(length: number, seed = 'noise'): Uint8Array {
  return createHash('shake256', { outputLength: length }).update(seed).digest();
}

const text = Buffer.alloc(64 * KIB, 'Nothing in this is by chance. ');

function kinds(bytes: Uint8Array): [boolean, number][] {
  return cutRuns(bytes, 0, bytes.length, WINDOW).map((run) => [
    run.isIncompressible,
    run.end - run.start,
  ]);
}

test('noise is found between other bytes', () => {
  assert.deepEqual(kinds(Buffer.concat([text, noise(40 * KIB), text])), [
    [false, 64 * KIB],
    [true, 40 * KIB],
    [false, 64 * KIB],
  ]);
});

test('short noise stays with its neighbours', () => {
  assert.deepEqual(kinds(Buffer.concat([text, noise(12 * KIB), text])), [[false, 140 * KIB]]);
  assert.deepEqual(kinds(noise(12 * KIB)), [[false, 12 * KIB]]);
  assert.deepEqual(kinds(new Uint8Array(0)), []);
});

test('noise that repeats itself within the window is compressible', () => {
  const some = noise(20 * KIB);
  assert.deepEqual(kinds(Buffer.concat([some, some])), [[false, 40 * KIB]]);
  const small = noise(256);
  const many = Buffer.concat(Array.from({ length: 128 }, () => small));
  assert.deepEqual(kinds(many), [[false, 32 * KIB]]);
});

test('what came before the block counts', () => {
  const some = noise(20 * KIB);
  const bytes = Buffer.concat([some, some]);
  assert.deepEqual(cutRuns(bytes, 20 * KIB, 40 * KIB, WINDOW), [
    { isIncompressible: false, start: 20 * KIB, end: 40 * KIB },
  ]);
});

test('numbers of which only some bytes are noise are compressible', () => {
  for (const width of [2, 3, 4, 5, 8]) {
    const bytes = Buffer.from(noise(64 * KIB));
    for (let at = 0; at < bytes.length; at += width) bytes[at] = 0x3f;
    assert.ok(
      kinds(bytes).every(([isIncompressible]) => !isIncompressible),
      `${width}`,
    );
  }
});

test('runs cover the block in order', () => {
  const bytes = Buffer.concat([noise(70 * KIB, 'a'), text.subarray(0, 999), noise(33 * KIB, 'b')]);
  const runs = cutRuns(bytes, 500, bytes.length, 500);
  let at = 500;
  for (const run of runs) {
    assert.equal(run.start, at);
    at = run.end;
  }
  assert.equal(at, bytes.length);
  assert.ok(runs.some(({ isIncompressible }) => isIncompressible));
});
