import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { parse } from 'yaml';

import { charmActions } from '../../src/configuration/charm/charm-actions.ts';
import { charmOptions } from '../../src/configuration/charm/charm-options.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary-directory.ts';

const run = promisify(execFile);
const holdfast = fileURLToPath(new URL('../../bin/holdfast', import.meta.url));

/*
 * There is no Juju on test machines: its hook tools are stand-ins here, small programs that hand out what a test has written and write down what they are told. Everything
 * else is real: the folder as it is generated, its scripts, the program, the archives.
 */
let place: TemporaryDirectory;
let charm: string;
let root: string;
let tools: string;
let data: string;

const options: Record<string, unknown> = {};
const privateKey = Buffer.from('-----BEGIN OPENSSH PRIVATE KEY-----\nx\n').toString('base64');

before(async () => {
  place = await temporaryDirectory();
  [charm, root, tools, data] = ['charm', 'root', 'tools', 'data'].map((name) =>
    path.join(place.path, name),
  ) as [string, string, string, string];
  await Promise.all([root, tools, data].map((one) => mkdir(one)));
  await writeFile(path.join(data, 'file'), 'content of a file\n');
  const told = (name: string) => `printf '%s\\n' "${name} $*" >>"$JUJU_TEST/told"`;
  const stubs: Readonly<Record<string, string>> = {
    'config-get': 'cat "$JUJU_TEST/options.json"',
    'action-get': 'cat "$JUJU_TEST/parameters.json"',
    'action-set': 'for pair; do printf "%s\\n" "$pair" >"$JUJU_TEST/result-${pair%%=*}"; done',
    'action-fail': 'printf "%s\\n" "$1" >"$JUJU_TEST/failure"',
    'status-set': told('status-set'),
    'juju-log': told('juju-log'),
    'resource-get': 'exit 1',
    'apt-get': told('apt-get'),
    'apt-mark': told('apt-mark'),
    'add-apt-repository': told('add-apt-repository'),
  };
  for (const [name, body] of Object.entries(stubs)) {
    await writeFile(path.join(tools, name), `#!/bin/sh\n${body}\n`);
    await chmod(path.join(tools, name), 0o755);
  }
  await call([holdfast, 'charm', 'generate', charm]);
});
after(() => place[Symbol.asyncDispose]());

interface Called {
  readonly status: number;
  readonly output: string;
  readonly told: readonly string[];
  readonly failure: string | undefined;
  readonly result: string | undefined;
}

async function call(
  argv: readonly string[],
  parameters: Readonly<Record<string, unknown>> = {},
): Promise<Called> {
  const juju = path.join(place.path, `juju-${Math.trunc(performance.now() * 1000)}`);
  await mkdir(juju);
  await writeFile(path.join(juju, 'options.json'), JSON.stringify(options));
  await writeFile(path.join(juju, 'parameters.json'), JSON.stringify(parameters));
  const environment = {
    PATH: `${tools}:${process.env['PATH']}`,
    HOME: place.path,
    HOLDFAST_PROGRAM: holdfast,
    HOLDFAST_ROOT: root,
    HOLDFAST_STATE_DIR: path.join(place.path, 'state'),
    JUJU_TEST: juju,
    JUJU_CONTEXT_ID: 'test',
    JUJU_UNIT_NAME: 'app/0',
  };
  const [program, ...words] = argv;
  const ended = await run(program!, words, { env: environment }).then(
    ({ stdout, stderr }) => ({ status: 0, output: stdout + stderr }),
    (error: unknown) => {
      const { code, stdout, stderr } = error as { code?: number; stdout?: string; stderr?: string };
      return { status: code ?? -1, output: `${stdout}${stderr}` };
    },
  );
  const read = async (name: string) =>
    await readFile(path.join(juju, name), 'utf8').catch(() => undefined);
  return {
    ...ended,
    told: ((await read('told')) ?? '').split('\n').filter((line) => line !== ''),
    failure: await read('failure'),
    result: await read('result-output'),
  };
}

const hook = (name: string): Promise<Called> => call([path.join(charm, 'hooks', name)]);
const action = (
  name: string,
  parameters: Readonly<Record<string, unknown>> = {},
): Promise<Called> => call([path.join(charm, 'actions', name)], parameters);
const set = (changed: Readonly<Record<string, unknown>>): void =>
  void Object.assign(options, changed);
const lastStatus = ({ told }: Called): string | undefined =>
  told.findLast((line) => line.startsWith('status-set'));
const inRoot = (name: string): Promise<string> => readFile(path.join(root, name), 'utf8');
const cronFile = 'etc/cron.d/holdfast-app-0';

describe('the folder', () => {
  test('declares what the program takes', async () => {
    const config = parse(await readFile(path.join(charm, 'config.yaml'), 'utf8')) as {
      options: Record<string, unknown>;
    };
    assert.deepEqual(
      Object.keys(config.options),
      charmOptions.map(({ name }) => name),
    );
    const actions = parse(await readFile(path.join(charm, 'actions.yaml'), 'utf8')) as Record<
      string,
      unknown
    >;
    assert.deepEqual(
      Object.keys(actions),
      charmActions.map(({ name }) => name),
    );
    const metadata = parse(await readFile(path.join(charm, 'metadata.yaml'), 'utf8')) as {
      subordinate: boolean;
    };
    assert.equal(metadata.subordinate, true);
  });

  test('has an executable for each action and hook', async () => {
    for (const name of await readdir(path.join(charm, 'actions'))) {
      assert.equal((await stat(path.join(charm, 'actions', name))).mode & 0o111, 0o111);
    }
    assert.deepEqual(
      (await readdir(path.join(charm, 'actions'))).sort(),
      charmActions.map(({ name }) => name).sort(),
    );
  });

  test('is not written over something else', async () => {
    const { status, output } = await call([holdfast, 'charm', 'generate', charm]);
    assert.equal(status, 1);
    assert.match(output, /is not empty/u);
  });
});

describe('hooks', () => {
  test('a unit without options is blocked, and has no schedule', async () => {
    assert.equal(
      lastStatus(await hook('install')),
      'status-set blocked Backup path is required. Set config for "remote_backup_url"',
    );
    await assert.rejects(stat(path.join(root, cronFile)), { code: 'ENOENT' });
  });

  test('packages, their sources and keys', async () => {
    set({
      extra_packages: 'lftp par2',
      package_status: 'hold',
      install_sources: '["deb http://example.org/ stable main", "ppa:some/one"]',
      install_keys: '["-----BEGIN PGP PUBLIC KEY BLOCK-----\\nx", null]',
    });
    const { told } = await hook('install');
    assert.deepEqual(
      told.filter((line) => line.startsWith('a')),
      [
        'add-apt-repository -y ppa:some/one',
        'apt-get -q update',
        'apt-get -q -y --no-install-recommends install lftp par2',
        'apt-mark hold lftp par2',
      ],
    );
    assert.equal(
      await inRoot('etc/apt/sources.list.d/holdfast.list'),
      'deb http://example.org/ stable main\n',
    );
    set({ install_keys: '["ABCD1234"]' });
    assert.equal(
      lastStatus(await hook('install')),
      'status-set blocked A key in "install_keys" is not ASCII-armoured',
    );
    set({ extra_packages: '', install_sources: '', install_keys: '' });
  });

  test('valid options are put into force', async () => {
    set({
      backend: 'file',
      remote_backup_url: `file://${path.join(place.path, 'backups')}`,
      aux_backup_directory: data,
      encryption_passphrase: 'hidden-passphrase',
      backup_frequency: 'daily',
      retention_period: '30d',
      private_ssh_key: privateKey,
      known_host_key: 'example.com, 10.0.0.0 ssh-rsa AAAA',
    });
    assert.equal(lastStatus(await hook('config-changed')), 'status-set active Ready');
    const lines = (await inRoot(cronFile)).split('\n').filter((line) => / root /u.test(line));
    assert.deepEqual(
      lines.map((line) => line.replace(holdfast, 'PROGRAM')),
      [
        '@daily root PROGRAM run-action do-backup --scheduled --unit app/0 --quiet',
        '0 23 * * * root PROGRAM run-action remove-older-than time=30D --scheduled --unit app/0 --quiet',
      ],
    );
    assert.doesNotMatch(await inRoot(cronFile), /hidden/u);
    for (const secret of ['var/lib/holdfast/charm/app-0.json', 'root/.ssh/holdfast_id']) {
      assert.equal((await stat(path.join(root, secret))).mode & 0o777, 0o600, secret);
    }
    assert.equal(
      await inRoot('root/.ssh/holdfast_id'),
      Buffer.from(privateKey, 'base64').toString(),
    );
  });

  test('a second time changes nothing', async () => {
    const once = await inRoot(cronFile);
    await hook('config-changed');
    await hook('update-status');
    assert.equal(await inRoot(cronFile), once);
    assert.equal(await inRoot('root/.ssh/known_hosts'), 'example.com,10.0.0.0 ssh-rsa AAAA\n');
  });

  test('options that make no sense leave the schedule as it was', async () => {
    const inForce = await inRoot(cronFile);
    set({ backup_frequency: '* * * *' });
    const called = await hook('config-changed');
    assert.equal(
      lastStatus(called),
      'status-set blocked Invalid value "* * * *" for "backup_frequency"',
    );
    assert.ok(
      called.told.some((line) => /^juju-log .*Backups go on as they were configured/u.test(line)),
    );
    assert.equal(await inRoot(cronFile), inForce);
    set({ backup_frequency: 'weekly' });
    await hook('config-changed');
    assert.match(await inRoot(cronFile), /^@weekly root/mu);
  });

  test('a key that is emptied is removed', async () => {
    set({ private_ssh_key: '' });
    await hook('config-changed');
    await assert.rejects(stat(path.join(root, 'root/.ssh/holdfast_id')), { code: 'ENOENT' });
  });

  test('the checks of Nagios come and go with the relation', async () => {
    await hook('nrpe-external-master-relation-changed');
    assert.match(await inRoot('etc/nagios/nrpe.d/check_backups.cfg'), /command\[check_backups\]=/u);
    await hook('nrpe-external-master-relation-broken');
    await assert.rejects(stat(path.join(root, 'etc/nagios/nrpe.d/check_backups.cfg')), {
      code: 'ENOENT',
    });
  });
});

describe('actions', () => {
  test('a backup tells all that was printed, and no secret', async () => {
    const { status, result, failure } = await action('do-backup', { type: null });
    assert.equal(status, 0);
    assert.equal(failure, undefined);
    assert.match(result!, /Backup Statistics/u);
    assert.deepEqual(
      (await readdir(path.join(place.path, 'backups', 'app-0'))).filter((name) =>
        name.includes('vol1'),
      ).length,
      1,
    );
  });

  test('what is in it can be listed, verified and restored', async () => {
    assert.match((await action('list-current-files')).result!, / file$/mu);
    assert.match(
      (await action('collection-status')).result!,
      /Number of contained backup sets: 1/u,
    );
    assert.match((await action('verify')).result!, /0 differences found/u);
    const target = path.join(place.path, 'restored');
    assert.equal((await action('restore', { target, path: 'file' })).status, 0);
    assert.equal(await readFile(target, 'utf8'), 'content of a file\n');
  });

  test('options can be given for one time', async () => {
    const elsewhere = path.join(place.path, 'elsewhere');
    const { status } = await action('do-backup', {
      remote_backup_url: `file://${elsewhere}`,
      disable_encryption: true,
    });
    assert.equal(status, 0);
    assert.ok(
      (await readdir(path.join(elsewhere, 'app-0'))).some((name) => name.endsWith('.difftar.gz')),
    );
    assert.doesNotMatch(await inRoot('var/lib/holdfast/charm/app-0.json'), /elsewhere/u);
  });

  test('a failure tells the command, its status and what it printed, but no secret', async () => {
    const { status, failure, output } = await action('do-backup', {
      aux_backup_directory: '/nowhere/at/all',
    });
    assert.equal(status, 1);
    assert.match(
      failure!,
      /^Command "duplicity full \/nowhere\/at\/all file:.*" failed with return code "\d+" and error output:\n/u,
    );
    assert.doesNotMatch(`${failure}${output}`, /hidden/u);
  });

  test('what an action does not take is told', async () => {
    assert.match(
      (await action('remove-all-but-n-full', { count: 0 })).failure!,
      /"count" is a whole number from 1/u,
    );
    assert.match((await action('remove-older-than')).failure!, /needs "time"/u);
  });

  test('the history knows what was done; looking is not in it', async () => {
    const { output } = await call([holdfast, 'job', 'history', 'app-0', '--json']);
    const runs = output
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as { activity: string; state: string });
    const count = (activity: string, state: string): number =>
      runs.filter((one) => one.activity === activity && one.state === state).length;
    assert.deepEqual(
      [
        count('backup', 'succeeded'),
        count('backup', 'failed'),
        count('check', 'succeeded'),
        count('restore', 'succeeded'),
      ],
      [2, 1, 1, 1],
    );
    assert.equal(runs.length, 5);
  });

  test('a schedule does nothing while there are no backups wanted', async () => {
    set({ backend: '' });
    await hook('config-changed');
    await assert.rejects(stat(path.join(root, cronFile)), { code: 'ENOENT' });
    const { status, output } = await call([holdfast, 'run-action', 'do-backup', '--scheduled']);
    assert.notEqual(status, 0);
    assert.match(output, /blocked|must be ready|no options/u);
  });

  test('removal of the charm takes the schedule away', async () => {
    set({ backend: 'file' });
    await hook('config-changed');
    await stat(path.join(root, cronFile));
    await hook('stop');
    await assert.rejects(stat(path.join(root, cronFile)), { code: 'ENOENT' });
  });
});
