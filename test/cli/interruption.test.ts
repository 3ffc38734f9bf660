import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { type OwnMachine, ownMachine } from './own-machine.ts';

/** The user and group of this number own nothing. */
const nobody = 65_534;

const launcher = path.resolve(import.meta.dirname, '../../bin/holdfast');

/** Starts the program itself. */
function start(
  { environment, path: cwd }: OwnMachine,
  user: { readonly uid?: number; readonly gid?: number },
  ...argv: string[]
) {
  const child = spawn(launcher, argv, { cwd, env: environment, ...user });
  let [errors, output] = ['', ''];
  child.stderr.on('data', (data: Buffer) => (errors += data.toString()));
  child.stdout.on('data', (data: Buffer) => (output += data.toString()));
  const ended = new Promise<{ status: number | null; errors: string; output: string }>((resolve) =>
    child.once('close', (status) => resolve({ status, errors, output })),
  );
  return { child, ended };
}

/** Resolves when something is true; fails after half a minute. */
async function until(isTrue: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt++) {
    if (await isTrue()) return;
    await sleep(50);
  }
  assert.fail('It never came true');
}

async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(
    () => [],
  );
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} stops a backup in order, and the next one continues`, async () => {
    await using machine = await ownMachine();
    const repository = machine.of('repository');
    await mkdir(machine.of('source'));
    await writeFile(machine.of('source/random'), randomBytes(128 * 1024 * 1024));
    const slow = ['--limit-upload', '16M', '--no-progress'];
    const run = start(machine, {}, 'backup', machine.of('source'), repository, ...slow);
    const isStored = (name: string): boolean => !name.startsWith('.');
    await until(async () => (await filesBelow(machine.of('repository/packs'))).some(isStored));
    const asked = performance.now();
    run.child.kill(signal);
    const { status, errors } = await run.ended;
    assert.ok(performance.now() - asked < 10_000);
    assert.equal(status, 130, errors);
    assert.match(errors, /^holdfast: Interrupted\nhint: Run it again to continue$/mu);
    const left = await filesBelow(repository);
    const temporary = left.filter((name) => name.startsWith('.'));
    assert.deepEqual(temporary, [], 'no temporary file is left');

    const next = await machine.run('backup', machine.of('source'), repository);
    assert.equal(next.status, 0, next.stderr.text);
    assert.match(next.stderr.text, /^Continuing an interrupted backup: /mu);
    const checked = await machine.run('check', repository, '--read-data');
    assert.equal(checked.status, 0, checked.stderr.text);
    assert.match(checked.stdout.text, /^No damage found: 1 snapshot, /u);
  });
}

test('a command whose output is backed up ends with the backup', async () => {
  await using machine = await ownMachine();
  const repository = machine.of('repository');
  assert.equal((await machine.run('init', repository)).status, 0);
  const script = 'echo $$ > pid; echo begun; sleep 300; echo done';
  const stream = ['--stdin-from-command', '--', '/bin/sh', '-c', script];
  const run = start(machine, {}, 'backup', repository, ...stream);
  await until(async () => (await readdir(machine.path)).includes('pid'));
  run.child.kill('SIGTERM');
  assert.equal((await run.ended).status, 130);
  const group = spawn('/bin/sh', ['-c', 'kill -0 -- -$(cat pid)'], { cwd: machine.path });
  const status = await new Promise((resolve) => group.once('close', resolve));
  assert.notEqual(status, 0, 'nothing of the command is left');
  const listed = await machine.run('snapshots', repository);
  assert.equal(listed.stderr.text, 'No snapshots\n');
});

test('a file that cannot be read is told and counted, and the rest is backed up', async () => {
  await using machine = await ownMachine();
  await machine.write({ 'a.txt': 'one', 'b.txt': 'two' });
  await chmod(machine.of('source/a.txt'), 0);
  // Root reads everything: somebody else has to try.
  const isRoot = process.getuid?.() === 0;
  if (isRoot) await chown(machine.path, nobody, nobody);
  const user = isRoot ? { uid: nobody, gid: nobody } : {};
  const run = start(machine, user, 'backup', machine.of('source'), machine.of('repository'));
  const { status, errors, output } = await run.ended;
  assert.equal(status, 3, errors);
  assert.match(errors, /^holdfast: error: Cannot read ".*source\/a\.txt": permission denied/mu);
  assert.match(output, /^Files: 1 new, /mu);
  assert.match(output, /^1 problem: see above$/mu);
});
