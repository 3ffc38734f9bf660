import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { FakeClock } from '#test/support/fake-clock.ts';
import { FlowWindow } from './flow-window.ts';

const chunk = 256 * 1024;

/** How many chunks fit into the window. */
async function capacity(window: FlowWindow): Promise<number> {
  const held: PromiseWithResolvers<void>[] = [];
  const requests: Promise<void>[] = [];
  while (window.hasRoom) {
    const answer = Promise.withResolvers<void>();
    held.push(answer);
    requests.push(window.count(chunk, () => answer.promise));
  }
  const count = held.length;
  for (const { reject } of held) reject(new Error('measured'));
  await Promise.allSettled(requests);
  return count;
}

describe('the flow window', () => {
  test('grows with quick answers up to a limit, and shrinks with slow ones', async () => {
    const clock = new FakeClock();
    const window = new FlowWindow(clock);
    const transfer = async (milliseconds: number): Promise<void> => {
      await window.count(chunk, async () => clock.advance(milliseconds));
    };
    const before = await capacity(window);
    for (let round = 0; round < 50; round++) await transfer(10);
    const fast = await capacity(window);
    assert.ok(fast > before);
    assert.equal(fast, 16);
    for (let round = 0; round < 50; round++) await transfer(5000);
    // One is always let in.
    assert.equal(await capacity(window), 1);
  });

  test('wakes who waits for room', async () => {
    const window = new FlowWindow(new FakeClock());
    const answer = Promise.withResolvers<void>();
    const request = window.count(8 * 1024 ** 2, () => answer.promise);
    let isAwake = false;
    const waiting = window.room().then(() => void (isAwake = true));
    await Promise.resolve();
    assert.equal(isAwake, false);
    answer.resolve();
    await Promise.all([request, waiting]);
    assert.ok(isAwake);
  });
});
