import assert from 'node:assert/strict';
import { test } from 'node:test';

import { hasCode } from '../../src/base/errors.ts';
import type { ByteSource, Storage } from '../../src/storage/storage.ts';
import {
  byName,
  namesIn,
  pattern,
  rejectsWith,
  rejectsWithReason,
  sourceOf,
} from '../support/storage-samples.ts';

// The second half of the storage contract: how calls end when they are aborted, fail, or meet others.

type OpenStorage = () => Promise<Storage>;

const mebibyte = 1024 * 1024;

export function aborting(open: OpenStorage, sizes: { readonly short: number }): void {
  const reason = new Error('Stop');

  test('a call with an aborted signal rejects with the reason and does nothing', async () => {
    await using storage = await open();
    await storage.put('there', pattern(10));
    const options = { signal: AbortSignal.abort(reason) };
    await rejectsWithReason(storage.put('new', pattern(10), options), reason);
    await rejectsWithReason(storage.put('there', pattern(20), options), reason);
    await rejectsWithReason(storage.get('there', options), reason);
    await rejectsWithReason(storage.read('there', options), reason);
    await rejectsWithReason(storage.stat('there', options), reason);
    await rejectsWithReason(storage.delete('there', options), reason);
    await rejectsWithReason(Array.fromAsync(storage.list('', options)), reason);
    assert.deepEqual(await storage.read('there'), pattern(10));
    assert.deepEqual(await namesIn(storage, ''), ['there']);
  });

  test('a put aborted on the way rejects with the reason and stores nothing', async () => {
    await using storage = await open();
    await storage.put('old', pattern(10));
    for (const name of ['new', 'old']) {
      const controller = new AbortController();
      const body: ByteSource = {
        size: 3 * mebibyte,
        stream: () => {
          let pulls = 0;
          return new ReadableStream<Uint8Array>({
            pull(stream) {
              pulls += 1;
              if (pulls === 2) controller.abort(reason);
              if (pulls > 3) stream.close();
              else stream.enqueue(pattern(mebibyte));
            },
          });
        },
      };
      await rejectsWithReason(storage.put(name, body, { signal: controller.signal }), reason);
    }
    assert.deepEqual(await namesIn(storage, ''), ['old']);
    assert.deepEqual(await storage.read('old'), pattern(10));
  });

  test('a put whose body hangs can be aborted', async () => {
    await using storage = await open();
    const controller = new AbortController();
    let cancelled = false;
    const body: ByteSource = {
      size: 10,
      stream: () =>
        new ReadableStream<Uint8Array>(
          {
            pull() {
              setImmediate(() => controller.abort(reason));
              return new Promise(() => undefined);
            },
            cancel() {
              cancelled = true;
            },
          },
          { highWaterMark: 0 },
        ),
    };
    await rejectsWithReason(storage.put('a', body, { signal: controller.signal }), reason);
    assert.ok(cancelled);
    assert.deepEqual(await namesIn(storage, ''), []);
  });

  test('a get aborted on the way fails its stream with the reason', async () => {
    await using storage = await open();
    await storage.put('large', pattern(8 * mebibyte));
    const controller = new AbortController();
    const reader = (await storage.get('large', { signal: controller.signal })).getReader();
    const { value } = await reader.read();
    assert.ok(value !== undefined && value.byteLength > 0);
    controller.abort(reason);
    await rejectsWithReason(drain(reader), reason);
  });

  test('a list aborted on the way rejects with the reason', async () => {
    await using storage = await open();
    await Promise.all(
      Array.from({ length: sizes.short }, (_, index) => storage.put(`d/${index}`, pattern(1))),
    );
    const controller = new AbortController();
    const seen: string[] = [];
    await rejectsWithReason(
      (async () => {
        for await (const { name } of storage.list('d/', { signal: controller.signal })) {
          seen.push(name);
          controller.abort(reason);
        }
      })(),
      reason,
    );
    assert.ok(seen.length < sizes.short);
  });

  test('a cancelled get leaves the storage usable', async () => {
    await using storage = await open();
    await storage.put('large', pattern(8 * mebibyte));
    const stream = await storage.get('large');
    await stream.cancel();
    const reader = (await storage.get('large')).getReader();
    await reader.read();
    await reader.cancel();
    assert.equal((await storage.read('large')).byteLength, 8 * mebibyte);
  });
}

export function failing(open: OpenStorage): void {
  const broken = new Error('The body broke');
  const bodies: Readonly<Record<string, ByteSource>> = {
    'whose stream fails': {
      size: 2 * mebibyte,
      stream: () => {
        let pulls = 0;
        return new ReadableStream<Uint8Array>({
          pull(stream) {
            pulls += 1;
            if (pulls === 1) stream.enqueue(pattern(mebibyte));
            else stream.error(broken);
          },
        });
      },
    },
    'that is shorter than announced': { size: 11, stream: () => sourceOf([pattern(10)]).stream() },
    'that is longer than announced': { size: 9, stream: () => sourceOf([pattern(10)]).stream() },
  };
  for (const [kind, body] of Object.entries(bodies)) {
    test(`a put of a body ${kind} rejects and leaves nothing, or what was there`, async () => {
      await using storage = await open();
      await storage.put('old', pattern(10));
      const expected =
        kind === 'whose stream fails'
          ? broken
          : (error: unknown) => hasCode(error, 'input/invalid');
      await assert.rejects(storage.put('new/object', body), expected);
      await assert.rejects(storage.put('new/object', body, { ifAbsent: true }), expected);
      await assert.rejects(storage.put('old', body), expected);
      await rejectsWith(storage.read('new/object'), 'storage/not-found');
      assert.deepEqual(await namesIn(storage, ''), ['old']);
      assert.deepEqual(await storage.read('old'), pattern(10));
    });
  }
}

export function concurrency(open: OpenStorage): void {
  test('concurrent puts of different names are all there', async () => {
    await using storage = await open();
    const all = Array.from({ length: 60 }, (_, index) => `c/${index % 5}/${index}`);
    await Promise.all(all.map((name, index) => storage.put(name, pattern(5000, index))));
    assert.deepEqual(await namesIn(storage, 'c/'), all.toSorted(byName));
    const read = await Promise.all(all.map((name) => storage.read(name)));
    assert.deepEqual(
      read,
      all.map((_, index) => pattern(5000, index)),
    );
  });

  test('a listing beside the first put of a directory shows the object or nothing', async () => {
    await using storage = await open();
    for (let round = 0; round < 15; round++) {
      const name = `new${round}/object`;
      const [, listed] = await Promise.all([
        storage.put(name, pattern(3)),
        namesIn(storage, `new${round}/`),
      ]);
      assert.ok(listed.length === 0 || listed[0] === name, String(listed));
    }
  });

  test('of concurrent puts of one name one wins as a whole', async () => {
    await using storage = await open();
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => storage.put('one', pattern(50_000 + index, index))),
    );
    const bytes = await storage.read('one');
    assert.deepEqual(bytes, pattern(bytes.byteLength, bytes.byteLength - 50_000));
    assert.deepEqual(await namesIn(storage, ''), ['one']);
  });

  test('a reader sees the old object or the new one while it is replaced', async () => {
    await using storage = await open();
    if (!storage.capabilities.atomicReplace) return;
    await storage.put('one', pattern(100_000, 0));
    const writing = new AbortController();
    const writer = (async () => {
      for (let round = 1; round <= 20; round++) await storage.put('one', pattern(100_000, round));
      writing.abort();
    })();
    const readers = Array.from({ length: 3 }, async () => {
      while (!writing.signal.aborted) {
        const bytes = await storage.read('one');
        assert.deepEqual(bytes, pattern(100_000, bytes[0] ?? 0));
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    await Promise.all([writer, ...readers]);
  });

  test('of concurrent ifAbsent puts of one name exactly one succeeds', async () => {
    await using storage = await open();
    if (!storage.capabilities.conditionalPut) return;
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) =>
        storage.put('d/one', pattern(1000, index), { ifAbsent: true }),
      ),
    );
    const winners = results.flatMap((result, index) =>
      result.status === 'fulfilled' ? [index] : [],
    );
    assert.equal(winners.length, 1);
    for (const result of results) {
      if (result.status === 'rejected')
        assert.ok(hasCode(result.reason, 'storage/already-exists'), String(result.reason));
    }
    assert.deepEqual(await storage.read('d/one'), pattern(1000, winners[0] ?? -1));
  });
}

export function disposing(open: OpenStorage): void {
  test('a storage can be disposed twice', async () => {
    await using storage = await open();
    await storage.put('a', pattern(10));
    await storage[Symbol.asyncDispose]();
    await storage[Symbol.asyncDispose]();
  });

  test('the location is a text', async () => {
    await using storage = await open();
    assert.ok(storage.location.length > 0);
    assert.ok(storage.capabilities.concurrency >= 1);
  });
}

async function drain(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  while (!(await reader.read()).done);
}
