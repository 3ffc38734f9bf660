import assert from 'node:assert/strict';
import { test } from 'node:test';

import { leftoverAge } from '../temporary-name.ts';
import { LeftoverTimes } from './leftover-times.ts';

const now = 1_800_000_000_000;
const day = 24 * 60 * 60 * 1000;

test('a temporary is old when something was written a day later', () => {
  const times = new LeftoverTimes();
  times.note('old', now - leftoverAge - 1);
  times.note('young', now - leftoverAge + 1);
  assert.deepEqual(times.takeOld(now), [], 'nothing newer was seen');
  times.see(now);
  times.see(undefined);
  assert.deepEqual(times.takeOld(now), ['old']);
  assert.deepEqual(times.takeOld(now), [], 'each once');
});

test('what is being written now is not old, however wrong our clock is', () => {
  const times = new LeftoverTimes();
  times.see(now - 30 * day);
  times.see(now);
  times.note('written now', now);
  assert.deepEqual(times.takeOld(now + 365 * day), []);
  assert.deepEqual(times.takeOld(0), []);
});

test('one file with a time in the future does not make everything old', () => {
  const times = new LeftoverTimes();
  times.note('written now', now);
  times.see(now + 365 * day);
  assert.deepEqual(times.takeOld(now), []);
});

test('no more than asked for are taken at once, and one without a time never', () => {
  const times = new LeftoverTimes();
  times.see(now);
  for (const name of ['a', 'b', 'c']) times.note(name, 1);
  times.note('timeless', undefined);
  assert.deepEqual(times.takeOld(now, 2), ['a', 'b']);
  assert.deepEqual(times.takeOld(now, 2), ['c']);
});
