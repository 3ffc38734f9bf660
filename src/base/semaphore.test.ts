import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Semaphore } from './semaphore.ts';

describe('Semaphore', () => {
  test('lets the limit in, and the others in order as places become free', async () => {
    const semaphore = new Semaphore(2);
    const order: number[] = [];
    const [first, second] = [await semaphore.acquire(), await semaphore.acquire()];
    const third = semaphore.acquire().then((held) => (order.push(3), held));
    const fourth = semaphore.acquire().then((held) => (order.push(4), held));
    await Promise.resolve();
    assert.deepEqual(order, []);
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    (await third)[Symbol.dispose]();
    await fourth;
    assert.deepEqual(order, [3, 4]);
    second[Symbol.dispose]();
  });

  test('forgets those who stop waiting', async () => {
    const semaphore = new Semaphore(1);
    const reason = new Error('Stop');
    const held = await semaphore.acquire();
    const controller = new AbortController();
    const waiting = semaphore.acquire({ signal: controller.signal });
    const next = semaphore.acquire();
    controller.abort(reason);
    await assert.rejects(waiting, reason);
    held[Symbol.dispose]();
    (await next)[Symbol.dispose]();
    await assert.rejects(semaphore.acquire({ signal: controller.signal }), reason);
  });
});
