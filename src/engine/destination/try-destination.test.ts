import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { namesIn } from '#test/support/storage-samples.ts';

import { systemClock } from '../../base/clock.ts';
import { AppError } from '../../base/errors.ts';
import { systemRandom } from '../../base/random.ts';
import { MemoryStorage } from '../../storage/drivers/memory/memory.ts';
import { forward } from '../../storage/layers/forward.ts';
import type { Storage } from '../../storage/storage.ts';
import type { Trial } from './trial.ts';
import { tryDestination } from './try-destination.ts';

async function trialsOf(
  storage: Storage,
  signal = new AbortController().signal,
): Promise<readonly Trial[]> {
  return tryDestination(
    storage,
    { transferSize: 300_000, random: systemRandom, tell: () => undefined },
    { clock: systemClock, signal, report: () => undefined },
  );
}

function outcomeOf(trials: readonly Trial[], name: string): string | undefined {
  return trials.find((trial) => trial.name === name)?.outcome;
}

describe('tryDestination()', () => {
  test('finds nothing wrong with a good storage, and leaves nothing behind', async () => {
    const storage = new MemoryStorage();
    await storage.put('mine', new Uint8Array(3));
    const trials = await trialsOf(storage);
    assert.deepEqual(new Set(trials.map(({ outcome }) => outcome)), new Set(['good']));
    assert.equal(trials.length, 15);
    assert.deepEqual(await namesIn(storage, ''), ['mine']);
  });

  const faults: Readonly<
    Record<
      string,
      readonly [trial: string, outcome: string, fault: (inner: Storage) => Partial<Storage>]
    >
  > = {
    'ignores ranges': [
      'Read a part',
      'failed',
      (inner) => ({ read: (name, options) => inner.read(name, { signal: options?.signal }) }),
    ],
    'replaces what it should keep': [
      'Refuse to replace',
      'failed',
      (inner) => ({ put: (name, body) => inner.put(name, body) }),
    ],
    'lists other sizes': [
      'Find in the listing',
      'failed',
      (inner) => ({
        async *list(prefix) {
          for await (const object of inner.list(prefix)) yield { ...object, size: 1 };
        },
      }),
    ],
    'keeps what is deleted': ['Delete', 'failed', () => ({ delete: async () => undefined })],
    'has a clock that is behind': [
      'Clock',
      'weak',
      (inner) => ({
        stat: async (name) => ({ ...(await inner.stat(name)), modified: Date.UTC(2020, 0, 1) }),
      }),
    ],
    'promises nothing of its listings': [
      'Find in the listing',
      'weak',
      (inner) => ({ capabilities: { ...inner.capabilities, listingLag: undefined } }),
    ],
  };
  for (const [what, [trial, outcome, fault]] of Object.entries(faults)) {
    test(`notices a storage that ${what}`, async () => {
      const inner = new MemoryStorage();
      const trials = await trialsOf({ ...forward(inner), ...fault(inner) });
      assert.equal(outcomeOf(trials, trial), outcome);
    });
  }

  test('tries nothing more when nothing can be written, and passes the advice on', async () => {
    const refusal = new AppError('storage/access-denied', 'Denied', { hint: 'Ask for more' });
    const trials = await trialsOf({
      ...forward(new MemoryStorage()),
      put: () => Promise.reject(refusal),
      // Nor can what never came to be be deleted.
      delete: () => Promise.reject(refusal),
    });
    assert.deepEqual(
      trials.slice(0, 2).map(({ name, outcome, advice }) => [name, outcome, advice]),
      [
        ['Reach and list', 'good', undefined],
        ['Write', 'failed', 'Ask for more'],
      ],
    );
    assert.equal(trials.length, 2);
  });

  test('cleans up after an abort', async () => {
    const inner = new MemoryStorage();
    const controller = new AbortController();
    const reason = new Error('Stop');
    const storage: Storage = {
      ...forward(inner),
      async stat() {
        controller.abort(reason);
        throw reason;
      },
    };
    await assert.rejects(trialsOf(storage, controller.signal), reason);
    assert.deepEqual(await namesIn(inner, ''), []);
  });
});
