import assert from 'node:assert/strict';
import { test } from 'node:test';

import { systemClock } from '../../../base/clock.ts';
import type { SftpSession } from './session.ts';
import { SessionPool } from './session-pool.ts';

/** A pool of sessions that do nothing. */
function poolOf(most: number): { readonly pool: SessionPool; readonly opened: SftpSession[] } {
  const opened: SftpSession[] = [];
  const connector = {
    async connect() {
      const session = {
        isUsable: true,
        isLost: false,
        roundTrip: 30,
        settled: async () => undefined,
        [Symbol.asyncDispose]: async () => undefined,
      } as unknown as SftpSession;
      opened.push(session);
      return session;
    },
  };
  const warn = (): void => assert.fail('nothing goes wrong');
  return { pool: new SessionPool(connector, { most, clock: systemClock, warn }), opened };
}

test('another connection is opened when something will be stored, and none for questions', async () => {
  const { pool, opened } = poolOf(4);
  await using _pool = pool;
  for (let count = 0; count < 3; count++) (await pool.acquire('question'))[Symbol.dispose]();
  assert.equal(opened.length, 1);
  pool.expectStoring();
  await systemClock.sleep(1);
  assert.equal(opened.length, 2);
});

test('what is stored goes where the fewest bytes are on their way', async () => {
  const { pool } = poolOf(2);
  await using _pool = pool;
  using question = await pool.acquire('question');
  pool.expectStoring();
  await systemClock.sleep(1);
  using large = await pool.acquire('store', { bytes: 16_000_000 });
  using small = await pool.acquire('store', { bytes: 1000 });
  assert.notEqual(large.session, small.session);
  using next = await pool.acquire('store', { bytes: 16_000_000 });
  assert.equal(next.session, small.session);
  next[Symbol.dispose]();
  using again = await pool.acquire('store', { bytes: 10 });
  assert.equal(again.session, small.session);
  assert.ok(question.session);
});
