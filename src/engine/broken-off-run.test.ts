import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  cpSync,
  mkdirSync,
  renameSync,
  rmSync,
  writeFileSync,
  readdirSync,
  readlinkSync,
} from 'node:fs';
import { test } from 'node:test';

import { systemClock } from '../base/clock.ts';
import { listSnapshots } from '../repository/native/reader/snapshot-list.ts';
import { scratchDirectory } from '#test/support/scratch-directory.ts';
import { backUp, machine, openInMemory } from '#test/support/small-repository.ts';
import { readFile } from './cat.ts';

test('what a run that broke off has remembered of a directory does not hide it from the next one', async () => {
  using scratch = scratchDirectory();
  for (const name of ['', 'a', 'z']) mkdirSync(scratch.of('source', name));
  writeFileSync(scratch.of('source/a/file'), 'old');
  writeFileSync(scratch.of('source/z/other'), 'other');
  const places = machine(scratch.path);
  await using repository = await openInMemory(places);
  // Times are old enough to be trusted.
  const clock = { ...systemClock, now: () => systemClock.now() + 3_600_000 };
  const input = { paths: [scratch.of('source')], clock };
  await backUp(repository, input);

  // Written in place: the directory itself does not change. What it holds is stored, but not remembered.
  writeFileSync(scratch.of('source/a/file'), 'new and longer');
  cpSync(places.cacheDirectory!, scratch.of('remembered'), { recursive: true });
  await backUp(repository, input);
  rmSync(places.cacheDirectory!, { recursive: true });
  renameSync(scratch.of('remembered'), places.cacheDirectory!);

  // Ends between the directory and the one above it.
  writeFileSync(scratch.of('source/z/other'), randomBytes(48 * 1024 * 1024));
  const stop = new AbortController();
  const broken = backUp(repository, {
    ...input,
    signal: stop.signal,
    report(event) {
      // By then the directory is complete, and the large file is being read.
      if (event.type === 'entry') setImmediate(() => stop.abort());
    },
  });
  await assert.rejects(broken);

  const { snapshot } = await backUp(repository, input);
  const { snapshots } = await listSnapshots(repository.access);
  const newest = snapshots.find((found) => found.snapshot.id === snapshot)!;
  const context = { clock, signal: new AbortController().signal, report: () => undefined };
  const path = Buffer.from(scratch.of('source/a/file'));
  const pieces = await Array.fromAsync(
    readFile(repository.access, { snapshot: newest, path }, context),
    (piece) => Buffer.from(piece),
  );
  assert.equal(Buffer.concat(pieces).toString(), 'new and longer');
});

test('what a run reads although it looks unchanged is what later runs remember', async () => {
  using scratch = scratchDirectory();
  mkdirSync(scratch.of('source'));
  const path = scratch.of('source/file');
  writeFileSync(path, 'content');
  await using repository = await openInMemory(machine(scratch.path));
  const clock = { ...systemClock, now: () => systemClock.now() + 3_600_000 };
  const input = { paths: [scratch.of('source')], clock };
  const first = await backUp(repository, { ...input, forceRead: true });
  assert.equal(first.filesNew, 1);
  const second = await backUp(repository, input);
  assert.equal(second.filesUnchanged, 1);
});

test('a run that is broken off holds no directory whose path is too long to be used', async () => {
  using scratch = scratchDirectory();
  const deep = [scratch.of('source'), ...Array.from({ length: 15 }, () => 'd'.repeat(240))].join(
    '/',
  );
  mkdirSync(deep, { recursive: true });
  // More than the walk tells at once: when the run ends, the next of them are there.
  for (let file = 0; file < 1100; file++) writeFileSync(`${deep}/${file}`, '');
  await using repository = await openInMemory(machine(scratch.path));
  const stop = new AbortController();
  const broken = backUp(repository, {
    paths: [scratch.of('source')],
    signal: stop.signal,
    report(event) {
      if (event.type === 'entry') stop.abort();
    },
  });
  await assert.rejects(broken, { name: 'AbortError' });
  assert.deepEqual(heldBelow(scratch.of('source')), []);
});

/** What this process has open in a directory. */
function heldBelow(directory: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.startsWith(directory) ? [path] : [];
    } catch {
      // That of the listing itself.
      return [];
    }
  });
}
