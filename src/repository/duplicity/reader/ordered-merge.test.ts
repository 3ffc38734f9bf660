import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { utf8 } from '../../../base/bytes.ts';
import { compareIndex } from '../index-order.ts';
import { OrderedMerge, type OrderedStream } from './ordered-merge.ts';

interface Item {
  readonly path: Uint8Array;
}

class Steps implements OrderedStream<Item> {
  readonly firstPath: Uint8Array;
  readonly #items: readonly Item[];
  asked = 0;

  constructor(paths: readonly string[], firstPath = paths[0] ?? '') {
    this.#items = paths.map((path) => ({ path: utf8(path) }));
    this.firstPath = utf8(firstPath);
  }

  next(): Promise<Item | undefined> {
    return Promise.resolve(this.#items[this.asked++]);
  }
}

const paths = fc
  .uniqueArray(fc.stringMatching(/^[a!.]{1,2}(?:\/[a!.]{1,2}){0,2}$/u), { maxLength: 8 })
  .map((all) => all.toSorted((left, right) => compareIndex(utf8(left), utf8(right))));

describe('the merge', () => {
  it('gives every path once, the newest first, in order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(paths, { maxLength: 6 }), fc.boolean(), async (all, knowsFirst) => {
        const merge = new OrderedMerge(
          all.map((own) => (knowsFirst ? new Steps(own) : new Steps(own, ''))),
        );
        const found: (readonly [string, readonly number[]])[] = [];
        for (let group = await merge.next(); group !== undefined; group = await merge.next()) {
          found.push([
            Buffer.from(group[0]!.item.path).toString(),
            group.map(({ stream }) => stream),
          ]);
        }
        const expected = Array.from(new Set(all.flat()))
          .toSorted((left, right) => compareIndex(utf8(left), utf8(right)))
          .map((path) => [
            path,
            Array.from(all.keys())
              .filter((stream) => all[stream]?.includes(path))
              .toReversed(),
          ]);
        assert.deepEqual(found, expected);
      }),
    );
  });

  it('begins a stream when it is its turn', async () => {
    const early = new Steps(['a', 'b', 'c']);
    const late = new Steps(['c', 'd']);
    const merge = new OrderedMerge([early, late]);
    await merge.next();
    await merge.next();
    assert.equal(late.asked, 0);
    assert.equal((await merge.next())?.length, 2);
  });
});
