import assert from 'node:assert/strict';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { test } from 'node:test';

import type { BackupJob } from '../../../model/job.ts';
import { runProgram } from '../../../base/process.ts';
import { ownProgramArgv, type TestRunner, testRunner } from '#test/support/runner.ts';

async function sampleSource(runner: TestRunner): Promise<string> {
  const source = runner.place('source');
  await mkdir(source);
  await writeFile(runner.place('source', 'letter.txt'), 'Dear reader');
  await writeFile(runner.place('source', 'list.txt'), 'one\ntwo\n');
  return source;
}

const jobOf = (given: Partial<BackupJob> & Pick<BackupJob, 'destinations'>): BackupJob => ({
  kind: 'backup',
  name: 'documents',
  ...given,
});

test('a backup is made, with what it counted', async () => {
  await using runner = await testRunner();
  const source = await sampleSource(runner);
  await runner.configure([
    jobOf({
      sources: [source],
      destinations: [{ url: runner.place('repository'), passphrase: 'correct horse' }],
      filters: { exclude: ['list.*'] },
      tags: ['nightly'],
    }),
  ]);
  const run = await runner.run('documents');
  assert.equal(run.state, 'succeeded', JSON.stringify(run, undefined, 1));
  const [step] = run.steps;
  assert.equal(step?.kind, 'backup');
  assert.equal(step.destination, runner.place('repository'));
  assert.equal(step.counters?.files, 1);
  assert.match(step.counters?.snapshot ?? '', /^[0-9a-f]{32}$/u);
  const { output } = await runProgram(
    [...ownProgramArgv, 'snapshots', runner.place('repository'), '--json'],
    {
      environment: { ...runner.context.program.environment, HOLDFAST_PASSPHRASE: 'correct horse' },
    },
  );
  const snapshot = JSON.parse(output.toString()) as { id: string; tags: string[] };
  assert.equal(snapshot.id, step.counters?.snapshot);
  assert.deepEqual(snapshot.tags.toSorted(), ['job:documents', 'nightly']);
});

test('a destination that fails does not stop the others, and each is told', async () => {
  await using runner = await testRunner();
  const source = await sampleSource(runner);
  await writeFile(runner.place('no-directory'), '');
  await runner.configure([
    jobOf({
      sources: [source],
      destinations: [
        { name: 'broken', url: runner.place('no-directory', 'x'), passphrase: 'correct horse' },
        { name: 'secretless', url: runner.place('b'), passphrase: { file: '/nonexistent/secret' } },
        { name: 'good', url: runner.place('good'), unencrypted: true },
      ],
    }),
  ]);
  const run = await runner.run('documents');
  assert.equal(run.state, 'failed');
  assert.deepEqual(
    run.steps.map(({ outcome }) => outcome),
    ['failed', 'failed', 'succeeded'],
  );
  assert.match(run.reason ?? '', /no-directory/u);
  assert.match(
    run.steps[1]?.problem?.message ?? '',
    /Cannot read the passphrase of .*"secretless"/u,
  );
  assert.equal(run.problem?.message, run.steps[0]?.problem?.message);
});

test('retention follows a backup that has succeeded, for the snapshots of the job alone', async () => {
  await using runner = await testRunner();
  const source = await sampleSource(runner);
  const destinations = [{ url: runner.place('repository'), unencrypted: true }];
  const { environment } = runner.context.program;
  const byHand = [...ownProgramArgv, 'backup', source, runner.place('repository')];
  for (let count = 0; count < 2; count++) {
    const { status } = await runProgram([...byHand, '--insecure-no-passphrase'], { environment });
    assert.equal(status, 0);
  }
  await runner.configure([jobOf({ sources: [source], destinations, retention: { keepLast: 1 } })]);
  for (let count = 0; count < 5; count++) {
    const run = await runner.run('documents');
    assert.equal(run.state, 'succeeded', run.reason);
    assert.deepEqual(
      run.steps.map(({ kind }) => kind),
      ['backup', 'retention'],
    );
  }
  const { output } = await runProgram(
    [
      ...ownProgramArgv,
      'snapshots',
      runner.place('repository'),
      '--json',
      '--insecure-no-passphrase',
    ],
    { environment },
  );
  const tags = output
    .toString()
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { tags: string[] }).tags.join(' '));
  // The floor of the repository keeps three of them.
  assert.deepEqual(tags.toSorted(), ['', '', 'job:documents', 'job:documents', 'job:documents']);
  await rm(source, { recursive: true });
  const failed = await runner.run('documents');
  assert.equal(failed.state, 'failed');
  assert.deepEqual(
    failed.steps.map(({ kind }) => kind),
    ['backup'],
  );
});

test('a dry run drops nothing, and is no success', async () => {
  await using runner = await testRunner();
  const source = await sampleSource(runner);
  const destinations = [{ url: runner.place('repository'), unencrypted: true }];
  await runner.configure([jobOf({ sources: [source], destinations, retention: { keepLast: 1 } })]);
  const stored = await runner.run('documents');
  assert.equal(stored.state, 'succeeded', stored.reason);
  const run = await runner.run('documents', 'backup', { parameters: { 'dry-run': 'true' } });
  assert.equal(run.state, 'skipped', run.reason);
  assert.match(run.reason ?? '', /dry run/u);
  assert.deepEqual(
    run.steps.map(({ kind, outcome }) => [kind, outcome]),
    [['backup', 'succeeded']],
  );
  const history = await runner.catalog.runs.history('documents', 'backup');
  assert.equal(history?.lastSuccess?.id, stored.id);
});

test('the first destination that answers is restored from', async () => {
  await using runner = await testRunner();
  const source = await sampleSource(runner);
  const good = { name: 'good', url: runner.place('good'), passphrase: 'correct horse' };
  const gone = { name: 'gone', url: runner.place('gone'), passphrase: 'correct horse' };
  await runner.configure([jobOf({ sources: [source], destinations: [good] })]);
  assert.equal((await runner.run('documents')).state, 'succeeded');
  await runner.configure([jobOf({ sources: [source], destinations: [gone, good] })]);
  const target = runner.place('restored');
  const run = await runner.run('documents', 'restore', { parameters: { target } });
  assert.equal(run.state, 'warned', run.reason);
  assert.match(run.reason ?? '', /There is no repository in ".*gone"/u);
  assert.equal(await readFile(`${target}/letter.txt`, 'utf8'), 'Dear reader');
  const odd = await runner.run('documents', 'restore', { parameters: { tarjet: target } });
  assert.equal(odd.state, 'failed');
  assert.match(odd.problem?.message ?? '', /"tarjet" is no parameter/u);
});
