import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { type Model, search, wordAt } from './state-search.ts';

/** A counter in each word, each of which any step raises by one up to a limit. */
function counters(limits: readonly number[], isBad: (state: Int32Array) => boolean): Model {
  return {
    words: limits.length,
    start: () => undefined,
    violation: (state) => (isBad(state) ? 'bad' : undefined),
    successors(state, next, found) {
      limits.forEach((limit, index) => {
        if (wordAt(state, index) === limit) return;
        next[index] = wordAt(state, index) + 1;
        found(`counter ${index}`, 'steps');
      });
    },
  };
}

describe('search()', () => {
  test('sees every state once, as many as there are', () => {
    const limits = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(limits, (chosen) => {
        const expected = chosen.reduce((product, limit) => product * (limit + 1), 1);
        assert.deepEqual(search(counters(chosen, () => false)), {
          states: expected,
          violation: undefined,
          trace: [],
        });
      }),
      { numRuns: 50 },
    );
  });

  test('finds a state that breaks the promise, by a shortest way', () => {
    const model = counters([5, 5], (state) => wordAt(state, 0) === 2 && wordAt(state, 1) === 1);
    const { violation, trace } = search(model, { trace: true });
    assert.equal(violation, 'bad');
    assert.deepEqual(trace.toSorted(), ['counter 0 steps', 'counter 0 steps', 'counter 1 steps']);
  });
});
