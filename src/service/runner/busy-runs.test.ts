import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { testRunner } from '#test/support/runner.ts';
import type { CommandsJob, Job } from '../../model/job.ts';
import type { Run } from '../../model/run.ts';
import { busyEnd, endBusyRuns } from './busy-runs.ts';

const HOUR = 3_600_000;

const runOf = (id: string, more: Partial<Run> = {}): Run => ({
  id,
  job: 'documents',
  activity: 'backup',
  trigger: 'schedule',
  queuedAt: 0,
  state: 'queued',
  steps: [],
  priority: 0,
  keys: ['job:documents', 'repository:/disk'],
  ...more,
});

const job: Job = { kind: 'backup', name: 'documents', destinations: [{ url: '/disk' }] };
const other = runOf('other', { job: 'photos', state: 'running', keys: ['repository:/disk'] });

test('what becomes of a run that has to wait', () => {
  const run = runOf('1');
  const end = (now: number, busy: Job['busy'], running: readonly Run[], mine = run) =>
    busyEnd(
      mine,
      { ...job, ...(busy !== undefined && { busy }) },
      { now, running, waiting: [mine] },
    );
  assert.equal(end(1, undefined, []), undefined);
  assert.equal(end(1, undefined, [other]), undefined);
  assert.equal(end(HOUR, undefined, [other])?.outcome, 'failed');
  assert.match(end(HOUR, undefined, [other])?.reason ?? '', /backup of "photos" is under way/u);
  assert.equal(end(HOUR, { mode: 'wait', timeout: '2h' }, [other]), undefined);
  assert.equal(end(1, { mode: 'skip' }, [other])?.outcome, 'skipped');
  assert.equal(end(1, { mode: 'fail' }, [other])?.problem?.code, 'job/busy');
  const same = runOf('same', { state: 'running' });
  assert.equal(end(1, undefined, [same])?.outcome, 'skipped');
  assert.equal(end(1, { mode: 'wait' }, [same]), undefined);
  assert.equal(end(1, undefined, [same], runOf('2', { trigger: 'manual' })), undefined);
  // Its time has not come.
  assert.equal(end(1, { mode: 'skip' }, [other], runOf('3', { notBefore: 5 })), undefined);
});

test('of runs that the schedule wants one waits', () => {
  const first = runOf('1');
  const second = runOf('2', { trigger: 'catch-up' });
  const waiting = [first, second];
  assert.equal(busyEnd(first, job, { now: 1, running: [], waiting }), undefined);
  assert.equal(busyEnd(second, job, { now: 1, running: [], waiting })?.outcome, 'skipped');
});

test('a run that is ended has its hooks run and is in the history', async () => {
  await using runner = await testRunner();
  const commands = [{ name: '1', command: 'true' }];
  const busy: CommandsJob = {
    kind: 'commands',
    name: 'nightly',
    commands,
    busy: { mode: 'fail' },
    hooks: [{ when: 'failure', command: 'echo "$HOLDFAST_ERROR" > failure' }],
  };
  await runner.configure([busy]);
  await runner.queue('nightly', 'commands');
  await runner.catalog.queue.claim(runner.context.worker, Date.now());
  const waiting = await runner.queue('nightly', 'commands');
  const configuration = await runner.catalog.configuration.read();
  const { signal } = new AbortController();
  // Two instances at once: one of them does it.
  const ended = await Promise.all([
    endBusyRuns(runner.context, configuration, signal),
    endBusyRuns(runner.context, configuration, signal),
  ]);
  assert.deepEqual(ended.toSorted(), [0, 1]);
  const run = await runner.catalog.runs.get(waiting.id);
  assert.equal(run?.state, 'failed');
  assert.equal(run.steps.length, 1);
  const text = await readFile(runner.place('failure'), 'utf8');
  assert.equal(text, 'Cannot begin, because commands of "nightly" is under way\n');
  assert.deepEqual(await runner.catalog.notes.list('busy/'), new Map());
});
