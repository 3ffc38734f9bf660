import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { suite, test } from 'node:test';

import { systemClock } from './clock.ts';

void suite('the clock of the system', { timeout: 60_000 }, () => {
  void test('sleeps, and leaves nothing behind at the signal', async () => {
    const { signal } = new AbortController();
    const before = systemClock.monotonic();
    await systemClock.sleep(5, { signal });
    assert.ok(systemClock.monotonic() - before >= 4);
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  void test('rejects with the reason of a signal, at once', async () => {
    const reason = new Error('enough');
    await assert.rejects(systemClock.sleep(1e8, { signal: AbortSignal.abort(reason) }), reason);
    const stop = new AbortController();
    const sleeping = systemClock.sleep(1e8, { signal: stop.signal });
    // A timer that were left would keep the program alive for a day.
    stop.abort(reason);
    await assert.rejects(sleeping, reason);
  });
});
