import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { type FaultScript, faulty, steered } from '#test/support/faulty-storage.ts';
import { namesIn, pattern, rejectsWith, rejectsWithReason } from '#test/support/storage-samples.ts';

import { AppError } from '../../../base/errors.ts';
import { collectAll, streamOf } from '../../byte-stream.ts';
import { forward } from '../../layers/forward.ts';
import type { ByteSource, Storage } from '../../storage.ts';
import { MemoryStorage } from '../memory/memory.ts';
import { MultiStorage } from './multi-storage.ts';
import { StoreList } from './store-list.ts';
import { mirroring, striping } from './writers.ts';

const down = new AppError('storage/unavailable', 'The server is down');
const full = new AppError('storage/out-of-space', 'The disk is full');

/** Whether an error is another one, with the name of the store that it came from. */
function inAStore(cause: AppError): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof AppError);
    assert.equal(error.code, cause.code);
    assert.match(error.message, /^The store "memory:\/\/[01]" fails: /u);
    assert.ok(error.message.endsWith(cause.message));
    return true;
  };
}

interface Setting {
  readonly mode: 'mirror' | 'stripe';
  readonly onFailure?: 'continue' | 'abort';
  /** What the calls to each store meet. */
  readonly faults?: readonly FaultScript[];
  readonly around?: (inner: MemoryStorage, index: number) => Storage;
}

/** Two stores in memory behind faults. */
function made({ mode, onFailure = 'continue', faults = [], around }: Setting) {
  const inner = [0, 1].map((index) => new MemoryStorage({ location: `memory://${index}` }));
  const warnings: AppError[] = [];
  const warn = (problem: AppError): void => void warnings.push(problem);
  const stores = new StoreList(
    inner.map((storage, index) => ({
      storage: around?.(storage, index) ?? faulty(storage, faults[index] ?? {}),
      prefixes: [],
    })),
  );
  const storage = new MultiStorage({
    location: 'multi:///list.json',
    stores,
    write: (mode === 'mirror' ? mirroring : striping)(stores, { onFailure, warn }),
    mayMiss: mode === 'mirror' && onFailure === 'continue',
    isMirror: mode === 'mirror',
    warn,
  });
  const [first, second] = inner as [MemoryStorage, MemoryStorage];
  return { storage, first, second, warnings };
}

/** A storage whose streams break off after `length` bytes. */
function breaking(inner: Storage, length: number): Storage {
  return {
    ...forward(inner),
    async get(name, options) {
      const bytes = await inner.read(name, options);
      let at = 0;
      return streamOf({
        async next() {
          if (at >= length) throw down;
          at = length;
          return bytes.slice(0, length);
        },
        close: () => undefined,
      });
    },
  };
}

describe('reading', () => {
  for (const mode of ['mirror', 'stripe'] as const) {
    test(`takes the next store of a ${mode} on any error`, async () => {
      const faults = [{ read: [down], get: [down], stat: [down] }];
      const { storage, second, warnings } = made({ mode, faults });
      await second.put('a', pattern(100));
      assert.deepEqual(await storage.read('a'), pattern(100));
      assert.deepEqual(await collectAll(await storage.get('a')), pattern(100));
      assert.equal((await storage.stat('a')).size, 100);
      const range = { offset: 10, length: 20 };
      assert.deepEqual(await storage.read('a', { range }), pattern(100).slice(10, 30));
      assert.equal(warnings.length, 1, 'told once');
      assert.match(warnings[0]?.message ?? '', /memory:\/\/0.*is down/u);
    });

    test(`never takes a store of a ${mode} that is down for one without the object`, async () => {
      for (const index of [0, 1]) {
        const faults = [{}, {}].map((_, each) =>
          each === index ? { read: [down], get: [down], stat: [down] } : {},
        );
        const { storage } = made({ mode, faults });
        await rejectsWith(storage.read('a'), 'storage/unavailable');
        await rejectsWith(storage.get('a'), 'storage/unavailable');
        await rejectsWith(storage.stat('a'), 'storage/unavailable');
      }
    });
  }

  test('goes on in the next store of a mirror where a stream breaks off', async () => {
    const { storage, warnings } = made({
      mode: 'mirror',
      around: (inner, index) => (index === 0 ? breaking(inner, 30) : inner),
    });
    await storage.put('a', pattern(100));
    assert.deepEqual(await collectAll(await storage.get('a')), pattern(100));
    for (const range of [{ offset: 50 }, { offset: -50 }, { offset: 5, length: 60 }]) {
      assert.deepEqual(
        await collectAll(await storage.get('a', { range })),
        await storage.read('a', { range }),
      );
    }
    assert.equal(warnings.length, 1);
  });

  test('fails with what broke the stream when no other store has the rest', async () => {
    const { storage } = made({ mode: 'stripe', around: (inner) => breaking(inner, 30) });
    await storage.put('a', pattern(100));
    await assert.rejects(collectAll(await storage.get('a')), inAStore(down));
  });

  test('tells of an object that a store of a mirror lacks', async () => {
    const { storage, second, warnings } = made({ mode: 'mirror' });
    await second.put('a', pattern(100));
    await storage.read('a');
    assert.match(warnings[0]?.message ?? '', /has no "a"/u);
  });
});

describe('listing', () => {
  for (const [mode, onFailure] of [
    ['stripe', 'continue'],
    ['stripe', 'abort'],
    ['mirror', 'abort'],
  ] as const) {
    for (const step of [down, { after: down }]) {
      test(`of a ${mode} (${onFailure}) fails with one of its stores`, async () => {
        for (const index of [0, 1]) {
          const faults = [{}, {}].map((_, each) => (each === index ? { list: [step] } : {}));
          const { storage, first, second } = made({ mode, onFailure, faults });
          await first.put('a', pattern(1));
          await second.put('b', pattern(1));
          await assert.rejects(namesIn(storage, ''), inAStore(down));
        }
      });
    }
  }

  test('of a mirror that goes on shows what the others have, with a warning', async () => {
    for (const step of [down, { after: down }]) {
      const { storage, first, second, warnings } = made({
        mode: 'mirror',
        faults: [{ list: [step] }],
      });
      await first.put('a', pattern(1));
      await second.put('a', pattern(1));
      await second.put('b', pattern(1));
      assert.deepEqual(await namesIn(storage, ''), ['a', 'b']);
      assert.equal(warnings.length, 1);
    }
  });

  test('of a mirror whose stores are all down fails', async () => {
    const { storage } = made({ mode: 'mirror', faults: [{ list: [down] }, { list: [down] }] });
    await assert.rejects(namesIn(storage, ''), inAStore(down));
  });
});

describe('writing to a mirror', () => {
  test('that goes on passes a failing store over, with a warning for each object', async () => {
    for (const index of [0, 1]) {
      const faults = [{}, {}].map((_, each) => (each === index ? { put: [full] } : {}));
      const { storage, first, second, warnings } = made({ mode: 'mirror', faults });
      await storage.put('a', pattern(1));
      await storage.put('b', pattern(1));
      assert.deepEqual(await namesIn(index === 0 ? second : first, ''), ['a', 'b']);
      assert.deepEqual(await namesIn(index === 0 ? first : second, ''), []);
      assert.equal(warnings.length, 2);
      assert.match(
        warnings[0]?.message ?? '',
        /"a" is stored in "memory.*" all the same: The store "memory.*" fails: The disk is full/u,
      );
    }
  });

  test('that goes on leaves no older object in the store that failed', async () => {
    const { storage, first, second } = made({ mode: 'mirror', faults: [{ put: [full] }] });
    await first.put('a', pattern(10, 1));
    await second.put('a', pattern(10, 1));
    await storage.put('a', pattern(10, 2));
    assert.deepEqual(await namesIn(first, ''), []);
    assert.deepEqual(await storage.read('a'), pattern(10, 2));
  });

  test('fails when all stores do', async () => {
    const { storage } = made({ mode: 'mirror', faults: [{ put: [full] }, { put: [full] }] });
    await assert.rejects(storage.put('a', pattern(1)), inAStore(full));
    await rejectsWith(storage.stat('a'), 'storage/not-found');
  });

  test('that has to be whole leaves nothing of a new object', async () => {
    const { storage, first, second } = made({
      mode: 'mirror',
      onFailure: 'abort',
      // The first call makes the stores ready.
      faults: [{}, { put: [full] }],
    });
    await assert.rejects(storage.put('a', pattern(1)), inAStore(full));
    assert.deepEqual(await namesIn(first, ''), []);
    assert.deepEqual(await namesIn(second, ''), []);
  });

  test('that has to be whole keeps what was there', async () => {
    const { storage, first, second } = made({
      mode: 'mirror',
      onFailure: 'abort',
      faults: [{}, { put: [full] }],
    });
    await first.put('a', pattern(3000, 1));
    await second.put('a', pattern(3000, 1));
    await assert.rejects(storage.put('a', pattern(10, 2)), inAStore(full));
    assert.deepEqual(await first.read('a'), pattern(3000, 1));
    assert.deepEqual(await second.read('a'), pattern(3000, 1));
  });

  test('that is aborted between two stores leaves nothing', async () => {
    const reason = new Error('Stop');
    const controller = new AbortController();
    const { storage, first } = made({
      mode: 'mirror',
      around: (inner, index) =>
        index === 0
          ? inner
          : steered(inner, (method) =>
              method === 'put' ? { before: () => controller.abort(reason) } : undefined,
            ),
    });
    await rejectsWithReason(storage.put('a', pattern(10), { signal: controller.signal }), reason);
    assert.deepEqual(await namesIn(first, ''), []);
  });

  test('does not blame a store for a body that breaks', async () => {
    const broken = new Error('The body broke');
    let streams = 0;
    const body: ByteSource = {
      size: 10,
      stream: () => {
        streams++;
        if (streams > 1) return new ReadableStream({ start: (stream) => stream.error(broken) });
        return ReadableStream.from<Uint8Array>([pattern(10)]);
      },
    };
    const { storage, first, second } = made({ mode: 'mirror' });
    await assert.rejects(storage.put('a', body), broken);
    assert.deepEqual(await namesIn(first, ''), []);
    assert.deepEqual(await namesIn(second, ''), []);
  });

  test('creates only where no store has the name', async () => {
    const { storage, second } = made({ mode: 'mirror' });
    await second.put('a', pattern(10));
    await rejectsWith(storage.put('a', pattern(5), { ifAbsent: true }), 'storage/already-exists');
    assert.deepEqual(await storage.read('a'), pattern(10));
  });
});

describe('writing in stripes', () => {
  test('tries the next store, with a warning', async () => {
    const { storage, first, second, warnings } = made({
      mode: 'stripe',
      faults: [{ put: [full] }],
    });
    for (const name of ['a', 'b', 'c']) await storage.put(name, pattern(1));
    assert.deepEqual(await namesIn(first, ''), []);
    assert.deepEqual(await namesIn(second, ''), ['a', 'b', 'c']);
    assert.equal(warnings.length, 2);
  });

  test('that must work everywhere does not', async () => {
    const { storage } = made({
      mode: 'stripe',
      onFailure: 'abort',
      faults: [{ put: [full] }],
    });
    await assert.rejects(storage.put('a', pattern(1)), inAStore(full));
    await rejectsWith(storage.stat('a'), 'storage/not-found');
  });

  test('replaces an object where it is, or moves it when that store is full', async () => {
    const { storage, first, second } = made({
      mode: 'stripe',
      faults: [{ put: [undefined, undefined, full] }],
    });
    await storage.put('a', pattern(10, 1));
    await storage.put('a', pattern(10, 2));
    assert.deepEqual(await first.read('a'), pattern(10, 2));
    assert.deepEqual(await namesIn(second, ''), []);
    await storage.put('a', pattern(10, 3));
    assert.deepEqual(await namesIn(first, ''), []);
    assert.deepEqual(await storage.read('a'), pattern(10, 3));
  });

  test('keeps the old object when it cannot be removed after a move', async () => {
    const { storage, first, second } = made({
      mode: 'stripe',
      faults: [{ put: [full], delete: [down] }],
    });
    await first.put('a', pattern(10, 1));
    await assert.rejects(storage.put('a', pattern(10, 2)), inAStore(down));
    assert.deepEqual(await storage.read('a'), pattern(10, 1));
    assert.deepEqual(await namesIn(second, ''), []);
  });

  test('fails when a store cannot say whether it has the name', async () => {
    const { storage, second } = made({ mode: 'stripe', faults: [{ stat: [down] }] });
    await assert.rejects(storage.put('a', pattern(1)), inAStore(down));
    assert.deepEqual(await namesIn(second, ''), []);
  });
});

test('a delete that one store refuses is refused, and done in the others', async () => {
  for (const mode of ['mirror', 'stripe'] as const) {
    const { storage, first, second } = made({ mode, faults: [{ delete: [down] }] });
    await first.put('a', pattern(1));
    await second.put('a', pattern(1));
    await assert.rejects(storage.delete('a'), inAStore(down));
    assert.deepEqual(await namesIn(second, ''), []);
    assert.deepEqual(await namesIn(first, ''), ['a']);
  }
});

test('several stores can do what the weakest of them can', () => {
  const capabilities = {
    atomicReplace: true,
    conditionalPut: true,
    listingLag: 3,
    modifiedTimes: true,
    concurrency: 8,
  };
  const storeThat = (can: Partial<Storage['capabilities']>) => ({
    storage: { ...forward(new MemoryStorage()), capabilities: { ...capabilities, ...can } },
    prefixes: [],
  });
  const listOf = (...stores: Parameters<typeof storeThat>[0][]) =>
    new StoreList(stores.map(storeThat)).capabilities();
  assert.deepEqual(listOf({}, {}), { ...capabilities, conditionalPut: false });
  assert.deepEqual(
    listOf(
      { atomicReplace: false, maxObjectSize: 50 },
      { modifiedTimes: false, concurrency: 2, maxObjectSize: 70, listingLag: 60 },
    ),
    {
      atomicReplace: false,
      conditionalPut: false,
      listingLag: 60,
      modifiedTimes: false,
      maxObjectSize: 50,
      concurrency: 2,
    },
  );
  assert.equal(listOf({}, { listingLag: undefined }).listingLag, undefined);
});
