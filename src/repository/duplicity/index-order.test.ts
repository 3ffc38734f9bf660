import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { utf8 } from '../../base/bytes.ts';
import { compareIndex, cutToDepthOf, isAtOrBelow } from './index-order.ts';

/** Paths as tuples of components, the way the order is defined. */
const tuple = fc.array(
  fc
    .uint8Array({ minLength: 1, maxLength: 3 })
    .map((bytes) => bytes.map((byte) => (byte === 0x2f ? 0x2e : byte % 0x34))),
  { maxLength: 4 },
);

function join(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part, at) => (at === 0 ? [...part] : [0x2f, ...part])));
}

function compareTuples(left: readonly Uint8Array[], right: readonly Uint8Array[]): number {
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    const order = Buffer.compare(left[at] as Uint8Array, right[at] as Uint8Array);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

const noSlash = tuple.map((parts) =>
  parts.map((part) => part.map((byte) => (byte === 0x2f ? 1 : byte))),
);

test('paths are ordered as their components are', () => {
  fc.assert(
    fc.property(noSlash, noSlash, (left, right) => {
      assert.equal(
        Math.sign(compareIndex(join(left), join(right))),
        Math.sign(compareTuples(left, right)),
      );
    }),
    { numRuns: 2000 },
  );
});

test('a directory comes right before what is in it', () => {
  const sorted = ['', 'sort', 'sort/a', 'sort!', 'sort.d', 'sort.d/b', 'sort0'];
  const shuffled = sorted.toReversed().map((text) => utf8(text));
  shuffled.sort(compareIndex);
  assert.deepEqual(
    shuffled.map((path) => Buffer.from(path).toString()),
    sorted,
  );
});

test('below is a matter of whole components', () => {
  const below = (path: string, ancestor: string): boolean =>
    isAtOrBelow(utf8(path), utf8(ancestor));
  assert.deepEqual(
    [below('a/b', 'a'), below('a', 'a'), below('a', ''), below('ab', 'a'), below('a', 'a/b')],
    [true, true, true, false, false],
  );
  fc.assert(
    fc.property(noSlash, noSlash, (path, ancestor) => {
      const isBelow =
        path.length >= ancestor.length &&
        ancestor.every((part, at) => Buffer.compare(part, path[at] as Uint8Array) === 0);
      assert.equal(isAtOrBelow(join(path), join(ancestor)), isBelow);
    }),
  );
});

test('a path is cut to the number of components of another', () => {
  fc.assert(
    fc.property(noSlash, noSlash, (path, other) => {
      assert.deepEqual(cutToDepthOf(join(path), join(other)), join(path.slice(0, other.length)));
    }),
  );
});
