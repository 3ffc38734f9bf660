import assert from 'node:assert/strict';
import { linkSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';

import { scratchDirectory } from '#test/support/scratch-directory.ts';
import { backUp, createSmall, machine, openSmall } from '#test/support/small-repository.ts';

import { systemClock } from '../base/clock.ts';
import { MemoryStorage } from '../storage/drivers/memory/memory.ts';

test('what is read counts once, and holes are not read', async () => {
  using scratch = scratchDirectory();
  const source = scratch.of('source');
  mkdirSync(source);
  // One that a worker reads, and one that several read.
  for (const [name, size] of [
    ['small', 1024 ** 2],
    ['large', 1024 ** 3],
  ] as const) {
    writeFileSync(`${source}/${name}`, 'x'.repeat(1000));
    truncateSync(`${source}/${name}`, size);
  }
  writeFileSync(`${source}/first`, 'y'.repeat(5000));
  linkSync(`${source}/first`, `${source}/second`);
  const storage = new MemoryStorage({ clock: systemClock });
  const places = machine(scratch.path, 'laptop');
  await createSmall(storage, places);
  await using repository = await openSmall(storage, places);
  const { bytes, bytesRead } = await backUp(repository, { paths: [source] });
  assert.equal(bytes, 1024 ** 3 + 1024 ** 2 + 2 * 5000);
  // What a file system keeps of each is whole blocks.
  assert.ok(bytesRead >= 7000 && bytesRead < 300_000, `${bytesRead}`);
  const blocks = bytesRead - 5000;
  assert.equal(blocks % 2, 0, 'the same of each, and one of the two names');
});
