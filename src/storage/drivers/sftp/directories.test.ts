import assert from 'node:assert/strict';
import { test } from 'node:test';

import { systemClock } from '../../../base/clock.ts';
import { DirectorySync } from './directory-sync.ts';
import { Directories } from './directories.ts';
import { statusCode } from './packet.ts';
import { RemoteRoot } from './remote-root.ts';
import type { SftpSession } from './session.ts';
import { SftpStatusError } from './status-error.ts';

/** A server that makes no directories, and says so after a while. */
const refusing = {
  has: () => false,
  async lstat() {
    await systemClock.sleep(2);
    throw new SftpStatusError(statusCode.noSuchFile, 'none');
  },
  async mkdir() {
    await systemClock.sleep(2);
    throw new SftpStatusError(4, 'Disk quota exceeded');
  },
} as unknown as SftpSession;

test('a directory that cannot be made is told to all who wait for it, and to nobody else', async (context) => {
  const unheard: unknown[] = [];
  const hear = (error: unknown): void => void unheard.push(error);
  process.on('unhandledRejection', hear);
  context.after(() => process.off('unhandledRejection', hear));
  const directories = new Directories(new RemoteRoot('/root', 'somewhere'), new DirectorySync());
  directories.noteRoot();
  const waiting = ['packs/12', 'packs/4d'].map((name) => directories.prepare(refusing, name).ready);
  // Of what is asked for over another connection not everybody waits for both.
  waiting.push(directories.prepare(Object.create(refusing) as SftpSession, 'packs/12').ready);
  for (const outcome of await Promise.allSettled(waiting)) {
    assert.equal(outcome.status, 'rejected');
    assert.match(String(outcome.reason), /Disk quota exceeded/u);
  }
  await systemClock.sleep(5);
  assert.deepEqual(unheard, []);
});

test('over the session that makes a directory nobody waits for it, over another one everybody does', async () => {
  const answer = Promise.withResolvers<void>();
  const slow = (): SftpSession =>
    ({ has: () => false, lstat: () => answer.promise, mkdir: () => answer.promise }) as never;
  const [one, other] = [slow(), slow()];
  const directories = new Directories(new RemoteRoot('/root', 'somewhere'), new DirectorySync());
  directories.noteRoot();
  const first = directories.prepare(one, 'packs');
  await first.asked;
  await directories.prepare(one, 'packs').asked;
  let isAnswered = false;
  const elsewhere = directories.prepare(other, 'packs').asked.then(() => assert.ok(isAnswered));
  await systemClock.sleep(2);
  isAnswered = true;
  answer.resolve();
  await elsewhere;
  await first.ready;
});

test('that a name is not durable is no surprise where it was forgotten meanwhile', async (context) => {
  const unheard: unknown[] = [];
  const hear = (error: unknown): void => void unheard.push(error);
  process.on('unhandledRejection', hear);
  context.after(() => process.off('unhandledRejection', hear));
  const answer = Promise.withResolvers<void>();
  const session = { lstat: () => answer.promise, mkdir: () => answer.promise } as never;
  const sync = {
    hold: () => ({ sync: () => Promise.reject(new Error('Input/output error')), release() {} }),
  } as unknown as DirectorySync;
  const directories = new Directories(new RemoteRoot('/root', 'somewhere'), sync);
  directories.noteRoot();
  const { ready } = directories.prepare(session, 'packs');
  directories.forget('packs');
  answer.resolve();
  const { durable } = await ready;
  await systemClock.sleep(5);
  assert.deepEqual(unheard, []);
  await assert.rejects(durable, /Input\/output error/u);
});
