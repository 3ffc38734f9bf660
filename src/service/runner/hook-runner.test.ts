import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';

import { type TestRunner, testRunner } from '#test/support/runner.ts';
import { type Clock, systemClock } from '../../base/clock.ts';
import type { ServiceSettings } from '../../model/configuration.ts';
import type { BackupJob, CommandsJob, Hook } from '../../model/job.ts';
import { startTicksOf } from './journalled-program.ts';

/** A runner with a job that does next to nothing between its hooks. */
async function prepared(hooks: readonly Hook[], more: Partial<CommandsJob> = {}) {
  const runner = await testRunner();
  await runner.configure([
    {
      kind: 'commands',
      name: 'documents',
      commands: [{ name: '1', command: 'echo work >> notes' }],
      directory: runner.directory,
      hooks,
      ...more,
    },
  ]);
  return runner;
}

const noted = async (runner: TestRunner): Promise<string[]> =>
  (await readFile(runner.place('notes'), 'utf8').catch(() => '')).split('\n').filter(Boolean);

const note = (text: string): string => `echo "${text}" >> notes`;

test('hooks are run around the work, with what they need to know', async () => {
  await using runner = await prepared([
    { when: 'before', command: note('before $HOLDFAST_JOB $HOLDFAST_ACTIVITY $HOLDFAST_TRIGGER') },
    { when: 'after', command: note('after $HOLDFAST_OUTCOME') },
    { when: 'success', command: note('success $HOLDFAST_OUTCOME $HOLDFAST_EXIT_STATUS') },
    { when: 'failure', command: note('failure') },
    { when: 'finally', command: ['/bin/sh', '-c', note('finally $HOLDFAST_RUN')] },
  ]);
  const settings: ServiceSettings = {
    hooks: [
      { when: 'before', command: note('global') },
      { when: 'finally', command: note('global finally') },
    ],
  };
  const { jobs } = await runner.catalog.configuration.read();
  await runner.configure(jobs, { settings });
  const run = await runner.run('documents', 'commands');
  assert.equal(run.state, 'succeeded', run.reason);
  assert.deepEqual(await noted(runner), [
    'global',
    'before documents commands manual',
    'work',
    'after succeeded',
    'success succeeded 0',
    `finally ${run.id}`,
    'global finally',
  ]);
});

test('a hook before that fails keeps the work from being done', async () => {
  await using runner = await prepared([
    { when: 'before', command: 'echo oh no >&2; exit 4' },
    { when: 'before', command: note('never') },
    { when: 'after', command: note('never') },
    { when: 'failure', command: note('failure: $HOLDFAST_ERROR') },
    { when: 'finally', command: 'exit 1' },
  ]);
  const run = await runner.run('documents', 'commands');
  assert.equal(run.state, 'failed');
  assert.match(run.reason ?? '', /\(before\) failed: it ended with status 4: oh no/u);
  const [line] = await noted(runner);
  assert.match(line ?? '', /^failure: The hook .* failed/u);
  assert.deepEqual(
    run.steps.map(({ name, outcome, exitStatus }) => [name.split(':')[0], outcome, exitStatus]),
    [
      ['before', 'failed', 4],
      ['failure', 'succeeded', 0],
      ['finally', 'failed', 1],
    ],
  );
});

test('what a hook may do to the run', async () => {
  for (const [hook, state] of [
    [{ when: 'before', command: 'exit 75' }, 'skipped'],
    [{ when: 'before', command: 'exit 1', onError: 'cancel' }, 'skipped'],
    [{ when: 'before', command: 'exit 1', onError: 'ignore' }, 'warned'],
    [{ when: 'after', command: 'exit 1' }, 'warned'],
    [{ when: 'after', command: 'exit 1', onError: 'fail' }, 'failed'],
    [{ when: 'after', command: 'exit 75' }, 'succeeded'],
    [{ when: 'finally', command: 'exit 1', onError: 'fail' }, 'succeeded'],
    [{ when: 'before', command: 'exit 1', activities: ['check'] }, 'succeeded'],
    [{ when: 'before', command: ['/nonexistent/program'] }, 'failed'],
  ] satisfies [Hook, string][]) {
    await using runner = await prepared([hook, { when: 'skip', command: note('skip') }]);
    const run = await runner.run('documents', 'commands');
    assert.equal(run.state, state, JSON.stringify(hook));
    const lines = await noted(runner);
    assert.equal(lines.includes('skip'), state === 'skipped');
    // After the work it is too late to keep it from being done.
    assert.equal(
      lines.includes('work'),
      hook.when !== 'before' || !['skipped', 'failed'].includes(state),
    );
  }
});

test('a hook may be tried again', async () => {
  const pauses: number[] = [];
  // The pauses between attempts are left out, those of the worker are kept.
  const sleep: Clock['sleep'] = async (milliseconds, options) => {
    if (milliseconds < 5000) return await systemClock.sleep(milliseconds, options);
    pauses.push(milliseconds);
  };
  await using runner = await testRunner({ clock: { ...systemClock, sleep } });
  const hook: Hook = {
    when: 'before',
    onError: 'retry',
    command: 'echo x >> tries; [ "$(wc -l < tries)" -ge "$WANTED" ]',
  };
  const job: CommandsJob = {
    kind: 'commands',
    name: 'documents',
    commands: [{ name: '1', command: 'rm tries' }],
    hooks: [hook],
    environment: { WANTED: '3' },
  };
  await runner.configure([job]);
  const run = await runner.run('documents', 'commands');
  assert.equal(run.state, 'succeeded', run.reason);
  assert.deepEqual(pauses, [5000, 30_000]);
  await runner.configure([{ ...job, environment: { WANTED: '4' } }]);
  const failed = await runner.run('documents', 'commands');
  assert.equal(failed.state, 'failed');
  assert.equal(failed.steps.length, 3);
});

test('a hook that hangs is ended with what it has started, and has failed', async () => {
  await using runner = await prepared([
    { when: 'before', command: 'sleep 1000 & echo $! > pid; wait', timeout: '1s' },
  ]);
  const run = await runner.run('documents', 'commands');
  assert.equal(run.state, 'failed');
  assert.match(run.reason ?? '', /took too long/u);
  const pid = Number(await readFile(runner.place('pid'), 'utf8'));
  assert.equal(await startTicksOf(pid), undefined);
  assert.deepEqual(await runner.catalog.journal.list(), []);
});

test('hooks are run although the configuration of the run fails, and see no secret of the service', async () => {
  await using runner = await prepared(
    [
      { when: 'failure', command: note('failure $HOLDFAST_ERROR') },
      { when: 'finally', command: `${note('finally $GREETING $HOLDFAST_DATABASE')}; echo $TOKEN` },
    ],
    {
      environment: {
        GREETING: 'hello',
        TOKEN: 'a-secret-token',
        OTHER: { file: '/nonexistent/file' },
      },
    },
  );
  Object.assign(runner.context.program.environment, { HOLDFAST_DATABASE: 'postgresql://secret' });
  const run = await runner.run('documents', 'commands');
  assert.equal(run.state, 'failed');
  const [failure, last] = await noted(runner);
  assert.match(failure ?? '', /Cannot read the variable "OTHER" of the job "documents"/u);
  assert.equal(last, 'finally hello ');
  assert.equal(run.steps.at(-1)?.output, '***\n');
});

test('hooks around each destination, one that says no leaves that destination out', async () => {
  await using runner = await testRunner();
  await writeFile(runner.place('letter'), 'Dear reader');
  const job: BackupJob = {
    kind: 'backup',
    name: 'documents',
    sources: [runner.place('letter')],
    destinations: ['first', 'second'].map((name) => ({
      name,
      url: runner.place(name),
      unencrypted: true,
    })),
    hooks: [
      { when: 'before', destination: 'each', command: note('before $HOLDFAST_DESTINATION') },
      { when: 'before', destination: 'second', command: 'exit 75' },
      {
        when: 'success',
        destination: 'each',
        command: note('done $HOLDFAST_DESTINATION $HOLDFAST_SNAPSHOT'),
      },
      { when: 'success', command: note('all done') },
    ],
  };
  await runner.configure([job]);
  const run = await runner.run('documents');
  assert.equal(run.state, 'succeeded', run.reason);
  const [backup, ...others] = run.steps.filter(({ kind }) => kind === 'backup');
  assert.deepEqual(others, []);
  assert.deepEqual(await noted(runner), [
    'before first',
    `done first ${backup?.counters?.snapshot}`,
    'before second',
    'all done',
  ]);
});
