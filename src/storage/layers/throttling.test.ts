import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { storageContract } from '#test/contract/storage-contract.ts';
import { pattern, sourceOf } from '#test/support/storage-samples.ts';
import { FakeClock } from '#test/support/fake-clock.ts';

import { systemClock } from '../../base/clock.ts';
import { hasCode } from '../../base/errors.ts';
import { collectAll } from '../byte-stream.ts';
import { MemoryStorage } from '../drivers/memory/memory.ts';
import { throttling, TransferRates } from './throttling.ts';
import { timeLimiting } from './time-limiting.ts';

const rate = 100_000;

storageContract('throttling() without limits', async () =>
  throttling(new MemoryStorage(), new TransferRates(), { clock: new FakeClock() }),
);
storageContract('throttling() both ways', async () =>
  throttling(new MemoryStorage(), new TransferRates({ upload: rate, download: rate }), {
    clock: new FakeClock(),
  }),
);

describe('throttling()', () => {
  async function seconds(clock: FakeClock, work: () => Promise<unknown>): Promise<number> {
    const start = clock.monotonic();
    await work();
    return (clock.monotonic() - start) / 1000;
  }

  test('sends and fetches at the rate', async () => {
    const clock = new FakeClock();
    const storage = throttling(
      new MemoryStorage(),
      new TransferRates({ upload: rate, download: 2 * rate }),
      { clock },
    );
    const body = pattern(10 * rate);
    const near = (actual: number, wanted: number): void =>
      assert.ok(Math.abs(actual - wanted) <= 2.5, `${actual} s, not ${wanted} s`);
    near(await seconds(clock, () => storage.put('a', body)), 10);
    near(await seconds(clock, () => storage.put('b', sourceOf([body, body]))), 20);
    near(
      await seconds(clock, () => Promise.all([storage.put('c', body), storage.put('d', body)])),
      20,
    );
    near(await seconds(clock, () => storage.read('a')), 5);
    near(await seconds(clock, async () => collectAll(await storage.get('b'))), 10);
    assert.deepEqual(await storage.read('a'), body);
  });

  test('follows a changed rate within a second, also in the middle of a body', async () => {
    const clock = new FakeClock();
    const rates = new TransferRates({ upload: 1 });
    const inner = new MemoryStorage();
    const storage = throttling(inner, rates, { clock });
    const took = seconds(clock, () => storage.put('a', pattern(10 * rate)));
    while (clock.sleeps.length < 20) await Promise.resolve();
    rates.upload = undefined;
    assert.ok((await took) < 20);
    assert.equal((await inner.stat('a')).size, 10 * rate);
  });

  test('bytes that wait for their turn do not make a call late', async () => {
    const rates = new TransferRates({ upload: 48 * 1024 });
    const limited = timeLimiting(new MemoryStorage(), 100, systemClock);
    const storage = throttling(limited, rates, { clock: systemClock });
    // By its size alone, each of them may take 1.1 s.
    const bodies = Array.from({ length: 8 }, (_, index) =>
      storage.put(`${index}`, pattern(16_384)),
    );
    await Promise.all(bodies);
  });

  test('an aborted wait rejects with the reason', async () => {
    const clock = new FakeClock();
    const controller = new AbortController();
    const reason = new Error('Stop');
    const inner = new MemoryStorage();
    const storage = throttling(inner, new TransferRates({ upload: 1 }), { clock });
    const put = storage.put('a', pattern(10 * rate), { signal: controller.signal });
    while (clock.sleeps.length < 5) await Promise.resolve();
    controller.abort(reason);
    await assert.rejects(put, reason);
    assert.deepEqual(await Array.fromAsync(inner.list('')), []);
  });

  test('refuses a rate at which nothing would move', () => {
    assert.throws(
      () => new TransferRates({ upload: 0 }),
      (error) => hasCode(error, 'input/usage'),
    );
    const rates = new TransferRates();
    assert.throws(
      () => (rates.download = Number.NaN),
      (error) => hasCode(error, 'input/usage'),
    );
  });
});
