import assert from 'node:assert/strict';
import { test } from 'node:test';

import { systemClock } from './clock.ts';
import { startTimer } from './long-timer.ts';

const day = 86_400_000;

test('a span of many days is over when it is over, and once', (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  let times = 0;
  using _timer = startTimer(60 * day, () => void times++);
  // A timer that is made within a tick counts from its end.
  const pass = (days: number): void => {
    for (let passed = 0; passed < days; passed++) context.mock.timers.tick(day);
  };
  pass(59);
  assert.equal(times, 0);
  pass(4);
  assert.equal(times, 1);
  pass(100);
  assert.equal(times, 1);
});

test('one that was called off does nothing, also in a later part', (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  let times = 0;
  const timer = startTimer(60 * day, () => void times++);
  context.mock.timers.tick(30 * day);
  timer[Symbol.dispose]();
  context.mock.timers.tick(100 * day);
  assert.equal(times, 0);
});

test('a sleep of a month does not end at once', async () => {
  const end = new AbortController();
  const slept = systemClock.sleep(31 * day, { signal: end.signal }).then(
    () => 'over',
    () => 'ended',
  );
  await systemClock.sleep(30);
  end.abort();
  assert.equal(await slept, 'ended');
});
