import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';

import { scratchDirectory } from '#test/support/scratch-directory.ts';
import { noise, restoreNewest, snapshotOf } from '#test/support/small-restore.ts';

import { hasCode } from '../../base/errors.ts';
import type { MemoryStorage } from '../../storage/drivers/memory/memory.ts';
import { forward } from '../../storage/layers/forward.ts';
import type { Storage } from '../../storage/storage.ts';

/** A storage that somebody removes these objects from when packs are read. */
function losing(storage: MemoryStorage, prefixes: readonly string[]): Storage {
  return {
    ...forward(storage),
    async read(name, options) {
      if (name.startsWith('packs/')) {
        for (const prefix of prefixes) {
          const names = await Array.fromAsync(storage.list(prefix), (object) => object.name);
          for (const gone of names) await storage.delete(gone);
        }
      }
      return storage.read(name, options);
    },
  };
}

/** What is told of a restore besides the files that are missing. */
async function warnings(prefixes: readonly string[], input = {}): Promise<string[]> {
  using scratch = scratchDirectory();
  const { storage } = await snapshotOf(scratch.path, (at) => {
    writeFileSync(`${at}/file`, noise(3_000_000));
  });
  const { events } = await restoreNewest(losing(storage, prefixes), scratch.path, input);
  return events.flatMap((event) =>
    event.type === 'problem' && event.error.code === 'snapshot/missing'
      ? [event.error.message]
      : [],
  );
}

test('a snapshot that was forgotten while it is restored is not told to be damaged only', async () => {
  const [message, ...others] = await warnings(['snapshots/', 'seals/', 'packs/', 'index/']);
  assert.match(message ?? '', /^Snapshot [0-9a-f]{8} was forgotten while it was read/u);
  assert.deepEqual(others, []);
  assert.deepEqual(await warnings(['packs/']), []);
});

test('nor if not even the part that is wanted of it can be found', async () => {
  const path = Buffer.from('file');
  const all = ['snapshots/', 'seals/', 'packs/', 'index/'];
  await assert.rejects(warnings(all, { path }), (error) => hasCode(error, 'snapshot/missing'));
  await assert.rejects(warnings(['packs/'], { path }), (error) =>
    hasCode(error, 'repository/damaged'),
  );
});
