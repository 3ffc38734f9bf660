import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { FakeClock } from '#test/support/fake-clock.ts';
import { rejectsWith, rejectsWithReason } from '#test/support/storage-samples.ts';

import { AppError } from '../../base/errors.ts';
import { AccessTokens, type GrantedToken } from './oauth.ts';

/** A grant that gives `token-1`, `token-2` …, each when it is told to. */
function steeredGrant(clock: FakeClock, life?: number) {
  const waiting: (() => void)[] = [];
  let asked = 0;
  let failure: AppError | undefined;
  return {
    get asked() {
      return asked;
    },
    fail: (error: AppError | undefined) => void (failure = error),
    release: () => {
      for (const go of waiting.splice(0)) go();
    },
    grant: async (): Promise<GrantedToken> => {
      asked++;
      const value = `token-${asked}`;
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
      });
      if (failure !== undefined) throw failure;
      return { value, ...(life !== undefined && { expires: clock.now() + life }) };
    },
  };
}

const settings = { service: 'Somewhere', signInHint: 'Sign in again' };

describe('access tokens', () => {
  test('are asked for once, however many calls wait', async () => {
    const clock = new FakeClock();
    const source = steeredGrant(clock);
    await using tokens = new AccessTokens({ ...settings, clock, grant: source.grant });
    const calls = Array.from({ length: 20 }, () => tokens.get());
    source.release();
    assert.deepEqual(new Set(await Promise.all(calls)), new Set(['token-1']));
    assert.equal(await tokens.get(), 'token-1');
    assert.equal(source.asked, 1);
  });

  test('are replaced a minute before they expire, and short-lived ones after three quarters', async () => {
    for (const [life, stillGood, over] of [
      [3_600_000, 3_539_000, 2000],
      [8000, 5900, 200],
    ] as const) {
      const clock = new FakeClock();
      const source = steeredGrant(clock, life);
      await using tokens = new AccessTokens({ ...settings, clock, grant: source.grant });
      const first = tokens.get();
      source.release();
      assert.equal(await first, 'token-1');
      clock.advance(stillGood);
      assert.equal(await tokens.get(), 'token-1');
      clock.advance(over);
      const second = tokens.get();
      source.release();
      assert.equal(await second, 'token-2');
    }
  });

  test('that the service refuses are replaced, but only once for many calls', async () => {
    const clock = new FakeClock();
    const source = steeredGrant(clock);
    await using tokens = new AccessTokens({ ...settings, clock, first: 'x', grant: source.grant });
    assert.equal(await tokens.get(), 'x');
    tokens.refuse('x');
    const second = tokens.get();
    source.release();
    assert.equal(await second, 'token-1');
    // A slow call comes back with the refusal of the old one.
    tokens.refuse('x');
    assert.equal(await tokens.get(), 'token-1');
  });

  test('an aborted call leaves the request to the others', async () => {
    const clock = new FakeClock();
    const source = steeredGrant(clock);
    await using tokens = new AccessTokens({ ...settings, clock, grant: source.grant });
    const controller = new AbortController();
    const aborted = tokens.get({ signal: controller.signal });
    const other = tokens.get();
    const reason = new Error('Stop');
    controller.abort(reason);
    await rejectsWithReason(aborted, reason);
    await rejectsWithReason(tokens.get({ signal: controller.signal }), reason);
    source.release();
    assert.equal(await other, 'token-1');
  });

  test('a failure is told to all who wait, and the next call asks again', async () => {
    const clock = new FakeClock();
    const source = steeredGrant(clock);
    await using tokens = new AccessTokens({ ...settings, clock, grant: source.grant });
    source.fail(new AppError('storage/unavailable', 'Not now'));
    const calls = [tokens.get(), tokens.get()];
    source.release();
    for (const call of calls) await rejectsWith(call, 'storage/unavailable');
    source.fail(undefined);
    const later = tokens.get();
    source.release();
    assert.equal(await later, 'token-2');
  });

  test('disposing waits for a request that is under way', async () => {
    const clock = new FakeClock();
    const source = steeredGrant(clock);
    const tokens = new AccessTokens({ ...settings, clock, grant: source.grant });
    const call = tokens.get();
    let isOver = false;
    const disposed = tokens[Symbol.asyncDispose]().then(() => (isOver = true));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(isOver, false);
    source.release();
    await disposed;
    assert.equal(await call, 'token-1');
  });

  test('a single one that is refused cannot be replaced', async () => {
    await using tokens = new AccessTokens({ ...settings, clock: new FakeClock(), first: 'x' });
    tokens.refuse('x');
    await rejectsWith(tokens.get(), 'storage/access-denied');
  });
});
