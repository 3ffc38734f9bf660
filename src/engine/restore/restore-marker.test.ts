import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';

import { scratchDirectory } from '../../../test/support/scratch-directory.ts';
import { noise, restoreNewest, snapshotOf } from '../../../test/support/small-restore.ts';
import { forward } from '../../storage/layers/forward.ts';
import type { Storage } from '../../storage/storage.ts';

// After a failure of power a file may have its size and its time, and nothing in it.
const another = (): string => `${randomUUID()}\n`;
const killed = new Error('killed');

/** A storage that is stopped, with the restore, when content is read after this is there. */
function dying(storage: Storage, stop: AbortController, sign = '/'): Storage {
  return {
    ...forward(storage),
    read(name, options) {
      if (name.startsWith('packs/') && existsSync(sign)) stop.abort(killed);
      return storage.read(name, options);
    },
  };
}

for (const [what, textOf, input, compares] of [
  ['the machine is still running', (text: string) => text, {}, false],
  ['the machine was started anew', another, {}, true],
  ['nothing is known of the machine', () => '', {}, true],
  ['what differs is asked for, on a machine started anew', another, { policy: 'if-changed' }, true],
  ['what is there is to stay, on a machine started anew', another, { policy: 'never' }, false],
] as const) {
  test(`continues where ${what}: ${compares ? 'compares' : 'does not'}`, async () => {
    using scratch = scratchDirectory();
    const { storage, source, target } = await snapshotOf(scratch.path, (at) => {
      writeFileSync(`${at}/file`, noise(5000));
    });
    const stop = new AbortController();
    const first = restoreNewest(dying(storage, stop), scratch.path, {}, stop);
    await assert.rejects(first, killed);
    const marker = readdirSync(target).find((name) => name.startsWith('.holdfast-restore-'));
    assert.ok(marker !== undefined);
    writeFileSync(`${target}/${marker}`, textOf(readFileSync(`${target}/${marker}`, 'utf8')));
    writeFileSync(`${target}/file`, new Uint8Array(5000));
    execFileSync('touch', ['-r', `${source}/file`, `${target}/file`]);
    const { events } = await restoreNewest(storage, scratch.path, input);
    const notice = events.find(({ type }) => type === 'notice');
    assert.equal(/started anew/u.test(JSON.stringify(notice)), compares);
    const isRight = readFileSync(`${target}/file`).equals(readFileSync(`${source}/file`));
    assert.equal(isRight, compares);
    assert.deepEqual(readdirSync(target), ['file']);
  });
}

test('continues in a file system that was just made', async () => {
  using scratch = scratchDirectory();
  const { storage, source, target } = await snapshotOf(scratch.path, (at) => {
    writeFileSync(`${at}/file`, noise(5000));
  });
  mkdirSync(`${target}/lost+found`, { recursive: true });
  const stop = new AbortController();
  const first = restoreNewest(dying(storage, stop), scratch.path, {}, stop);
  await assert.rejects(first, killed);
  writeFileSync(`${target}/file`, 'unfinished');
  await restoreNewest(storage, scratch.path, {});
  assert.deepEqual(readFileSync(`${target}/file`), readFileSync(`${source}/file`));
  assert.deepEqual(readdirSync(target).toSorted(), ['file', 'lost+found']);
});

test('another part of the snapshot is not what was interrupted', async () => {
  using scratch = scratchDirectory();
  const { storage, source, target } = await snapshotOf(scratch.path, (at) => {
    mkdirSync(`${at}/part`);
    writeFileSync(`${at}/part/file`, noise(5000));
    writeFileSync(`${at}/file`, noise(5000));
  });
  const part = { path: Buffer.from('part') };
  const stop = new AbortController();
  const first = restoreNewest(dying(storage, stop, target), scratch.path, part, stop);
  await assert.rejects(first, killed);
  await assert.rejects(restoreNewest(storage, scratch.path, {}), { code: 'target/refused' });
  const absolute = { path: Buffer.from(`${source}/part`) };
  const { events } = await restoreNewest(storage, scratch.path, absolute);
  assert.match(JSON.stringify(events), /Continuing a restore that was interrupted/u);
  assert.deepEqual(readdirSync(target), ['file']);
  assert.deepEqual(readFileSync(`${target}/file`), readFileSync(`${source}/part/file`));
});
