import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';

import { FakeClock } from '#test/support/fake-clock.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { systemClock } from '../base/clock.ts';
import { hasCode } from '../base/errors.ts';
import { identifyProcess } from '../base/process-identity.ts';
import { acquireInstanceLock, type InstanceLockOptions, lockByContent } from './instance-lock.ts';

const options = (
  directory: string,
  more: Partial<InstanceLockOptions> = {},
): InstanceLockOptions => ({
  directory,
  name: 'task:a/b',
  mode: 'fail',
  clock: systemClock,
  ...more,
});

test('only one has it, and who comes second is told by whom', async () => {
  await using directory = await temporaryDirectory();
  {
    using _ = await acquireInstanceLock(options(directory.path));
    await assert.rejects(acquireInstanceLock(options(directory.path)), (error) => {
      assert.ok(hasCode(error, 'job/busy'));
      assert.match(
        error.message,
        new RegExp(`"task:a/b" is being done by process ${process.pid} `, 'u'),
      );
      return true;
    });
    await assert.rejects(acquireInstanceLock(options(directory.path, { mode: 'skip' })), (error) =>
      hasCode(error, 'job/skipped'),
    );
    using other = await acquireInstanceLock(options(directory.path, { name: 'task:b' }));
    assert.ok(other);
  }
  using again = await acquireInstanceLock(options(directory.path));
  assert.ok(again);
});

test('one that waits gets it when it is free, and gives up in time', async () => {
  await using directory = await temporaryDirectory();
  const clock = new FakeClock();
  const first = await acquireInstanceLock(options(directory.path));
  await assert.rejects(
    acquireInstanceLock(options(directory.path, { mode: 'wait', timeout: 1000, clock })),
    (error) => hasCode(error, 'job/busy'),
  );
  assert.ok(clock.sleeps.length >= 5);
  const waiting = acquireInstanceLock(options(directory.path, { mode: 'wait' }));
  first[Symbol.dispose]();
  using second = await waiting;
  assert.ok(second);
});

test('waiting ends with its signal', async () => {
  await using directory = await temporaryDirectory();
  using _ = await acquireInstanceLock(options(directory.path));
  const signal = AbortSignal.abort(new Error('enough'));
  await assert.rejects(
    acquireInstanceLock(options(directory.path, { mode: 'wait', signal })),
    /enough/u,
  );
});

test('the lock of a process that was killed is free at once', async () => {
  await using directory = await temporaryDirectory();
  const program = `
    const { acquireInstanceLock } = await import(${JSON.stringify(new URL('instance-lock.ts', import.meta.url).href)});
    const { systemClock } = await import(${JSON.stringify(new URL('../base/clock.ts', import.meta.url).href)});
    globalThis.lock = await acquireInstanceLock({ directory: ${JSON.stringify(directory.path)}, name: 'task:a/b', mode: 'fail', clock: systemClock });
    console.log('held'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  await assert.rejects(acquireInstanceLock(options(directory.path)), (error) => {
    assert.ok(error instanceof Error);
    assert.match(error.message, new RegExp(`process ${child.pid} `, 'u'));
    return true;
  });
  child.kill('SIGKILL');
  await once(child, 'exit');
  using lock = await acquireInstanceLock(options(directory.path));
  assert.ok(lock);
});

test('where the system has no locks, a file is one until its process is gone', async () => {
  await using directory = await temporaryDirectory();
  const file = path.join(directory.path, 'lock');
  const textOf = (change: object): string =>
    JSON.stringify({ process: { ...identifyProcess(), ...change }, since: 0 });
  const first = lockByContent(file, textOf({}));
  assert.ok(first);
  assert.equal(lockByContent(file, textOf({})), undefined);
  first[Symbol.dispose]();
  // The number lives, but it is another process.
  await writeFile(file, textOf({ startTicks: 1 }));
  await writeFile(`${file}.stale`, textOf({ startTicks: 2 }));
  const second = lockByContent(file, textOf({}));
  assert.ok(second);
  assert.equal(lockByContent(file, textOf({})), undefined);
  second[Symbol.dispose]();
  assert.deepEqual(await readdir(directory.path), []);
  // What nobody can read is nobody's to take away.
  await writeFile(file, 'torn');
  assert.equal(lockByContent(file, textOf({})), undefined);
});

test('a place that cannot be written is named', async () => {
  await using directory = await temporaryDirectory();
  await writeFile(path.join(directory.path, 'file'), '');
  await assert.rejects(acquireInstanceLock(options(path.join(directory.path, 'file'))), (error) => {
    assert.ok(hasCode(error, 'local/unwritable'));
    assert.match(error.message, /file\/task%3aa%2fb\.lock"/u);
    return true;
  });
});
