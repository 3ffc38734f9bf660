import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';

import { noPodman, startPodman } from '../servers/podman.ts';
import {
  isRunning,
  type ServiceMachine,
  serviceMachine,
  until,
} from '../support/service-process.ts';

/** A machine with a source. */
async function prepared(): Promise<ServiceMachine> {
  const machine = await serviceMachine();
  await mkdir(machine.of('source'));
  await writeFile(machine.of('source/letter'), 'Dear reader');
  return machine;
}

/** A job that backs up every other second. */
const documents = (machine: ServiceMachine, more = ''): string => `
jobs:
  documents:
    sources: [${machine.of('source')}]
    destinations: [{ url: ${machine.of('repository')}, passphrase: correct horse }]
    schedule: '@every 2s'
    retention: { keepLast: 3 }
${more}`;

/** One whose first backup takes long enough to be killed. */
const slow = (machine: ServiceMachine, more = ''): string =>
  documents(machine, `    resources: { limitUpload: 2M }\n${more}`);

const hasPacks = async (machine: ServiceMachine): Promise<boolean> =>
  (await readdir(machine.of('repository/packs')).catch(() => [])).length > 0;

describe('holdfast server', { concurrency: 2 }, () => {
  test('runs jobs, follows its configuration file, and ends in order', async () => {
    await using machine = await prepared();
    await machine.configure(documents(machine));
    const server = await machine.serve();
    await machine.untilRun('documents', 'succeeded');

    // A broken file changes nothing, and is told.
    await machine.configure('jobs: { documents: { sources: 5 } }');
    await server.untilLogged(/everything stays as it was/u);
    const before = (await machine.untilRun('documents', 'succeeded'))[0]!.id;
    await until(async () => (await machine.untilRun('documents', 'succeeded'))[0]!.id !== before);

    // Another job comes in by the file, the first one goes.
    await machine.configure(documents(machine).replaceAll('documents', 'letters'));
    await server.untilLogged(/added: job\/letters/u);
    await machine.untilRun('letters', 'succeeded');
    server.child.kill('SIGHUP');
    await server.untilLogged(/SIGHUP/u);

    const listed = await machine.run('job', 'list', '--json');
    assert.match(listed.output, /"job":"letters"/u);
    assert.doesNotMatch(listed.output, /"job":"documents"/u);
    // Work by hand goes on beside it, and its history is that of the server.
    const byHand = await machine.run('job', 'run', 'letters', 'tag=mine');
    assert.equal(byHand.status, 0, byHand.errors);
    const history = await machine.run('job', 'history', 'letters', '--json', '--limit', '500');
    assert.match(history.output, /"trigger":"manual"/u);
    assert.doesNotMatch(server.log() + listed.output + history.output, /correct horse/u);

    const { status, milliseconds } = await server.end('SIGTERM');
    assert.equal(status, 0, server.log());
    assert.ok(milliseconds < 10_000);
    assert.match(server.log(), /The service has ended/u);
    const status2 = JSON.parse(await readFile(machine.of('state/status.json'), 'utf8')) as object;
    assert.ok('jobs' in status2);
  });

  test('a run under way keeps to the limits that its job gets meanwhile', async () => {
    await using machine = await prepared();
    await writeFile(machine.of('source/random'), randomBytes(12 * 1024 * 1024));
    // At this rate it would take three minutes.
    const crawling = documents(machine, '    resources: { limitUpload: 64k }\n');
    await machine.configure(crawling);
    const server = await machine.serve();
    await machine.untilRun('documents', 'running');
    await machine.configure(crawling.replace('64k', '64M'));
    await server.untilLogged(/limits of transfers have changed/u);
    await machine.untilRun('documents', 'succeeded');
    assert.equal((await server.end('SIGTERM')).status, 0, server.log());
  });

  test('SIGTERM cancels what is under way within ten seconds; the next backup goes on', async () => {
    await using machine = await prepared();
    await writeFile(machine.of('source/random'), randomBytes(12 * 1024 * 1024));
    const last = machine.of('finally');
    await machine.configure(
      slow(machine, `    hooks: [{ when: finally, command: 'echo $HOLDFAST_OUTCOME >> ${last}' }]`),
    );
    const server = await machine.serve();
    await until(() => hasPacks(machine));
    const { status, milliseconds } = await server.end('SIGTERM');
    assert.equal(status, 0, server.log());
    assert.ok(milliseconds < 10_000, `${milliseconds} ms`);
    const [run] = await machine.untilRun('documents', 'cancelled');
    assert.equal(run?.reason, 'The service was stopped');
    assert.equal(await readFile(last, 'utf8'), 'cancelled\n');
    assert.equal(await isRunning(machine.of('source')), false);
    await machine.configure(documents(machine));
    const next = await machine.serve();
    await machine.untilRun('documents', 'succeeded');
    await next.end('SIGTERM');
  });

  test('SIGTERM: a last hook that does not end is given up, and the run still says how it ended', async () => {
    await using machine = await prepared();
    await machine.configure(
      documents(
        machine,
        `    hooks:
      - { when: before, command: 'sleep 98765.5' }
      - { when: finally, command: 'sleep 98765.75' }`,
      ),
    );
    const server = await machine.serve();
    await until(() => isRunning('sleep 98765.5'));
    const { status, milliseconds } = await server.end('SIGTERM');
    assert.equal(status, 0, server.log());
    assert.ok(milliseconds < 10_000, `${milliseconds} ms`);
    assert.doesNotMatch(server.log(), /could not be brought to its end|destroyed/u);
    const [run] = await machine.untilRun('documents', 'cancelled');
    assert.deepEqual(
      run?.steps.map(({ name, outcome }) => [name, outcome !== undefined]),
      run?.steps.map(({ name }) => [name, true]),
    );
    for (const hook of ['sleep 98765.5', 'sleep 98765.75'])
      assert.equal(await isRunning(hook), false);
  });

  test('killed in a backup: the next start tells of the broken run and goes on', async () => {
    await using machine = await prepared();
    await writeFile(machine.of('source/random'), randomBytes(12 * 1024 * 1024));
    await machine.configure(slow(machine));
    const server = await machine.serve();
    await until(() => hasPacks(machine));
    await server.end('SIGKILL');
    // Its child does not work on for nobody.
    await until(async () => !(await isRunning(machine.of('source'))));
    const [left] = await machine.untilRun('documents', 'running');
    assert.equal(left?.steps[0]?.outcome, undefined);

    await machine.configure(documents(machine));
    const second = await machine.serve();
    await second.untilLogged(/1 runs? (?:was|were) broken off/u);
    await machine.untilRun('documents', 'succeeded');
    const broken = await machine.look((catalog) => catalog.runs.get(left!.id));
    assert.equal(broken?.state, 'broken');
    assert.match(broken.reason ?? '', /in the step "backup"/u);
    assert.deepEqual(await machine.look((catalog) => catalog.journal.list()), []);
    await second.end('SIGTERM');
  });

  test('killed in a hook: what it started is ended, the last hooks are run', async () => {
    await using machine = await prepared();
    const notes = machine.of('notes');
    await machine.configure(
      documents(
        machine,
        `    hooks:
      - { when: before, command: 'echo locked >> ${notes}; sleep 98765.25 & wait' }
      - { when: finally, command: 'echo "unlocked $HOLDFAST_OUTCOME" >> ${notes}' }`,
      ),
    );
    const server = await machine.serve();
    await until(() => isRunning('sleep 98765.25'));
    await until(async () => (await machine.look((catalog) => catalog.journal.list())).length > 0);
    await server.end('SIGKILL');
    assert.ok(await isRunning('sleep 98765.25'), 'it outlives the service');
    await machine.configure('jobs: {}');
    // The job is still known by what the catalog says of it.
    const second = await machine.serve();
    await until(async () => !(await isRunning('sleep 98765.25')));
    const [run] = await machine.untilRun('documents', 'broken');
    assert.match(run?.reason ?? '', /before: echo locked/u);
    assert.equal(await readFile(notes, 'utf8'), 'locked\nunlocked broken\n');
    await second.end('SIGTERM');
  });

  test('a run of another process that lives is left alone', async () => {
    await using machine = await prepared();
    const go = machine.of('go');
    await machine.configure(
      documents(
        machine,
        `    hooks: [{ when: before, command: 'until [ -e ${go} ]; do sleep 0.1; done' }]`,
      ).replace('@every 2s', 'manual'),
    );
    const first = await machine.serve();
    await first.end('SIGTERM');
    const byHand = machine.run('job', 'run', 'documents');
    await machine.untilRun('documents', 'running');
    const server = await machine.serve();
    assert.doesNotMatch(server.log(), /broken off/u);
    await writeFile(go, '');
    const { status, errors } = await byHand;
    assert.equal(status, 0, errors);
    const runs = await machine.look((catalog) => catalog.runs.list({ job: 'documents' }));
    assert.deepEqual(
      runs.map(({ trigger, state }) => [trigger, state]),
      [['manual', 'succeeded']],
    );
    await server.end('SIGTERM');
  });

  test('what is wrong at the start is one sentence', async () => {
    await using machine = await prepared();
    await machine.configure('jobs: { documents: { sources: 5 } }');
    const broken = await machine.run('server', '--config', machine.of('holdfast.yaml'));
    assert.equal(broken.status, 2);
    assert.match(broken.errors, /^holdfast: .*sources/mu);
    const missing = await machine.run('server', '--config', machine.of('missing.yaml'));
    assert.equal(missing.status, 2);
    assert.match(missing.errors, /missing\.yaml/u);
    const run = await machine.run('job', 'run', 'documnts');
    assert.equal(run.status, 1);
    assert.match(run.errors, /There is no job "documnts"/u);
  });
});

test(
  'killed between stopping and starting a container: the next start starts it',
  { skip: noPodman() },
  async () => {
    await using podman = await startPodman();
    await podman.run({ name: 'app', labels: { 'holdfast.stop': 'documents' } });
    await using machine = await prepared();
    await writeFile(machine.of('source/random'), randomBytes(12 * 1024 * 1024));
    const containers = `    containers: { label: 'holdfast.stop=documents' }
    hooks: [{ when: before, container: app, command: 'test "$HOLDFAST_JOB" = documents && echo said' }]
settings: { containerSocket: '${podman.address}' }`;
    await machine.configure(slow(machine, containers));
    const server = await machine.serve();
    await until(() => hasPacks(machine));
    assert.notEqual(await podman.state('app'), 'running');
    await server.end('SIGKILL');
    assert.notEqual(await podman.state('app'), 'running');
    await machine.configure(documents(machine, containers).replace('@every 2s', 'manual'));
    const second = await machine.serve();
    await until(async () => (await podman.state('app')) === 'running');
    const [run] = await machine.untilRun('documents', 'broken');
    assert.ok(
      run?.steps.some(
        ({ name, outcome }) => name === 'start containers' && outcome === 'succeeded',
      ),
    );
    await second.end('SIGTERM');
    const hook = run?.steps.find(({ kind }) => kind === 'hook');
    assert.equal(hook?.output, 'said\n');
    assert.equal(hook.exitStatus, 0);
    // A backup that ends well starts it straight after.
    const done = await machine.run('job', 'run', 'documents');
    assert.equal(done.status, 0, done.errors);
    assert.equal(await podman.state('app'), 'running');
  },
);
