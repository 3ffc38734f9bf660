import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';

import { noPodman, startPodman } from '../servers/podman.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const skip = noPodman();
const launcher = path.join(import.meta.dirname, '../../bin/holdfast');

test(
  'containers of a run that is killed are started by the next one, and the broken run says so',
  { skip },
  async () => {
    await using directory = await temporaryDirectory();
    const of = (name: string): string => path.join(directory.path, name);
    await mkdir(of('source'));
    await writeFile(of('source/file'), 'content');
    const job = {
      sources: [of('source')],
      destination: { url: of('destination'), passphrase: 'a passphrase for a test' },
      containers: { label: 'stop' },
      hooks: [{ when: 'before', command: 'id -un', container: 'other' }],
    };
    const configure = async (shop: unknown): Promise<void> =>
      await writeFile(of('holdfast.json'), JSON.stringify({ jobs: { shop } }));
    // Long enough to be killed between stopping and starting.
    const lingers = { when: 'before', destination: 'each', command: 'sleep 600', timeout: '1h' };
    await configure({ ...job, hooks: [...job.hooks, lingers] });
    await using podman = await startPodman();
    await podman.run({ name: 'web', labels: { stop: '' } });
    await podman.run({ name: 'other' });
    const start = (
      ...words: string[]
    ): ChildProcess & { readonly stdout: NodeJS.ReadableStream } => {
      const argv = [...words, '--state-dir', of('state')];
      const environment = {
        PATH: process.env['PATH'],
        HOME: directory.path,
        DOCKER_HOST: podman.address,
      };
      const child = spawn(launcher, argv, {
        env: environment,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      return child;
    };
    const run = ['job', 'run', 'shop', '--config', of('holdfast.json')];

    const killed = start(...run);
    killed.stdout.resume();
    for (;;) {
      assert.equal(killed.exitCode, null, 'it has ended by itself');
      if ((await podman.state('web')) === 'exited') break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    assert.equal(await podman.state('web'), 'exited');

    await configure(job);
    const next = start(...run);
    const said = await text(next.stdout);
    assert.equal(next.exitCode ?? (await once(next, 'exit'))[0], 0, said);
    assert.equal(await podman.state('web'), 'running');
    const history = await text(start('job', 'history', 'shop', '--json').stdout);
    const runs = history
      .trim()
      .split('\n')
      .map(
        (line) => JSON.parse(line) as { state: string; steps: { name: string; output?: string }[] },
      );
    assert.deepEqual(
      runs.map(({ state }) => state),
      ['succeeded', 'broken'],
    );
    const startStep = runs[1]?.steps.find(({ name }) => name === 'start containers');
    assert.equal(startStep?.output, 'Started: web');
    const hook = runs[0]?.steps.find(({ name }) => name.includes('id -un'));
    assert.equal(hook?.output, 'root\n');
  },
);
