import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { padme } from '../../../codec/padme.ts';
import { chooseLast } from './pack-closing.ts';

const MIB = 1024 * 1024;
const target = 16 * MIB;
/** A length that needs no padding, and the distance to the next. */
const full = padme(18 * MIB);
const step = MIB / 2;

function choose(size: number, waiting: readonly number[]): readonly number[] | undefined {
  return chooseLast(waiting, (some) => some.reduce((sum, each) => sum + each, size), target);
}

describe('which segments a pack closes with', () => {
  test('none before it has its target with all of them', () => {
    assert.equal(choose(target - 300_000, [299_000]), undefined);
    assert.equal(choose(padme(12 * MIB), []), undefined);
  });

  test('those with which it is just below a length without padding', () => {
    const size = full - 900_000;
    assert.deepEqual(choose(size, [700_000, 600_000, 299_000]), [600_000, 299_000]);
    assert.deepEqual(choose(full - 100, [700_000]), []);
  });

  test('not with what costs much, unless it is one and a half times its target', () => {
    assert.equal(choose(full + step / 2, []), undefined);
    assert.equal(choose(full + step / 2, [step]), undefined);
    const late = 24 * MIB + step / 2;
    assert.deepEqual(choose(late, []), []);
    assert.deepEqual(choose(late - 100_000, [100_000, 300_000]), [300_000]);
  });

  test('what waits does not leave a pack that is small', () => {
    // Without it the pack would need no padding, but have 11 MiB.
    assert.deepEqual(choose(padme(11 * MIB), [14 * MIB + 100_000]), [14 * MIB + 100_000]);
  });
});
