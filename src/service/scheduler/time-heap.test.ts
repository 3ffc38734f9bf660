import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { TimeHeap } from './time-heap.ts';

test('items come in the order of their times, whatever was added before and after', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 50 })),
      fc.array(fc.integer({ min: 0, max: 50 })),
      fc.integer({ min: 0, max: 60 }),
      (before, after, now) => {
        const heap = new TimeHeap(
          String,
          before.map((at) => [at, at] as const),
        );
        for (const at of after) heap.add(at, at);
        const sorted = [...before, ...after].sort((left, right) => left - right);
        assert.deepEqual(
          heap.first(7).map(({ at }) => at),
          sorted.slice(0, 7),
        );
        assert.equal(heap.earliest, sorted[0] ?? Infinity);
        const taken: number[] = [];
        for (let item = heap.take(now); item !== undefined; item = heap.take(now)) taken.push(item);
        assert.deepEqual(
          taken,
          sorted.filter((at) => at <= now),
        );
        assert.equal(heap.size, sorted.length - taken.length);
      },
    ),
  );
});

test('those of the same time come in the order of their names', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.string({ maxLength: 2 }))),
      (items) => {
        const heap = new TimeHeap<string>((name) => name, items.slice(3));
        for (const [at, name] of items.slice(0, 3)) heap.add(at, name);
        const sorted = items.toSorted(
          ([time, name], [otherTime, other]) =>
            time - otherTime || (name === other ? 0 : name < other ? -1 : 1),
        );
        assert.deepEqual(
          heap.first(items.length).map(({ at, item }) => [at, item]),
          sorted,
        );
        for (const [, name] of sorted) assert.equal(heap.take(9), name);
      },
    ),
  );
});
