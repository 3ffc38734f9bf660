import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Turns } from './turns.ts';

describe('turns', () => {
  test('of one name follow one another in the order of asking, also after a failure', async () => {
    const turns = new Turns();
    const seen: string[] = [];
    const work = async (step: string): Promise<void> => {
      using _turn = await turns.take('a');
      seen.push(`${step} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(`${step} ends`);
      if (step === '1') throw new Error('Not this one');
    };
    const outcomes = await Promise.allSettled([work('1'), work('2'), work('3')]);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['rejected', 'fulfilled', 'fulfilled'],
    );
    assert.deepEqual(
      seen,
      ['1', '2', '3'].flatMap((step) => [`${step} begins`, `${step} ends`]),
    );
  });

  test('of other names do not wait', async () => {
    const turns = new Turns();
    using _first = await turns.take('a');
    using _second = await turns.take('b');
  });

  test('are not waited for after an abort, and those behind still wait for those before', async () => {
    const turns = new Turns();
    const controller = new AbortController();
    const reason = new Error('Stop');
    const first = await turns.take('a');
    const second = turns.take('a', { signal: controller.signal });
    let isThird = false;
    const third = turns.take('a').then((turn) => {
      isThird = true;
      return turn;
    });
    controller.abort(reason);
    await assert.rejects(second, reason);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(isThird, false);
    first[Symbol.dispose]();
    using _turn = await third;
  });
});
