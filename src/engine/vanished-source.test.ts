import assert from 'node:assert/strict';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';

import { listSnapshots } from '../repository/native/reader/snapshot-list.ts';
import { scratchDirectory } from '#test/support/scratch-directory.ts';
import { backUp, machine, openInMemory } from '#test/support/small-repository.ts';

test('a source that goes away during a backup makes no snapshot', async () => {
  using scratch = scratchDirectory();
  const source = scratch.of('disk');
  for (const name of ['', 'a', 'b', 'c']) mkdirSync(scratch.of('disk', name));
  for (const name of ['a/one', 'b/two', 'c/three']) writeFileSync(scratch.of('disk', name), name);
  // Empty files are told of while the walk is still under way.
  writeFileSync(scratch.of('disk/a/zero'), '');
  await using repository = await openInMemory(machine(scratch.path));
  const before = await backUp(repository, { paths: [source], forceRead: true });

  let isGone = false;
  const unplugged = backUp(repository, {
    paths: [source],
    forceRead: true,
    report(event) {
      if (isGone || event.type !== 'entry') return;
      isGone = true;
      renameSync(source, scratch.of('unplugged'));
    },
  });
  await assert.rejects(unplugged, { code: 'source/missing' });
  assert.ok(isGone);
  const { snapshots } = await listSnapshots(repository.access);
  const complete = snapshots.filter(({ snapshot }) => snapshot.state === 'complete');
  assert.deepEqual(
    complete.map(({ snapshot }) => snapshot.id),
    [before.snapshot],
  );
});
