import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SharedWork } from './shared-work.ts';

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
  const hanging = shared.do('a', () => new Promise(() => undefined), { signal: controller.signal });
  controller.abort(reason);
  await assert.rejects(hanging, reason);
  await shared.do('a', async () => undefined);
  await assert.rejects(
    shared.do('b', async () => undefined, { signal: controller.signal }),
    reason,
  );
});
