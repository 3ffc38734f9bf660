import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';

import { scratchDirectory } from '../../../test/support/scratch-directory.ts';
import {
  noise,
  problemsOf,
  restoreNewest,
  snapshotOf,
} from '../../../test/support/small-restore.ts';
import { compareTrees } from '../../../test/support/tree-comparer.ts';
import { systemClock } from '../../base/clock.ts';
import { AppError } from '../../base/errors.ts';
import type { MemoryStorage } from '../../storage/drivers/memory/memory.ts';
import { forward } from '../../storage/layers/forward.ts';
import type { Storage } from '../../storage/storage.ts';

/** One window holds 1024. */
const FILES = 1100;
/** Packs of trees are smaller, those of content larger. */
const LARGE_PACK = 500_000;
const HEAD = 64 * 1024;

const refused = new AppError('storage/access-denied', 'It may not be read');

interface Scene {
  readonly memory: MemoryStorage;
  readonly place: string;
  readonly source: string;
}

/** A snapshot of which each of two windows reads from one pack; the second reads further ones as well. */
async function twoWindows(place: string): Promise<Scene> {
  const { storage: memory, source } = await snapshotOf(place, (at) => {
    mkdirSync(`${at}/a`);
    for (let index = 0; index < FILES; index++) writeFileSync(`${at}/a/${index}`, noise(1000));
    mkdirSync(`${at}/b`);
    writeFileSync(`${at}/b/large`, noise(20_000_000));
  });
  return { memory, place, source };
}

type Read = (read: () => Promise<Uint8Array>, signal: AbortSignal) => Promise<Uint8Array>;

/** The storage, with its reads of content done as `meet` says by their number, from 0. */
async function meeting(
  memory: MemoryStorage,
  meet: (number: number) => Read | undefined,
  concurrency = 8,
): Promise<Storage> {
  const sizes = new Map<string, number>();
  for await (const { name, size } of memory.list('packs/')) sizes.set(name, size);
  let reads = 0;
  return {
    ...forward(memory),
    capabilities: { ...memory.capabilities, concurrency },
    read(name, options) {
      const read = (): Promise<Uint8Array> => memory.read(name, options);
      // The head of a pack is read beside its content.
      const isContent = (sizes.get(name) ?? 0) > LARGE_PACK && (options?.range?.length ?? 0) > HEAD;
      const how = isContent ? meet(reads++) : undefined;
      return how?.(read, options!.signal!) ?? read();
    },
  };
}

/** Never answers. */
function stalled(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

describe('windows of a restore', { timeout: 300_000 }, () => {
  const scratch = scratchDirectory();
  let scene: Scene;
  let targets = 0;
  before(async () => {
    scene = await twoWindows(scratch.path);
  });
  after(() => scratch[Symbol.dispose]());

  /** Restores over a storage; gives the target. */
  async function restoreOver(storage: Storage, signal?: AbortSignal): Promise<string> {
    const target = scratch.of(`target${(targets += 1)}`);
    const input = { target, workers: 1 };
    const restored = await restoreNewest(storage, scene.place, input, {
      ...(signal && { signal }),
    });
    assert.deepEqual(problemsOf(restored), []);
    return target;
  }

  test('the next window is read while the one before is not done, and done after it', async () => {
    const last = Promise.withResolvers<void>();
    const storage = await meeting(scene.memory, (number) => async (read) => {
      const bytes = await read();
      if (number === 0) {
        await last.promise;
        // By now the second window could be done.
        await systemClock.sleep(200);
      } else if (number === 1) last.resolve();
      return bytes;
    });
    const target = await restoreOver(storage);
    // Also the time of the directory, to which files of both were written.
    assert.deepEqual(compareTrees(scene.source, target), []);
  });

  test('no more is read at once than for one window', async () => {
    let running = 0;
    let most = 0;
    const storage = await meeting(
      scene.memory,
      (number) => async (read) => {
        most = Math.max(most, ++running);
        await systemClock.sleep(number === 0 ? 300 : 50);
        running--;
        return read();
      },
      1,
    );
    await restoreOver(storage);
    // One for each thread, and two.
    assert.equal(most, 3);
  });

  for (const [failing, which] of ['first', 'second'].entries()) {
    test(`when the ${which} window fails, the other one is stopped and the failure told`, async () => {
      const both = Promise.withResolvers<void>();
      let stopped = 0;
      const storage = await meeting(scene.memory, (number) => async (_, signal) => {
        if (number === 1) both.resolve();
        if (number === failing) {
          await both.promise;
          throw refused;
        }
        return stalled(signal).finally(() => stopped++);
      });
      await assert.rejects(restoreOver(storage), refused);
      assert.ok(stopped >= 1);
    });
  }

  test('an abort ends the reads of both', async () => {
    const stop = new AbortController();
    let running = 0;
    const storage = await meeting(scene.memory, (number) => (_, signal) => {
      running++;
      if (number === 1) stop.abort(new Error('enough'));
      return stalled(signal).finally(() => running--);
    });
    await assert.rejects(restoreOver(storage, stop.signal), /enough/u);
    assert.equal(running, 0);
  });
});
