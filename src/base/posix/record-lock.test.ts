import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { tryLockRecord } from './record-lock.ts';

const python = '/usr/bin/python3';
const script = `
import fcntl, sys
file = open(sys.argv[1], 'a')
try:
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    print('busy')
    sys.exit(0)
print('taken', flush=True)
sys.stdin.read()
`;

function pythonSays(file: string): string {
  return spawnSync(python, ['-c', script, file], { input: '', encoding: 'utf8' }).stdout.trim();
}

test('a record lock keeps out others here, and those of Python', async () => {
  await using directory = await temporaryDirectory();
  const file = path.join(directory.path, 'lockfile');
  {
    using lock = tryLockRecord(file);
    assert.equal(lock?.path, file);
    assert.equal(tryLockRecord(file), undefined);
    assert.equal(pythonSays(file), 'busy');
    // A holder that failed to get the lock must not have lost it for the one that has it.
    assert.equal(pythonSays(file), 'busy');
  }
  assert.equal(pythonSays(file), 'taken');
  using again = tryLockRecord(file);
  assert.ok(again);
});

test('a lock of Python keeps us out until it ends', async () => {
  await using directory = await temporaryDirectory();
  const file = path.join(directory.path, 'lockfile');
  const holder = spawn(python, ['-c', script, file], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(holder, 'exit');
  const [said] = (await once(holder.stdout, 'data')) as [Buffer];
  assert.equal(said.toString().trim(), 'taken');
  assert.equal(tryLockRecord(file), undefined);
  holder.stdin.end();
  await ended;
  using lock = tryLockRecord(file);
  assert.ok(lock);
  assert.ok(existsSync(file));
});

test('a link is not followed', async () => {
  await using directory = await temporaryDirectory();
  const file = path.join(directory.path, 'lockfile');
  spawnSync('ln', ['-s', '/dev/null', file]);
  assert.throws(() => tryLockRecord(file), { code: 'ELOOP' });
});
