import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { ByteBoundedCache } from './byte-bounded-cache.ts';

test('keeps what was used last, and never more than it may, save for a single thing that is too large', () => {
  const step = fc.record({
    key: fc.nat(9),
    weight: fc.integer({ min: 1, max: 60 }),
    put: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const cache = new ByteBoundedCache<number, number>(100);
      // Most recently used last.
      let model: { key: number; weight: number }[] = [];
      for (const { key, weight, put } of steps) {
        const known = model.find((entry) => entry.key === key);
        model = model.filter((entry) => entry.key !== key);
        if (put) {
          cache.set(key, weight, weight);
          model.push({ key, weight });
          const total = (): number => model.reduce((sum, entry) => sum + entry.weight, 0);
          while (total() > 100 && model.length > 1) model.shift();
        } else {
          assert.equal(cache.get(key), known?.weight);
          if (known !== undefined) model.push(known);
        }
      }
      for (const { key, weight } of model) assert.equal(cache.get(key), weight);
    }),
  );
  const cache = new ByteBoundedCache<string, string>(10);
  cache.set('huge', 'value', 1000);
  assert.equal(cache.get('huge'), 'value');
  cache.set('small', 'value', 1);
  assert.equal(cache.get('huge'), undefined);
  cache.clear();
  assert.equal(cache.get('small'), undefined);
});
