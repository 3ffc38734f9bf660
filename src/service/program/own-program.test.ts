import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { ownProgramArgv } from '#test/support/runner.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { SecretMask } from './mask-secrets.ts';
import { OwnProgram } from './own-program.ts';

/** A program in place of our own, for what that does not do when it should. */
const script = (text: string): OwnProgram =>
  new OwnProgram({
    argv: [process.execPath, '--eval', text, '--'],
    environment: { PATH: process.env['PATH'] },
    directory: '/',
  });

const operation = { command: ['backup'], environment: {}, mask: new SecretMask() };

/** The command lines of all processes that run. */
async function commandLines(): Promise<string> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/u.test(name));
  const texts = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return texts.join('\n');
}

test('nothing secret is seen in the list of processes, and what is printed is masked', async () => {
  await using directory = await temporaryDirectory();
  const own = new OwnProgram({
    argv: ownProgramArgv,
    environment: { PATH: process.env['PATH'], HOME: directory.path },
    directory: directory.path,
  });
  const mask = new SecretMask();
  mask.add('correct horse');
  let seen = '';
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const ended = own.run({
    command: ['backup', '--stdin-from-command', '--', 'sleep', '30'],
    environment: {
      HOLDFAST_REPOSITORY: `${directory.path}/repository`,
      HOLDFAST_PASSPHRASE: 'correct horse',
    },
    mask,
    signal: AbortSignal.timeout(60_000),
    // Enough to come to the phase on a slow machine.
    timeLimit: 15_000,
    onProgress: ({ phase }) => {
      if (phase !== 'Saving') return;
      void commandLines().then((text) => {
        seen = text;
        resolve(undefined);
      });
    },
  });
  await Promise.race([promise, ended]);
  assert.match(seen, /--stdin-from-command/u);
  assert.doesNotMatch(seen, /correct horse/u);
  const end = await ended;
  assert.equal(end.outcome, 'failed');
  assert.match(end.problem?.message ?? '', /took longer than 15 s/u);
});

test('exit statuses say how it went', async () => {
  for (const [status, outcome] of [
    [0, 'succeeded'],
    [3, 'warned'],
    [75, 'skipped'],
    [130, 'cancelled'],
    [12, 'failed'],
  ] as const) {
    const end = await script(`process.exitCode = ${status}`).run(operation);
    assert.equal(end.outcome, outcome);
    assert.equal(end.exitStatus, status);
    assert.equal(end.problem !== undefined, outcome === 'failed');
  }
});

test('a program that is killed has failed, one that does not listen is ended all the same', async () => {
  const killed = await script('process.kill(process.pid, "SIGKILL")').run(operation);
  assert.equal(killed.outcome, 'failed');
  assert.match(killed.problem?.message ?? '', /was ended by SIGKILL/u);
  const controller = new AbortController();
  const end = await script(
    'console.log(JSON.stringify({type:"phase",phase:"x"})); setInterval(() => {}, 1000)',
  ).run({
    ...operation,
    signal: controller.signal,
    onProgress: () => controller.abort(new Error('enough')),
  });
  assert.equal(end.outcome, 'cancelled');
});

test('a child notices that its parent is gone by its standard input, which stays open until then', async () => {
  const end = await script(
    `process.stdin.on('close', () => console.log('closed')).resume();
     process.stdin.unref(); setTimeout(() => console.log(process.env.HOLDFAST_ENDS_WITH_INPUT), 100);`,
  ).run(operation);
  assert.equal(end.output, '1\n');
});

test('priorities are those that were asked for', async () => {
  const { output = '' } = await script('console.log(require("node:os").getPriority())').run({
    ...operation,
    resources: { nice: 7, ioClass: 'idle' },
  });
  assert.equal(output.trim(), '7');
});
