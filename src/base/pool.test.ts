import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import { eachPool, mapPool } from './pool.ts';

const reason = new Error('Stop');

/** Work that counts how many run at once. */
function counted(): {
  readonly peak: () => number;
  readonly running: () => number;
  work(item: number): Promise<number>;
} {
  let running = 0;
  let peak = 0;
  return {
    peak: () => peak,
    running: () => running,
    async work(item) {
      running++;
      peak = Math.max(peak, running);
      for (let rest = (item * 7) % 5; rest >= 0; rest--) await turn();
      running--;
      return item * 2;
    },
  };
}

describe('mapPool()', () => {
  test('gives results in order and keeps the limit', async () => {
    const { work, peak } = counted();
    const items = Array.from({ length: 50 }, (_, index) => index);
    assert.deepEqual(
      await Array.fromAsync(mapPool(items, 4, work)),
      items.map((item) => item * 2),
    );
    assert.equal(peak(), 4);
  });

  test('throws the first failure after what runs has ended, and begins nothing more', async () => {
    const begun: number[] = [];
    const aborted: number[] = [];
    const results = mapPool([0, 1, 2, 3, 4, 5], 3, async (item, { signal }) => {
      begun.push(item);
      if (item === 1) throw reason;
      while (!signal.aborted) await turn();
      aborted.push(item);
      signal.throwIfAborted();
      return item;
    });
    await assert.rejects(Array.fromAsync(results), reason);
    assert.deepEqual(
      begun,
      aborted.concat(1).toSorted((left, right) => left - right),
    );
    assert.ok(begun.length <= 3);
  });

  test('stops what runs when the loop is left', async () => {
    const { work, running } = counted();
    for await (const result of mapPool([1, 2, 3, 4], 2, work)) {
      assert.equal(result, 2);
      break;
    }
    assert.equal(running(), 0);
  });

  test('rejects with the reason of an abort', async () => {
    const controller = new AbortController();
    const results = mapPool(
      [1, 2, 3],
      2,
      async (_item, { signal }) => {
        controller.abort(reason);
        await turn();
        signal.throwIfAborted();
      },
      { signal: controller.signal },
    );
    await assert.rejects(Array.fromAsync(results), reason);
  });
});

describe('eachPool()', () => {
  test('does everything and keeps the limit', async () => {
    const { work, peak } = counted();
    let sum = 0;
    await eachPool(
      Array.from({ length: 50 }, (_, index) => index),
      4,
      async (item) => {
        const result = await work(item);
        sum += result;
      },
    );
    assert.equal(sum, 2450);
    assert.equal(peak(), 4);
  });

  test('rejects with the first failure after what runs has ended', async () => {
    let running = 0;
    const done = eachPool([0, 1, 2, 3, 4, 5], 3, async (item, { signal }) => {
      if (item === 1) throw reason;
      running++;
      while (!signal.aborted) await turn();
      running--;
    });
    await assert.rejects(done, reason);
    assert.equal(running, 0);
  });

  test('rejects with a failure of the items', async () => {
    async function* items(): AsyncGenerator<number> {
      yield 1;
      throw reason;
    }
    await assert.rejects(
      eachPool(items(), 2, async () => {}),
      reason,
    );
  });
});
