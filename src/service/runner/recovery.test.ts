import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';

import { type TestRunner, testRunner } from '#test/support/runner.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import type { CommandsJob } from '../../model/job.ts';
import type { Run, WorkerIdentity } from '../../model/run.ts';
import { SANDBOX_ENTRY } from './drill/sandbox.ts';
import { PROGRAM_ENTRY, startTicksOf } from './journalled-program.ts';
import { recoverRuns } from './recovery.ts';

const job: CommandsJob = {
  kind: 'commands',
  name: 'nightly',
  commands: [{ name: '1', command: 'true' }],
  hooks: [
    { when: 'failure', command: 'echo "$HOLDFAST_OUTCOME: $HOLDFAST_ERROR" > failure' },
    { when: 'finally', command: 'touch finally' },
  ],
};

/** This machine, but a process that is gone. */
const dead = ({ context }: TestRunner): WorkerIdentity => ({
  ...context.worker,
  id: 'dead',
  startTicks: context.worker.startTicks - 1,
});

/** A run that a worker has begun. */
async function begun(runner: TestRunner, worker: WorkerIdentity): Promise<Run> {
  await runner.configure([job]);
  const { id } = await runner.queue('nightly', 'commands');
  const run = await runner.catalog.queue.claim(worker, Date.now(), { only: id });
  const done = { name: 'first', kind: 'command', startedAt: 1, finishedAt: 2 } as const;
  await runner.catalog.runs.progress(id, worker.id, [
    { ...done, outcome: 'succeeded' },
    { name: 'second', kind: 'command', startedAt: 2 },
  ]);
  return run!;
}

const signal = new AbortController().signal;

test('a broken run is finished, with what it had done, its last hooks and a report', async () => {
  await using runner = await testRunner();
  const { id } = await begun(runner, dead(runner));
  const [over] = await recoverRuns(runner.context, [], signal);
  assert.equal(over?.id, id);
  const run = await runner.catalog.runs.get(id);
  assert.equal(run?.state, 'broken');
  assert.match(run.reason ?? '', /in the step "second"/u);
  assert.deepEqual(
    run.steps.map(({ name, outcome }) => [name.split(':')[0], outcome]),
    [
      ['first', 'succeeded'],
      ['second', 'broken'],
      ['failure', 'succeeded'],
      ['finally', 'succeeded'],
    ],
  );
  assert.match(await readFile(runner.place('failure'), 'utf8'), /^broken: The program/u);
  assert.deepEqual(
    runner.told.map(({ state }) => state),
    ['broken'],
  );
  assert.equal((await runner.run('nightly', 'commands')).state, 'succeeded', 'its keys are free');
  assert.deepEqual(await recoverRuns(runner.context, [], signal), []);
});

test('a run of a worker that lives is left alone, and what its journal says', async () => {
  await using runner = await testRunner();
  const { id } = await begun(runner, { ...runner.context.worker, id: 'another' });
  await runner.catalog.journal.add({
    kind: SANDBOX_ENTRY,
    run: id,
    host: runner.context.worker.host,
    data: { directory: runner.directory, prefix: 'holdfast-drill-' },
  });
  assert.deepEqual(await recoverRuns(runner.context, [], signal), []);
  assert.equal((await runner.catalog.runs.get(id))?.state, 'running');
  assert.equal((await runner.catalog.journal.list()).length, 1);
});

test('programs and directories of a dead run go', async () => {
  await using runner = await testRunner();
  const { id } = await begun(runner, dead(runner));
  const { host } = runner.context.worker;
  const child = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', (_status, name) => resolve(name)));
  const startTicks = await startTicksOf(child.pid!);
  const program = { ...runner.context.worker, pid: child.pid, startTicks };
  await runner.catalog.journal.add({ kind: PROGRAM_ENTRY, run: id, host, data: program });
  const sandbox = runner.place('holdfast-drill-01234567-abcDEF');
  const other = runner.place('holdfast-drill-01234567-abcDEF-mine');
  await mkdir(path.join(sandbox, 'a'), { recursive: true, mode: 0o500 });
  await mkdir(other);
  await runner.catalog.journal.add({
    kind: SANDBOX_ENTRY,
    run: id,
    host,
    data: { directory: runner.directory, prefix: 'holdfast-drill-01234567-' },
  });
  await recoverRuns(runner.context, [], signal);
  assert.equal(await ended, 'SIGTERM');
  await assert.rejects(stat(sandbox), { code: 'ENOENT' });
  await stat(other);
  assert.deepEqual(await runner.catalog.journal.list(), []);
});

test('a number of a process that was given again is not ended', async () => {
  await using runner = await testRunner();
  const { id } = await begun(runner, dead(runner));
  const child = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
  try {
    const startTicks = (await startTicksOf(child.pid!))! - 1;
    await runner.catalog.journal.add({
      kind: PROGRAM_ENTRY,
      run: id,
      host: runner.context.worker.host,
      data: { ...runner.context.worker, pid: child.pid, startTicks },
    });
    await recoverRuns(runner.context, [], signal);
    assert.ok((await startTicksOf(child.pid!)) !== undefined);
    assert.deepEqual(await runner.catalog.journal.list(), []);
  } finally {
    child.kill();
  }
});

test('what a run that begins meanwhile has noted is left alone', async () => {
  await using runner = await testRunner();
  await runner.configure([job]);
  const { id } = await runner.queue('nightly', 'commands');
  const { queue, journal, runs } = runner.catalog;
  const { worker } = runner.context;
  // It begins, and has a sandbox, as soon as it was asked who is at work.
  const list: Catalog['runs']['list'] = async (filter, options) => {
    const found = await runs.list(filter, options);
    if ((await queue.claim(worker, Date.now(), { only: id })) !== undefined) {
      const data = { directory: runner.directory, prefix: 'holdfast-drill-' };
      await journal.add({ kind: SANDBOX_ENTRY, run: id, host: worker.host, data });
    }
    return found;
  };
  const bound = (name: string | symbol): unknown => {
    const value = Reflect.get(runs, name) as unknown;
    return typeof value === 'function' ? (value.bind(runs) as unknown) : value;
  };
  const watched = new Proxy(runs, { get: (_, name) => (name === 'list' ? list : bound(name)) });
  const catalog = new Proxy(runner.catalog, {
    get: (target, name) => (name === 'runs' ? watched : (Reflect.get(target, name) as unknown)),
  });
  await recoverRuns({ ...runner.context, catalog }, [], signal);
  assert.equal((await journal.list()).length, 1);
});

test('a broken run is kept from others for as long as its last hooks take', async () => {
  await using runner = await testRunner();
  const { id } = await begun(runner, dead(runner));
  await runner.configure([
    {
      ...job,
      hooks: [
        { when: 'finally', command: `until [ -e ${runner.place('kept')} ]; do sleep 0.1; done` },
      ],
    },
  ]);
  const { queue } = runner.catalog;
  let renewed = 0;
  const renew: Catalog['queue']['renew'] = async (run, ...rest) => {
    const answer = await queue.renew(run, ...rest);
    if (run === id && answer.held && ++renewed === 2) await writeFile(runner.place('kept'), '');
    return answer;
  };
  const watched = new Proxy(queue, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      if (name === 'renew') return renew;
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  const catalog = new Proxy(runner.catalog, {
    get: (target, name) => (name === 'queue' ? watched : (Reflect.get(target, name) as unknown)),
  });
  const [over] = await recoverRuns({ ...runner.context, catalog, renewal: 50 }, [], signal);
  assert.equal(over?.steps.at(-1)?.outcome, 'succeeded');
  assert.ok(renewed >= 2);
});
