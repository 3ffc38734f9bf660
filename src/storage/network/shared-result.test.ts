import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { SharedResult, SharedWork } from './shared-result.ts';

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

describe('shared work', () => {
  test('work is done once for all who come while it runs and afterwards', async () => {
    const shared = new SharedWork();
    let runs = 0;
    const work = async (): Promise<void> => {
      await new Promise((resolve) => setImmediate(resolve));
      runs++;
    };
    await Promise.all([shared.do('a', work), shared.do('a', work), shared.do('b', work)]);
    await shared.do('a', work);
    assert.equal(runs, 2);
    shared.forget((key) => key === 'a');
    await shared.do('a', work);
    await shared.do('b', work);
    assert.equal(runs, 3);
  });

  test('a failure is for those who wait, and is not remembered', async () => {
    const shared = new SharedWork();
    const failing = (): Promise<void> => Promise.reject(new Error('no'));
    const both = await Promise.allSettled([shared.do('a', failing), shared.do('a', failing)]);
    assert.deepEqual(
      both.map(({ status }) => status),
      ['rejected', 'rejected'],
    );
    await shared.do('a', async () => undefined);
  });

  test('an aborted call leaves alone, and nobody waits again for what hangs', async () => {
    const shared = new SharedWork();
    const controller = new AbortController();
    const reason = new Error('stop');
    const hanging = shared.do('a', () => new Promise(() => undefined), {
      signal: controller.signal,
    });
    controller.abort(reason);
    await assert.rejects(hanging, reason);
    await shared.do('a', async () => undefined);
    await assert.rejects(
      shared.do('b', async () => undefined, { signal: controller.signal }),
      reason,
    );
  });
});
