import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Batches, type Outcome } from './batches.ts';

/** A run that ends when it is told to. */
function held(): { readonly run: Promise<void>; readonly end: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { run: promise, end: resolve };
}

test('calls that come while a run is under way go together into the next one', async () => {
  const runs: (readonly string[])[] = [];
  const first = held();
  const batches = new Batches<string, string>({
    async run(items) {
      runs.push(items);
      if (runs.length === 1) await first.run;
      return items.map((item) => ({ result: item.toUpperCase() }));
    },
    largest: 3,
    atOnce: 1,
    stops: false,
  });
  const one = batches.submit('a');
  await new Promise((resolve) => setImmediate(resolve));
  const others = ['b', 'c', 'd', 'e'].map((item) => batches.submit(item));
  first.end();
  assert.deepEqual(await Promise.all([one, ...others]), ['A', 'B', 'C', 'D', 'E']);
  assert.deepEqual(runs, [['a'], ['b', 'c', 'd'], ['e']]);
});

test('what is doubtful is done again alone, and other keys do not mix', async () => {
  const runs: (readonly string[])[] = [];
  const batches = new Batches<string, string>({
    async run(items, { alone }) {
      runs.push(items);
      return items.map((item): Outcome<string> => {
        if (item === 'bad') return alone ? { error: new Error('It is bad') } : 'alone';
        return { result: item };
      });
    },
    largest: 10,
    atOnce: 1,
    keyOf: (item) => String(item === 'other'),
    stops: false,
  });
  const [good, bad, other] = await Promise.allSettled(
    ['good', 'bad', 'other'].map((item) => batches.submit(item)),
  );
  assert.equal(good?.status, 'fulfilled');
  assert.ok(bad?.status === 'rejected' && String(bad.reason) === 'Error: It is bad');
  assert.equal(other?.status, 'fulfilled');
  assert.deepEqual(runs, [['good', 'bad'], ['other'], ['bad']]);
});

test('an aborted call stops its run, and the others begin again', async () => {
  const runs: (readonly string[])[] = [];
  const batches = new Batches<string, string>({
    async run(items, { signal }) {
      runs.push(items);
      if (items.includes('hangs')) {
        await new Promise<never>((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        });
      }
      return items.map((item) => ({ result: item }));
    },
    largest: 10,
    atOnce: 1,
    stops: true,
  });
  const reason = new Error('Stop');
  const controller = new AbortController();
  const hanging = batches.submit('hangs', { signal: controller.signal });
  const other = batches.submit('other');
  await new Promise((resolve) => setImmediate(resolve));
  controller.abort(reason);
  await assert.rejects(hanging, (error) => error === reason);
  assert.equal(await other, 'other');
  assert.deepEqual(runs, [['hangs', 'other'], ['other']]);
});

test('a call that is aborted before its run is not run', async () => {
  const runs: (readonly string[])[] = [];
  const first = held();
  const batches = new Batches<string, string>({
    async run(items) {
      runs.push(items);
      await first.run;
      return items.map((item) => ({ result: item }));
    },
    largest: 10,
    atOnce: 1,
    stops: true,
  });
  const one = batches.submit('a');
  await new Promise((resolve) => setImmediate(resolve));
  const controller = new AbortController();
  const second = batches.submit('b', { signal: controller.signal });
  controller.abort(new Error('Stop'));
  await assert.rejects(second, /Stop/u);
  first.end();
  await one;
  assert.deepEqual(runs, [['a']]);
});

test('what came of a call that was aborted in its run is discarded', async () => {
  const first = held();
  const discarded: string[] = [];
  const batches = new Batches<string, string>({
    async run(items) {
      await first.run;
      return items.map((item) => ({ result: item }));
    },
    largest: 10,
    atOnce: 1,
    stops: false,
    discard: (result) => discarded.push(result),
  });
  const controller = new AbortController();
  const one = batches.submit('a', { signal: controller.signal });
  const two = batches.submit('b');
  await new Promise((resolve) => setImmediate(resolve));
  controller.abort(new Error('Stop'));
  await assert.rejects(one, /Stop/u);
  first.end();
  assert.equal(await two, 'b');
  assert.deepEqual(discarded, ['a']);
});

test('the failure of a run is that of all its calls', async () => {
  const batches = new Batches<string, string>({
    run: () => Promise.reject(new Error('No connection')),
    largest: 10,
    atOnce: 1,
    stops: false,
  });
  const outcomes = await Promise.allSettled(['a', 'b'].map((item) => batches.submit(item)));
  assert.ok(outcomes.every(({ status }) => status === 'rejected'));
});
