import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';

import { testRunner } from '#test/support/runner.ts';
import { AppError } from '../../base/errors.ts';
import type { CommandsJob, Job } from '../../model/job.ts';
import { RunWorker } from './run-worker.ts';

const commandsJob = (command: string, more: Partial<CommandsJob> = {}): Job => ({
  kind: 'commands',
  name: 'nightly',
  commands: [{ name: '1', command }],
  ...more,
});

test('a run that is cancelled is finished as that, after its last hooks', async () => {
  await using runner = await testRunner();
  await runner.configure([
    commandsJob('sleep 1000', {
      hooks: [
        { when: 'failure', command: 'touch failure' },
        { when: 'finally', command: 'echo "$HOLDFAST_OUTCOME" > finally' },
      ],
    }),
  ]);
  using _listening = runner.context.feed.subscribe((event) => {
    if (event.type === 'step' && event.step.kind === 'command') runner.worker.cancel(event.run);
  });
  const run = await runner.run('nightly', 'commands');
  assert.equal(run.state, 'cancelled');
  assert.equal(run.reason, 'The run was cancelled');
  assert.equal(await readFile(runner.place('finally'), 'utf8'), 'cancelled\n');
  await assert.rejects(readFile(runner.place('failure')));
});

test('a wish to cancel that another process has noted is found when the claim is renewed', async () => {
  await using runner = await testRunner();
  await runner.configure([commandsJob('sleep 1000')]);
  using _listening = runner.context.feed.subscribe((event) => {
    if (event.type !== 'step' || event.step.kind !== 'command') return;
    void runner.catalog.queue.cancel(event.run, Date.now());
  });
  assert.equal((await runner.run('nightly', 'commands')).state, 'cancelled');
});

test('a run that takes too long has failed', async () => {
  await using runner = await testRunner();
  await runner.configure([
    commandsJob('sleep 1000', {
      timeout: '1s',
      hooks: [{ when: 'failure', command: 'echo "$HOLDFAST_ERROR" > failure' }],
    }),
  ]);
  const run = await runner.run('nightly', 'commands');
  assert.equal(run.state, 'failed');
  assert.equal(run.reason, 'The run of "nightly" took longer than 1 s and was ended');
  assert.match(await readFile(runner.place('failure'), 'utf8'), /took longer than 1 s/u);
});

test('a job that is gone, an activity that it has not, a condition that does not hold', async () => {
  await using runner = await testRunner();
  await runner.configure([
    commandsJob('true'),
    {
      kind: 'backup',
      name: 'documents',
      sources: ['/etc'],
      destinations: [{ url: '/nonexistent/disk/repository', unencrypted: true }],
      conditions: { destinationPresent: true },
      hooks: [{ when: 'skip', command: 'echo "$HOLDFAST_ERROR" > skip' }],
    },
  ]);
  const odd = await runner.run('nightly', 'check');
  assert.match(odd.reason ?? '', /it has no "check"/u);
  const skipped = await runner.run('documents', 'backup', { trigger: 'schedule' });
  assert.equal(skipped.state, 'skipped', skipped.reason);
  assert.equal(await readFile(runner.place('skip'), 'utf8'), `${skipped.reason}\n`);
  const queued = await runner.queue('nightly', 'commands');
  await runner.configure([]);
  const claimed = await runner.catalog.queue.claim(runner.context.worker, Date.now());
  assert.equal(claimed?.id, queued.id);
  await runner.worker.work(claimed, new AbortController().signal);
  const gone = await runner.catalog.runs.get(queued.id);
  assert.equal(gone?.state, 'cancelled');
  assert.equal(gone.problem?.code, 'job/missing');
});

test('a run whose condition does not hold goes back into the queue, if its job says so', async () => {
  await using runner = await testRunner();
  await runner.configure([
    {
      kind: 'backup',
      name: 'documents',
      sources: ['/etc'],
      destinations: [{ url: '/nonexistent/disk/repository', unencrypted: true }],
      conditions: { destinationPresent: true, otherwise: 'postpone' },
    },
  ]);
  const run = await runner.run('documents', 'backup', { trigger: 'schedule' });
  assert.equal(run.state, 'queued');
  assert.ok((run.notBefore ?? 0) > Date.now());
  assert.match(run.reason ?? '', /nonexistent/u);
});

test('when the service stops, runs are cancelled and told as that', async () => {
  await using runner = await testRunner();
  await runner.configure([commandsJob('sleep 1000')]);
  using _listening = runner.context.feed.subscribe((event) => {
    if (event.type === 'step') runner.worker.cancelAll(new AppError('interrupted', 'Stopped'));
  });
  const run = await runner.run('nightly', 'commands');
  assert.equal(run.state, 'cancelled');
  assert.equal(run.reason, 'Stopped');
  assert.deepEqual(
    runner.told.map(({ state }) => state),
    ['running', 'cancelled'],
  );
});

for (const [trigger, isMadeUpFor] of [
  ['schedule', true],
  ['catch-up', true],
  ['manual', false],
] as const) {
  test(`what the end of the service cancels of ${trigger} is ${isMadeUpFor ? '' : 'not '}queued anew`, async () => {
    await using runner = await testRunner();
    await runner.configure([commandsJob('sleep 1000')]);
    using _listening = runner.context.feed.subscribe((event) => {
      if (event.type === 'step') runner.worker.cancelAll(new AppError('interrupted', 'Stopped'));
    });
    const run = await runner.run('nightly', 'commands', { trigger });
    assert.equal(run.state, 'cancelled');
    const queued = await runner.catalog.runs.list({ states: ['queued'] });
    assert.deepEqual(
      queued.map(({ job, activity, trigger: by, keys }) => [job, activity, by, keys]),
      isMadeUpFor ? [['nightly', 'commands', 'catch-up', run.keys]] : [],
    );
  });
}

test('a run that a person cancels is not queued anew', async () => {
  await using runner = await testRunner();
  await runner.configure([commandsJob('sleep 1000')]);
  using _listening = runner.context.feed.subscribe((event) => {
    if (event.type === 'step') for (const id of runner.worker.running) runner.worker.cancel(id);
  });
  await runner.run('nightly', 'commands', { trigger: 'schedule' });
  assert.deepEqual(await runner.catalog.runs.list({ states: ['queued'] }), []);
});

test('a run that another worker has taken over is ended and left to it', async () => {
  await using runner = await testRunner();
  await runner.configure([commandsJob('sleep 1000')]);
  const other = { ...runner.context.worker, id: 'another' };
  using _listening = runner.context.feed.subscribe((event) => {
    if (event.type !== 'step' || event.step.outcome !== undefined) return;
    void runner.catalog.queue.takeBroken(other, () => true, Date.now());
  });
  await writeFile(runner.place('x'), '');
  const run = await runner.run('nightly', 'commands');
  assert.equal(run.state, 'running');
  assert.equal(run.worker?.id, 'another');
});

test('a catalog that cannot be reached for a while ends no work, and no hook is left out', async () => {
  let isAway = false;
  await using runner = await testRunner();
  const unavailable = async (): Promise<never> => {
    throw new AppError('catalog/unavailable', 'The catalog does not answer');
  };
  const { runs, journal, queue } = runner.catalog;
  const absent = <Store extends object>(store: Store, ...names: readonly string[]): Store =>
    new Proxy(store, {
      get: (target, name) => {
        if (isAway && names.includes(String(name))) return unavailable;
        const value = Reflect.get(target, name) as unknown;
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  const parts = {
    runs: absent(runs, 'progress'),
    journal: absent(journal, 'add', 'list', 'remove'),
    queue: absent(queue, 'renew'),
  };
  const catalog = new Proxy(runner.catalog, {
    get: (target, name) =>
      Object.hasOwn(parts, name) ? parts[name as keyof typeof parts] : Reflect.get(target, name),
  });
  await runner.configure([
    commandsJob('true', {
      hooks: [
        { when: 'success', command: 'touch success' },
        { when: 'finally', command: 'touch finally' },
      ],
    }),
  ]);
  using _listening = runner.context.feed.subscribe((event) => {
    if (event.type === 'step') isAway = true;
  });
  const { id } = await runner.queue('nightly', 'commands');
  const run = await catalog.queue.claim(runner.context.worker, Date.now(), { only: id });
  const worker = new RunWorker({ ...runner.context, catalog });
  const end = await worker.work(run!, new AbortController().signal);
  assert.equal(end?.outcome, 'succeeded', end?.reason);
  assert.deepEqual(
    (await runs.get(id))?.steps.map(({ outcome }) => outcome),
    ['succeeded', 'succeeded', 'succeeded'],
  );
  await readFile(runner.place('success'));
  await readFile(runner.place('finally'));
});

test('that a run begins is told before its end, however soon that is', async () => {
  const told: string[] = [];
  await using runner = await testRunner({
    async reportsOf({ state }) {
      if (state === 'running') await new Promise((resolve) => setTimeout(resolve, 300));
      told.push(state);
      return [];
    },
  });
  await runner.configure([commandsJob('true')]);
  await runner.run('nightly', 'commands');
  assert.deepEqual(told, ['running', 'succeeded']);
});
