import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { SharedResult } from './shared-result.ts';

describe('a shared result', () => {
  test('is fetched once for all, again after it was forgotten, and again after a failure', async () => {
    const outcomes = [1, 2, undefined, 3];
    const shared = new SharedResult(async () => {
      const outcome = outcomes.shift();
      if (outcome === undefined) throw new Error('Not now');
      return outcome;
    });
    assert.deepEqual(await Promise.all([shared.get(), shared.get()]), [1, 1]);
    await shared.forget(1);
    assert.equal(await shared.get(), 2);
    // Somebody who had the first one has seen it fail late.
    await shared.forget(1);
    assert.equal(await shared.get(), 2);
    await shared.forget(2);
    await assert.rejects(shared.get(), { message: 'Not now' });
    assert.equal(await shared.get(), 3);
  });

  test('comes to those who wait when the first caller is aborted', async () => {
    const fetched = Promise.withResolvers<string>();
    const fetches = [() => fetched.promise, async () => 'another'];
    const shared = new SharedResult(async () => (await fetches.shift()?.()) ?? 'none');
    const controller = new AbortController();
    const reason = new Error('Stop');
    const first = shared.get({ signal: controller.signal });
    const second = shared.get();
    controller.abort(reason);
    await assert.rejects(first, reason);
    assert.equal(await shared.get(), 'another', 'what hangs for one must not hang for all');
    fetched.resolve('token');
    assert.equal(await second, 'token');
  });
});
