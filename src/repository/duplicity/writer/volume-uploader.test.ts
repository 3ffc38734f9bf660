import assert from 'node:assert/strict';
import { test } from 'node:test';

import { plainProtection } from '#test/support/duplicity-fixture.ts';
import { scratchDirectory } from '#test/support/scratch-directory.ts';
import { systemClock } from '../../../base/clock.ts';
import { MemoryStorage } from '../../../storage/drivers/memory/memory.ts';
import { forward } from '../../../storage/layers/forward.ts';
import { FileCoding } from '../encryption/file-coding.ts';
import { InspectThread } from '../inspection/inspect-thread.ts';
import type { FinishedVolume } from './open-volume.ts';
import { Spool } from './spool.ts';
import { VolumeUploader } from './volume-uploader.ts';

test('a volume that takes long keeps all but the next one from being stored', async () => {
  using scratch = scratchDirectory();
  const memory = new MemoryStorage();
  const stalled = Promise.withResolvers<void>();
  const stored = async (): Promise<string[]> => {
    const names: string[] = [];
    for await (const { name } of memory.list('')) names.push(name);
    return names.toSorted();
  };
  await using thread = new InspectThread();
  await using uploader = new VolumeUploader({
    storage: {
      ...forward(memory),
      async put(name, body, options) {
        if (name === 'vol3') await stalled.promise;
        await memory.put(name, body, options);
      },
    },
    clock: systemClock,
    coding: new FileCoding(plainProtection),
    thread,
    verify: false,
    concurrency: 2,
    replace: false,
  });
  const adding = (async () => {
    for (let number = 1; number <= 8; number++) {
      await uploader.add(volumeOf(number, scratch.path), `vol${number}`);
    }
  })();
  await systemClock.sleep(100);
  const meanwhile = await stored();
  stalled.resolve();
  await adding;
  assert.deepEqual(meanwhile, ['vol1', 'vol2', 'vol4']);
  await uploader.finish();
  assert.equal((await stored()).length, 8);
  assert.equal(uploader.bytes, 8);
});

function volumeOf(number: number, directory: string): FinishedVolume {
  const body = new Spool(directory);
  body.write(Uint8Array.of(number));
  const position = { path: new Uint8Array(0), block: undefined };
  return {
    number,
    start: position,
    end: position,
    hashes: new Map(),
    coding: 'plain',
    body,
    sum: 0,
    plain: undefined,
  };
}
