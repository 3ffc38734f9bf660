import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';

import { noPodman, type PodmanServer, startPodman } from '#test/servers/podman.ts';
import { forbiddingProxy } from '#test/support/forbidding-proxy.ts';
import { temporaryDirectory, type TemporaryDirectory } from '#test/support/temporary-directory.ts';

import { systemClock } from '../../base/clock.ts';
import { AppError } from '../../base/errors.ts';
import type { ProcessIdentity } from '../../base/process-identity.ts';
import { CatalogKey } from '../../catalog/catalog-key.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import { openCatalog } from '../../catalog/open-catalog.ts';
import type { ContainerRule } from '../../model/job.ts';
import type { StepRecord } from '../../model/run.ts';
import { type ContainerKeeperSettings, EngineContainerKeeper } from './container-keeper.ts';
import type { OwnContainer } from './own-container.ts';

const skip = noPodman();
const host = 'machine';

describe('containers around a run', { skip }, () => {
  let podman: PodmanServer;
  let directory: TemporaryDirectory;
  let catalog: Catalog;
  let keeper: EngineContainerKeeper;
  let made: string[] = [];

  const key = CatalogKey.random();
  const file = (): string => path.join(directory.path, 'catalog.sqlite');
  before(async () => {
    podman = await startPodman();
    directory = await temporaryDirectory();
    const opened = await openCatalog({ location: { file: file() }, key, clock: systemClock });
    catalog = opened;
    keeper = keeperWith({});
  });
  after(async () => {
    await keeper[Symbol.asyncDispose]();
    await catalog[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
    await podman[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    for (const name of made.reverse()) await podman.remove(name).catch(() => undefined);
    made = [];
    assert.deepEqual(await catalog.journal.list(), []);
  });

  const keeperWith = (settings: Partial<ContainerKeeperSettings>): EngineContainerKeeper =>
    new EngineContainerKeeper({
      catalog,
      host,
      address: podman.address,
      environment: {},
      watch: 0,
      ...settings,
    });
  const run: PodmanServer['run'] = async (container) => {
    made.push(container.name);
    return podman.run(container);
  };
  const newRun = async (job = 'documents'): Promise<string> =>
    (
      await catalog.queue.add(
        { job, activity: 'backup', trigger: 'manual', priority: 0, keys: [] },
        0,
      )
    ).id;
  const states = async (...names: string[]): Promise<(string | undefined)[]> =>
    Promise.all(names.map((name) => podman.state(name)));
  const stopped = async (
    rule: ContainerRule,
    id: string,
    outcome = 'succeeded',
  ): Promise<StepRecord> => {
    const step = await keeper.stop(rule, { run: id });
    assert.equal(step.outcome, outcome, JSON.stringify(step));
    return step;
  };
  const started = async (id: string, outcome = 'succeeded'): Promise<StepRecord> => {
    const step = await keeper.start({}, { run: id });
    assert.equal(step.outcome, outcome, JSON.stringify(step));
    return step;
  };

  test('only what runs and has the label is stopped, and only that is started', async () => {
    await run({ name: 'web', labels: { 'holdfast.stop': 'true' } });
    await run({ name: 'off', labels: { 'holdfast.stop': 'true' }, stopped: true });
    await run({ name: 'other', labels: { 'holdfast.stop': 'false' } });
    const id = await newRun();
    const step = await stopped({ label: 'holdfast.stop=true' }, id);
    assert.equal(step.name, 'stop containers');
    assert.equal(step.output, 'Stopped: web');
    assert.deepEqual(await states('web', 'off', 'other'), ['exited', 'created', 'running']);
    const [entry] = await catalog.journal.list();
    assert.deepEqual([entry?.kind, entry?.run, entry?.host], ['containers-stopped', id, host]);
    assert.equal((await started(id)).output, 'Started: web');
    assert.deepEqual(await states('web', 'off', 'other'), ['running', 'created', 'running']);
    assert.deepEqual(await catalog.journal.list(), []);
    // A second one has nothing to do.
    const startedAt = await podman.startedAt('web');
    await started(id);
    assert.equal(await podman.startedAt('web'), startedAt);
  });

  test('dependencies of Compose: whatever needs others is stopped first and started last', async () => {
    const labels = (service: string, needs = ''): Record<string, string> => ({
      'com.docker.compose.project': 'shop',
      'com.docker.compose.service': service,
      'com.docker.compose.depends_on': needs,
      backup: 'yes',
    });
    await run({ name: 'shop-db-1', labels: labels('db') });
    await run({ name: 'shop-app-1', labels: labels('app', 'db:service_started:false') });
    const id = await newRun();
    assert.equal((await stopped({ label: 'backup' }, id)).output, 'Stopped: shop-app-1, shop-db-1');
    assert.equal((await started(id)).output, 'Started: shop-db-1, shop-app-1');
    assert.ok((await podman.startedAt('shop-db-1')) < (await podman.startedAt('shop-app-1')));
  });

  test('names are stopped in their order; one that is not there is told', async () => {
    for (const name of ['one', 'two']) await run({ name });
    const id = await newRun();
    const step = await stopped({ names: ['two', 'three', 'one'] }, id, 'warned');
    assert.equal(step.output, 'Stopped: two, one');
    assert.deepEqual(step.warnings, ['There is no container "three" to stop']);
    assert.equal((await started(id)).output, 'Started: one, two');
  });

  test('one that ignores the request is killed after its time, which is told', async () => {
    await run({ name: 'deaf', command: ['sh', '-c', 'trap "" TERM; while :; do sleep 1; done'] });
    const id = await newRun();
    const step = await stopped({ names: ['deaf'], stopTimeout: '1s' }, id, 'warned');
    assert.deepEqual(step.warnings, [
      'The container "deaf" did not stop within 1 s and was killed',
    ]);
    await started(id);
  });

  test('one that the engine would delete is left alone', async () => {
    await run({ name: 'fleeting', removeAtEnd: true, labels: { stop: '' } });
    const step = await stopped({ label: 'stop' }, await newRun(), 'warned');
    assert.match(step.warnings?.[0] ?? '', /made with --rm/u);
    assert.equal(await podman.state('fleeting'), 'running');
  });

  test('one that restarts always stays stopped, and is started', async () => {
    await run({ name: 'eager', restart: 'always' });
    const id = await newRun();
    await stopped({ names: ['eager'] }, id);
    assert.equal(await podman.state('eager'), 'exited');
    await started(id);
    assert.equal(await podman.state('eager'), 'running');
  });

  test('a container that was made anew is found by its name or by the labels of Compose', async () => {
    const labels = {
      'com.docker.compose.project': 'shop',
      'com.docker.compose.service': 'web',
      'com.docker.compose.container-number': '1',
    };
    await run({ name: 'shop_web_1', labels });
    await run({ name: 'plain' });
    const id = await newRun();
    await stopped({ names: ['shop_web_1', 'plain'] }, id);
    for (const name of ['shop_web_1', 'plain']) await podman.remove(name);
    await run({ name: 'shop-web-1', labels, stopped: true });
    await run({ name: 'plain', stopped: true });
    assert.equal((await started(id)).output, 'Started: plain, shop-web-1');
    assert.deepEqual(await states('plain', 'shop-web-1'), ['running', 'running']);
  });

  test('one that was removed is told, and the others start', async () => {
    for (const name of ['gone', 'stays']) await run({ name });
    const id = await newRun();
    await stopped({ names: ['gone', 'stays'] }, id);
    await podman.remove('gone');
    const step = await started(id, 'warned');
    assert.deepEqual(step.warnings, [
      'The container "gone" is not there any more, so it was not started again',
    ]);
    assert.equal(await podman.state('stays'), 'running');
  });

  test('one that will not start is told and kept in mind; the others start, it does at the next recovery', async () => {
    const program = path.join(directory.path, 'program');
    await writeProgram(program);
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
    await writeProgram(program);
    await catalog.queue.cancel(id, 0);
    const [recovered] = await keeper.recover({ isAlive: () => false });
    assert.equal(recovered?.step.output, 'Started: broken');
    assert.equal(await podman.state('broken'), 'running');
  });

  test('one that ends at once is told', async () => {
    const flag = path.join(directory.path, 'flag');
    await writeFile(flag, '');
    await run({
      name: 'weak',
      command: ['sh', '-c', `test -e ${flag} || exit 7; trap "exit 0" TERM; sleep 1000 & wait`],
    });
    const id = await newRun();
    await stopped({ names: ['weak'] }, id);
    await rm(flag);
    await using watchful = keeperWith({ watch: 1000 });
    const step = await watchful.start({}, { run: id });
    assert.equal(
      step.problem?.message,
      'The container "weak" was started and ended at once, with status 7',
    );
  });

  test('the start is over when they are healthy; one that does not become so in time is told', async () => {
    await run({ name: 'sick', health: 'false' });
    const id = await newRun();
    await stopped({ names: ['sick'], startTimeout: '1s' }, id);
    const step = await started(id, 'warned');
    assert.match(
      step.warnings?.[0] ?? '',
      /^The container "sick" was started, but after 1 s it is (?:starting|unhealthy)$/u,
    );
  });

  test('a start that takes its time is waited for', async () => {
    await run({ name: 'fit', health: 'true' });
    const id = await newRun();
    await stopped({ names: ['fit'] }, id);
    const starting = started(id);
    while ((await podman.state('fit')) !== 'running') await systemClock.sleep(20);
    // The engine of the tests looks only when it is told to.
    await podman.checkHealth('fit');
    await starting;
  });

  test('what two runs need stopped is started when the last of them is done', async () => {
    await run({ name: 'shared', labels: { stop: '' } });
    const [first, second] = [await newRun('one'), await newRun('two')];
    await stopped({ label: 'stop' }, first);
    await stopped({ label: 'stop' }, second);
    await started(first);
    assert.equal(await podman.state('shared'), 'exited');
    assert.equal((await started(second)).output, 'Started: shared');
    assert.equal(await podman.state('shared'), 'running');
  });

  test('a run that cannot stop everything gives back what it has stopped', async () => {
    await run({ name: 'web', labels: { stop: '', 'holdfast.stop-order': '1' } });
    await run({ name: 'db', labels: { stop: '', 'holdfast.stop-order': '2' } });
    let stops = 0;
    await using proxy = await forbiddingProxy(
      podman.socket,
      (call) => /^POST .*\/stop/u.test(call) && ++stops > 1,
    );
    const { address } = proxy;
    await using failing = keeperWith({ address });
    const step = await failing.stop({ label: 'stop' }, { run: await newRun() });
    assert.equal(step.outcome, 'failed');
    assert.match(step.problem?.message ?? '', /does not allow POST \/containers$/u);
    assert.deepEqual(await states('web', 'db'), ['running', 'running']);
  });

  test('an engine that is not there fails the step and leaves nothing behind', async () => {
    const address = 'unix:///nowhere/docker.sock';
    await using lost = keeperWith({ address });
    const step = await lost.stop({ label: 'stop' }, { run: await newRun() });
    assert.equal(step.outcome, 'failed');
    assert.equal(step.problem?.code, 'container/unavailable');
  });

  test('a run that is cancelled gives back what it has stopped', async () => {
    for (const name of ['one', 'two']) await run({ name });
    const abort = new AbortController();
    const reason = new Error('cancelled');
    await using proxy = await forbiddingProxy(podman.socket, (call) => {
      if (/\/stop\?/u.test(call)) abort.abort(reason);
      return false;
    });
    const { address } = proxy;
    await using interrupted = keeperWith({ address });
    const startedAt = await podman.startedAt('two');
    await assert.rejects(
      interrupted.stop({ names: ['one', 'two'] }, { run: await newRun(), signal: abort.signal }),
      reason,
    );
    assert.deepEqual(await states('one', 'two'), ['running', 'running']);
    assert.equal(await podman.startedAt('two'), startedAt);
  });

  test('commands in labels run before and after, as the user and in the directory they say', async () => {
    const log = '/tmp/log';
    await run({
      name: 'app',
      labels: {
        'holdfast.exec-before': `echo "before $HOLDFAST_JOB $(id -u) $PWD"; echo b >> ${log}`,
        'holdfast.exec-before.user': '1000',
        'holdfast.exec-before.workdir': '/usr',
        'holdfast.exec-after': `["sh", "-c", "echo after; cat ${log}"]`,
      },
    });
    await run({
      name: 'foreign',
      labels: { 'holdfast.exec-before': 'exit 9', 'holdfast.job': 'a, b' },
    });
    const id = await newRun();
    assert.equal((await stopped({}, id)).output, 'app: before documents 1000 /usr');
    assert.equal((await started(id)).output, 'app: after\nb');
    // Once.
    assert.equal((await started(id)).output, undefined);
  });

  test('a command of a label that fails stops nothing and fails the run', async () => {
    await run({ name: 'app', labels: { 'holdfast.exec-before': 'echo no; exit 3', stop: '' } });
    const startedAt = await podman.startedAt('app');
    const step = await stopped({ label: 'stop' }, await newRun(), 'failed');
    assert.equal(
      step.problem?.message,
      'The command of the label "holdfast.exec-before" in the container "app" failed: it ended with status 3',
    );
    assert.equal(step.output, 'app: no');
    assert.equal(await podman.startedAt('app'), startedAt);
  });

  test('killed after it has stopped: the next one starts exactly that', async () => {
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
    await run({ name: 'web' });
    const id = await newRun();
    await stopped({ names: ['web'] }, id);
    // As if it had begun after the list of what is under way was made.
    assert.deepEqual(await keeper.recover({ isAlive: () => false }), []);
    await started(id);
  });

  test('a catalog that is away does not keep containers from starting', async () => {
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

  test('a label that nothing has is told', async () => {
    const step = await stopped({ label: 'nobody' }, await newRun(), 'warned');
    assert.deepEqual(step.warnings, ['No container has the label "nobody"']);
  });

  test('what stopped under another name of this machine is found by its containers', async () => {
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

  test('it never stops the container it runs in', async () => {
    const id = await run({ name: 'own', hostname: 'chosen', labels: { stop: '' } });
    // What a program in there finds out about itself.
    const own = path.join(import.meta.dirname, 'own-container.ts');
    const script = `const own = await import(${JSON.stringify(own)});
      console.log(JSON.stringify(await own.findOwnContainer()));`;
    const said: Buffer[] = [];
    const end = await keeper.exec('own', [process.execPath, '--input-type=module', '-e', script], {
      onOutput: (piece) => said.push(piece),
    });
    assert.equal(end.status, 0, Buffer.concat(said).toString());
    const found = JSON.parse(Buffer.concat(said).toString()) as OwnContainer;
    assert.deepEqual(found.ids, [id]);
    await using inside = keeperWith({ own: () => Promise.resolve(found) });
    const step = await inside.stop({ label: 'stop', names: ['own'] }, { run: await newRun() });
    assert.deepEqual(step.warnings, [
      'The container "own" is not stopped: Holdfast itself runs in it',
    ]);
    assert.equal(await podman.state('own'), 'running');
  });

  /** A process that stops a container and is killed when it has said a line. */
  async function killedWorker(id: string, name: string, line: string): Promise<void> {
    const script = path.join(
      import.meta.dirname,
      '../../../test/support/stop-containers-worker.ts',
    );
    const worker = spawn(
      process.execPath,
      [script, file(), key.reveal(), podman.address, id, name],
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

async function writeProgram(file: string): Promise<void> {
  await writeFile(file, '#!/bin/sh\ntrap "exit 0" TERM\nsleep 1000 & wait\n', { mode: 0o755 });
}
