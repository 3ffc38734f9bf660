import assert from 'node:assert/strict';
import { test } from 'node:test';

import { systemClock } from '../../../base/clock.ts';
import { AppError } from '../../../base/errors.ts';
import type { SftpSession } from './session.ts';
import { SessionPool } from './session-pool.ts';

/** A pool of sessions that do nothing. */
function poolOf(
  most: number,
  roundTrip = 30,
): { readonly pool: SessionPool; readonly opened: SftpSession[] } {
  const opened: SftpSession[] = [];
  const connector = {
    async connect() {
      const session = {
        isUsable: true,
        isLost: false,
        roundTrip,
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

test('as many connections as are worth it are opened when much will be fetched', async () => {
  for (const [most, roundTrip, expected] of [
    [4, 30, 4],
    [4, 10, 3],
    [4, 0, 2],
    [1, 30, 1],
  ] as const) {
    const { pool, opened } = poolOf(most, roundTrip);
    await using _pool = pool;
    (await pool.acquire('question'))[Symbol.dispose]();
    pool.expectFetching();
    pool.expectFetching();
    await systemClock.sleep(1);
    assert.equal(opened.length, expected, `${most} at most, ${roundTrip} ms`);
  }
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

/** A pool whose first connection is good, and the others as `next` has it. */
function poolWith(
  next: (signal: AbortSignal) => Promise<SftpSession>,
  isLost = (): boolean => false,
): { readonly pool: SessionPool; readonly warned: AppError[]; readonly closed: SftpSession[] } {
  const warned: AppError[] = [];
  const closed: SftpSession[] = [];
  let count = 0;
  const connector = {
    connect: ({ signal }: { readonly signal?: AbortSignal | undefined }) =>
      count++ === 0
        ? Promise.resolve(sessionOf(closed, isLost))
        : next(signal ?? new AbortController().signal),
  };
  const settings = {
    most: 4,
    clock: systemClock,
    warn: (problem: AppError) => warned.push(problem),
  };
  return { pool: new SessionPool(connector, settings), warned, closed };
}

function sessionOf(closed: SftpSession[], isLost = (): boolean => false): SftpSession {
  const session = {
    get isUsable() {
      return !isLost();
    },
    get isLost() {
      return isLost();
    },
    roundTrip: 30,
    settled: async () => undefined,
    [Symbol.asyncDispose]: async () => void closed.push(session),
  } as unknown as SftpSession;
  return session;
}

test('a second connection that is refused is told of as what it is, and the first one does', async () => {
  for (const [failure, code, message] of [
    [
      new AppError('storage/unavailable', 'It closes the connection'),
      'storage/unavailable',
      /takes no more than one connection/u,
    ],
    [
      new AppError('storage/untrusted', '"nas" shows another host key', { hint: 'Beware.' }),
      'storage/untrusted',
      /^Cannot open another connection: "nas" shows another host key$/u,
    ],
  ] as const) {
    const { pool, warned } = poolWith(() => Promise.reject(failure));
    await using _pool = pool;
    const lease = await pool.acquire('question');
    pool.expectStoring();
    await systemClock.sleep(1);
    pool.expectStoring();
    using again = await pool.acquire('store', { bytes: 1 });
    await systemClock.sleep(1);
    assert.equal(again.session, lease.session);
    assert.deepEqual(
      warned.map((problem) => problem.code),
      [code],
    );
    assert.match(warned[0]?.message ?? '', message);
    assert.match(warned[0]?.hint ?? '', /^The work goes on with/u);
    assert.equal(warned[0]?.cause, failure);
  }
});

test('nothing is told of a second connection that fails with the first, and none stays open after the end', async () => {
  let isLost = false;
  const lost = poolWith(
    () => Promise.reject(new AppError('storage/unavailable', 'Gone')),
    () => isLost,
  );
  (await lost.pool.acquire('question'))[Symbol.dispose]();
  isLost = true;
  lost.pool.expectStoring();
  await systemClock.sleep(1);
  assert.deepEqual(lost.warned, []);
  await assert.rejects(lost.pool.acquire('question'), { code: 'storage/unavailable' });
  await lost.pool[Symbol.asyncDispose]();

  const late = Promise.withResolvers<SftpSession>();
  const { pool, warned, closed } = poolWith(() => late.promise);
  (await pool.acquire('question'))[Symbol.dispose]();
  pool.expectStoring();
  const ending = pool[Symbol.asyncDispose]();
  // The connector did not notice that it should stop.
  late.resolve(sessionOf(closed));
  await ending;
  assert.equal(closed.length, 2);
  assert.deepEqual(warned, []);
});
