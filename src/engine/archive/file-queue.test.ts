import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';

import { operation } from '#test/support/operation.ts';
import { plainEntry } from '#test/support/sample-entry.ts';
import { scratchDirectory } from '#test/support/scratch-directory.ts';
import { utf8 } from '../../base/bytes.ts';
import { systemClock } from '../../base/clock.ts';
import { TargetTree } from '../../target/filesystem/target-tree.ts';
import { RestoreTally } from '../restore/restore-tally.ts';
import { FileQueue } from './file-queue.ts';

const root = new Uint8Array(0);

async function addFiles(queue: FileQueue, count: number, onEnd: () => void): Promise<void> {
  for (let number = 0; number < count; number++) {
    await queue.room(0);
    queue.add(root, { ...plainEntry, name: utf8(`file ${number}`) }, 0, onEnd);
  }
}

test('an abort ends the waiting, and what was not begun is not written', async () => {
  using scratch = scratchDirectory();
  using tree = TargetTree.open(scratch.path);
  const tally = new RestoreTally(operation(systemClock), utf8(scratch.path), false);
  const abort = new AbortController();
  {
    await using queue = new FileQueue(tree, tally, { threads: 1, signal: abort.signal });
    // As many as a thread is started for.
    await addFiles(queue, 256, () => assert.fail('Nothing was written'));
    queue.after(() => assert.fail('Nothing was written'));
    const drained = queue.drain();
    abort.abort(new Error('enough'));
    await assert.rejects(drained, /enough/u);
    await assert.rejects(queue.room(1), /enough/u);
  }
  assert.deepEqual(readdirSync(scratch.path), []);
});

test('what is called afterwards is called in order, when all before is written', async () => {
  using scratch = scratchDirectory();
  using tree = TargetTree.open(scratch.path);
  const tally = new RestoreTally(operation(systemClock), utf8(scratch.path), false);
  const { signal } = new AbortController();
  await using queue = new FileQueue(tree, tally, { threads: 2, signal });
  const counts: number[] = [];
  let ended = 0;
  const onEnd = (): void => void ended++;
  const count = (): void => void counts.push(ended, readdirSync(scratch.path).length);
  queue.after(count);
  assert.deepEqual(counts, [0, 0]);
  await addFiles(queue, 300, onEnd);
  queue.after(() => void counts.push(ended));
  await queue.drain();
  count();
  assert.deepEqual(counts, [0, 0, 300, 300, 300]);
});
