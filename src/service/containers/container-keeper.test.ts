import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';

import { noPodman } from '#test/servers/podman.ts';
import { type ContainerStage, containerStage } from '#test/support/container-stage.ts';
import { forbiddingProxy } from '#test/support/forbidding-proxy.ts';

import { systemClock } from '../../base/clock.ts';
import type { OwnContainer } from './own-container.ts';

const skip = noPodman();

describe('containers around a run', { skip }, () => {
  let stage: ContainerStage;

  before(async () => {
    stage = await containerStage();
  });
  after(() => stage[Symbol.asyncDispose]());
  beforeEach(() => stage.clear());

  test('only what runs and has the label is stopped, and only that is started', async () => {
    const { podman, catalog, run, newRun, states, stopped, started, host } = stage;
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
    const { podman, run, newRun, stopped, started } = stage;
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
    const { run, newRun, stopped, started } = stage;
    for (const name of ['one', 'two']) await run({ name });
    const id = await newRun();
    const step = await stopped({ names: ['two', 'three', 'one'] }, id, 'warned');
    assert.equal(step.output, 'Stopped: two, one');
    assert.deepEqual(step.warnings, ['There is no container "three" to stop']);
    assert.equal((await started(id)).output, 'Started: one, two');
  });

  test('one that the engine would delete is left alone', async () => {
    const { podman, run, newRun, stopped } = stage;
    await run({ name: 'fleeting', removeAtEnd: true, labels: { stop: '' } });
    const step = await stopped({ label: 'stop' }, await newRun(), 'warned');
    assert.match(step.warnings?.[0] ?? '', /made with --rm/u);
    assert.equal(await podman.state('fleeting'), 'running');
  });

  test('one that restarts always stays stopped, and is started', async () => {
    const { podman, run, newRun, stopped, started } = stage;
    await run({ name: 'eager', restart: 'always' });
    const id = await newRun();
    await stopped({ names: ['eager'] }, id);
    assert.equal(await podman.state('eager'), 'exited');
    await started(id);
    assert.equal(await podman.state('eager'), 'running');
  });

  test('a container that was made anew is found by its name or by the labels of Compose', async () => {
    const { podman, run, newRun, states, stopped, started } = stage;
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
    const { podman, run, newRun, stopped, started } = stage;
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

  test('one that ends at once is told', async () => {
    const { keeperWith, run, newRun, stopped, directory } = stage;
    const flag = path.join(directory, 'flag');
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
    const { run, newRun, stopped, started } = stage;
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
    const { podman, run, newRun, stopped, started } = stage;
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
    const { podman, run, newRun, stopped, started } = stage;
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
    const { podman, keeperWith, run, newRun, states } = stage;
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
    const { keeperWith, newRun } = stage;
    const address = 'unix:///nowhere/docker.sock';
    await using lost = keeperWith({ address });
    const step = await lost.stop({ label: 'stop' }, { run: await newRun() });
    assert.equal(step.outcome, 'failed');
    assert.equal(step.problem?.code, 'container/unavailable');
  });

  test('a run that is cancelled gives back what it has stopped', async () => {
    const { podman, keeperWith, run, newRun, states } = stage;
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
    const { run, newRun, stopped, started } = stage;
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
    const { podman, run, newRun, stopped } = stage;
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

  test('a label that nothing has is told', async () => {
    const { newRun, stopped } = stage;
    const step = await stopped({ label: 'nobody' }, await newRun(), 'warned');
    assert.deepEqual(step.warnings, ['No container has the label "nobody"']);
  });

  test('it never stops the container it runs in', async () => {
    const { podman, keeper, keeperWith, run, newRun } = stage;
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
});
