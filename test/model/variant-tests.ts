import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { search } from './state-search.ts';
import type { Variant } from './variant.ts';

/** A test for each variant: what must hold holds, and what must lose data does, after exactly as many states as before. */
export function variantTests(title: string, variants: readonly Variant[]): void {
  describe(title, () => {
    for (const { name, loses, states, model } of variants) {
      test(`${name}: ${loses ? 'loses data' : 'no violation'}`, () => {
        const outcome = search(model());
        if (loses)
          assert.notEqual(outcome.violation, undefined, 'The search found no counterexample');
        else assert.equal(outcome.violation, undefined);
        assert.equal(outcome.states, states);
      });
    }
  });
}
