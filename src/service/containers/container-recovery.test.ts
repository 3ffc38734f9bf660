import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';

import { noPodman } from '#test/servers/podman.ts';
import {
  type ContainerStage,
  containerStage,
  waitingProgram,
} from '#test/support/container-stage.ts';

import { systemClock } from '../../base/clock.ts';
import { AppError } from '../../base/errors.ts';
import type { ProcessIdentity } from '../../base/process-identity.ts';

const skip = noPodman();

describe('containers that are still stopped', { skip }, () => {
  let stage: ContainerStage;

  before(async () => {
    stage = await containerStage();
  });
  after(() => stage[Symbol.asyncDispose]());
  beforeEach(() => stage.clear());

  test('one that ignores the request is killed after its time, which is told', async () => {
    const { run, newRun, stopped, started } = stage;
    await run({ name: 'deaf', command: ['sh', '-c', 'trap "" TERM; while :; do sleep 1; done'] });
    const id = await newRun();
    const step = await stopped({ names: ['deaf'], stopTimeout: '1s' }, id, 'warned');
    assert.deepEqual(step.warnings, [
      'The container "deaf" did not stop within 1 s and was killed',
    ]);
    await started(id);
  });

  test('one that will not start is told and kept in mind; the others start, it does at the next recovery', async () => {
    const { podman, catalog, keeper, keeperWith, run, newRun, stopped, started, directory } = stage;
    const program = path.join(directory, 'program');
    await writeFile(program, waitingProgram, { mode: 0o755 });
    await run({ name: 'broken', command: [program], labels: { stop: '' } });
    await run({ name: 'stays', labels: { stop: '' } });
    const id = await newRun();
    await stopped({ label: 'stop' }, id);
    await rm(program);
    const step = await started(id, 'failed');
    assert.match(
      step.problem?.message ?? '',
      /^Cannot start the container "[0-9a-f]{64}": .*program/u,
    );
    assert.equal(step.problem?.code, 'container/failed');
    assert.equal(await podman.state('stays'), 'running');
    await catalog.queue.cancel(id, 0);
    // Not again and again, but after a while.
    assert.deepEqual(await keeper.recover({ isAlive: () => false }), []);
    await using later = keeperWith({
      clock: { ...systemClock, now: () => systemClock.now() + 61_000 },
    });
    const [again] = await later.recover({ isAlive: () => false });
    assert.equal(again?.step.outcome, 'failed');
    await writeFile(program, waitingProgram, { mode: 0o755 });
    assert.deepEqual(await later.recover({ isAlive: () => false }), []);
    await using muchLater = keeperWith({
      clock: { ...systemClock, now: () => systemClock.now() + 3.7e6 },
    });
    const [recovered] = await muchLater.recover({ isAlive: () => false });
    assert.equal(recovered?.step.output, 'Started: broken');
    assert.equal(await podman.state('broken'), 'running');
  });

  test('after a day it is given up, because somebody means it to be off', async () => {
    const { catalog, keeperWith, run, newRun, stopped, started, directory } = stage;
    const program = path.join(directory, 'program');
    await writeFile(program, waitingProgram, { mode: 0o755 });
    await run({ name: 'broken', command: [program] });
    const id = await newRun();
    await stopped({ names: ['broken'] }, id);
    await rm(program);
    await started(id, 'failed');
    await catalog.queue.cancel(id, 0);
    await using nextDay = keeperWith({
      clock: { ...systemClock, now: () => systemClock.now() + 90_000_000 },
    });
    const [recovered] = await nextDay.recover({ isAlive: () => false });
    assert.equal(recovered?.step.outcome, 'failed');
    assert.deepEqual(await catalog.journal.list(), []);
  });

  test('killed after it has stopped: the next one starts exactly that', async () => {
    const { podman, keeper, run, newRun, states } = stage;
    await run({ name: 'web' });
    await run({ name: 'off', stopped: true });
    const id = await newRun();
    await killedWorker(id, 'web', 'stopped succeeded');
    assert.equal(await podman.state('web'), 'exited');
    // Another process of the same machine does not touch what is under way.
    assert.deepEqual(await keeper.recover({ isAlive: (one) => one === id }), []);
    const [recovered, ...others] = await keeper.recover({ isAlive: () => false });
    assert.deepEqual(others, []);
    assert.equal(recovered?.run, id);
    assert.equal(recovered.step.output, 'Started: web');
    assert.deepEqual(await states('web', 'off'), ['running', 'created']);
  });

  test('killed while the engine is stopping: it runs in the end', async () => {
    const { podman, keeper, run, newRun } = stage;
    await run({
      name: 'slow',
      command: ['sh', '-c', 'trap "sleep 1; exit 0" TERM; while :; do sleep 0.1; done'],
    });
    await killedWorker(await newRun(), 'slow', 'announced');
    await keeper.recover({ isAlive: () => false });
    assert.equal(await podman.state('slow'), 'running');
    // Nothing is under way any more that could stop it.
    await systemClock.sleep(1500);
    assert.equal(await podman.state('slow'), 'running');
  });

  test('what a run of this process has stopped is not taken for left behind', async () => {
    const { keeper, run, newRun, stopped, started } = stage;
    await run({ name: 'web' });
    const id = await newRun();
    await stopped({ names: ['web'] }, id);
    // As if it had begun after the list of what is under way was made.
    assert.deepEqual(await keeper.recover({ isAlive: () => false }), []);
    await started(id);
  });

  test('a catalog that is away does not keep containers from starting', async () => {
    const { podman, catalog, keeper, keeperWith, run, newRun } = stage;
    await run({ name: 'web', labels: { 'holdfast.exec-after': 'echo on again' } });
    let isAway = false;
    const away =
      <Parameters extends unknown[], Result>(
        call: (...parameters: Parameters) => Promise<Result>,
      ) =>
      (...parameters: Parameters): Promise<Result> =>
        isAway
          ? Promise.reject(new AppError('catalog/unavailable', 'Cannot reach the catalog'))
          : call(...parameters);
    const { journal, runs } = catalog;
    await using lonely = keeperWith({
      catalog: {
        runs: { ...runs, get: away((...parameters) => runs.get(...parameters)) },
        journal: {
          add: away((...parameters) => journal.add(...parameters)),
          list: away((...parameters) => journal.list(...parameters)),
          update: away((...parameters) => journal.update(...parameters)),
          remove: away((...parameters) => journal.remove(...parameters)),
        },
      },
    });
    const id = await newRun();
    await lonely.stop({ names: ['web'] }, { run: id });
    isAway = true;
    const step = await lonely.start({}, { run: id });
    assert.deepEqual(
      [step.outcome, step.output, step.warnings],
      ['warned', 'web: on again\nStarted: web', ['Cannot reach the catalog']],
    );
    assert.equal(await podman.state('web'), 'running');
    // What is still in the journal does no harm.
    isAway = false;
    await catalog.queue.cancel(id, 0);
    const [recovered] = await keeper.recover({ isAlive: () => false });
    assert.equal(recovered?.step.counters?.details?.['started'], 0);
  });

  test('what stopped under another name of this machine is found by its containers', async () => {
    const { catalog, keeper, run, newRun, stopped } = stage;
    await run({ name: 'web' });
    const [here, id] = [await newRun(), await newRun()];
    await stopped({ names: ['web'] }, here);
    const [entry] = await catalog.journal.list();
    assert.ok(entry !== undefined);
    // As if it had been another process, in a container that has been made anew since: nobody knows that it is gone.
    const process = { ...(entry.data['process'] as ProcessIdentity), host: '4f1d' };
    const data = { ...entry.data, process };
    await catalog.journal.remove(entry.id);
    await catalog.journal.add({ kind: entry.kind, run: id, host: '4f1d', data });
    // The run is still under way somewhere, as far as the catalog knows.
    assert.deepEqual(await keeper.recover({ isAlive: () => false }), []);
    await catalog.queue.cancel(id, 0);
    const [recovered] = await keeper.recover({ isAlive: () => false });
    assert.equal(recovered?.step.output, 'Started: web');
  });

  /** A process that stops a container and is killed when it has said a line. */
  async function killedWorker(id: string, name: string, line: string): Promise<void> {
    const script = path.join(
      import.meta.dirname,
      '../../../test/support/stop-containers-worker.ts',
    );
    const { podman, catalogFile, catalogKey } = stage;
    const worker = spawn(
      process.execPath,
      [script, catalogFile, catalogKey, podman.address, id, name],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let said = '';
    for await (const piece of worker.stdout) {
      said += String(piece);
      if (said.includes(`${line}\n`)) worker.kill('SIGKILL');
    }
    if (worker.exitCode === null && worker.signalCode === null) await once(worker, 'exit');
    assert.equal(worker.signalCode, 'SIGKILL', said);
  }
});
