import assert from 'node:assert/strict';
import { appendFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';

import { rejectsWith } from '#test/support/storage-samples.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { systemClock } from '../../../base/clock.ts';
import { type Fetch, whileGrowing } from './while-growing.ts';

const fetchTo = (directory: string, silence: number): Fetch => ({
  action: 'read "a"',
  directories: new Set([directory, path.join(directory, 'missing')]),
  silence,
  clock: systemClock,
});

/** Never ends, unless it is stopped. */
function hanging(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

describe('whileGrowing()', () => {
  test('gives up when nothing comes', { timeout: 20_000 }, async () => {
    await using directory = await temporaryDirectory();
    const work = whileGrowing(fetchTo(directory.path, 100), ({ signal }) => hanging(signal));
    await rejectsWith(work, 'storage/unavailable');
  });

  test('waits as long as something comes', async () => {
    await using directory = await temporaryDirectory();
    const result = await whileGrowing(fetchTo(directory.path, 500), async ({ signal }) => {
      for (let step = 0; step < 24; step++) {
        await systemClock.sleep(50, { signal });
        await appendFile(path.join(directory.path, 'a'), 'x');
      }
      return 'all';
    });
    assert.equal(result, 'all');
  });
});
