/**
 * What a unit leaves is tried out with the same means of the kernel: a container with its capabilities, system calls and writable directories. That systemd
 * sets them up as it says is not tested, because none runs here.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { noPodman, startPodman } from '#test/servers/podman.ts';
import { missingPrograms } from '#test/servers/required-programs.ts';

import type { BackupJob } from '../../model/job.ts';
import { runInContainer } from '../containers/container-exec.ts';
import { openDockerClient } from '../containers/docker-client.ts';
import { jobUnits } from './service-units.ts';

const skip = noPodman() || missingPrograms(['systemd-analyze']);
const run = promisify(execFile);
const launcher = path.join(import.meta.dirname, '../../../bin/holdfast');

test('a backup of files of others works with what its unit leaves', { skip }, async () => {
  // Not below /tmp, which the unit would leave as it is.
  const directory = await mkdtemp('/var/lib/holdfast-test-');
  try {
    const of = (name: string): string => path.join(directory, name);
    for (const name of ['source', 'destination', 'state', 'cache']) await mkdir(of(name));
    await writeFile(of('source/private'), 'of somebody else');
    await chmod(of('source/private'), 0o600);
    await chown(of('source/private'), 4321, 4321);
    const job: BackupJob = {
      kind: 'backup',
      name: 'documents',
      sources: [of('source')],
      destinations: [{ url: of('destination') }],
    };
    const text = jobUnits({
      configuration: {
        jobs: [job],
        destinations: {},
        channels: {},
        periodicities: {},
        settings: {},
      },
      program: [launcher],
      configurationFile: undefined,
      isUser: false,
      stateDirectory: of('state'),
      cacheDirectory: of('cache'),
      writable: [],
      credentials: [],
      environment: {},
      inhibitsSleep: false,
      timeZone: 'UTC',
    })[0]!.text;
    const valueOf = (key: string): string =>
      new RegExp(`^${key}=(.*)$`, 'mu').exec(text)?.[1] ?? '';
    const writes = valueOf('ReadWritePaths')
      .split(' ')
      .map((word) => word.slice(1));
    assert.deepEqual(writes, [of('state'), of('cache'), of('destination')]);
    const systemCalls = of('system-calls.json');
    await writeFile(systemCalls, await profile(valueOf('SystemCallFilter')));
    await using podman = await startPodman();
    await using client = await openDockerClient({ address: podman.address, environment: {} });
    await podman.run({
      name: 'unit',
      rights: { capabilities: valueOf('CapabilityBoundingSet').split(' '), systemCalls, writes },
      environment: {
        HOLDFAST_STATE_DIR: of('state'),
        HOLDFAST_CACHE_DIR: of('cache'),
        HOLDFAST_PASSPHRASE: 'a passphrase for a test',
      },
    });
    const does = async (command: string): Promise<string> => {
      const said: Buffer[] = [];
      const { status } = await runInContainer(client, 'unit', command, {
        onOutput: (piece) => said.push(piece),
      });
      return `${status} ${Buffer.concat(said).toString('utf8').trim()}`;
    };
    assert.match(await does(`touch ${of('source/new')}`), /^1 .*Read-only file system/u);
    assert.match(await does(`chown 1 ${of('destination')}`), /^1 .*not permitted/u);
    assert.match(await does(`${launcher} init ${of('destination')}`), /^0 /u);
    const backup = await does(`${launcher} backup ${of('source')} ${of('destination')}`);
    assert.match(backup, /^0 [\s\S]*1 file/u);
    const restored = await does(
      `${launcher} cat ${of('destination')} latest:${of('source/private')}`,
    );
    assert.equal(restored, '0 of somebody else');
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

/** A profile for seccomp that allows what a filter of systemd allows. */
async function profile(filter: string): Promise<string> {
  const names = new Set<string>();
  const expand = async (group: string): Promise<void> => {
    const { stdout } = await run('systemd-analyze', ['syscall-filter', '--no-pager', group]);
    for (const line of stdout.split('\n').slice(1)) {
      const word = line.trim();
      if (word.startsWith('@')) await expand(word);
      else if (/^\w+$/u.test(word)) names.add(word);
    }
  };
  await expand(filter);
  assert.ok(names.size > 200);
  return JSON.stringify({
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 1,
    syscalls: [{ names: [...names], action: 'SCMP_ACT_ALLOW' }],
  });
}
