import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { missingPrograms } from '#test/servers/required-programs.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import type { Configuration } from '../../model/configuration.ts';
import type { BackupJob, Job } from '../../model/job.ts';
import { jobUnits, serverUnit, type UnitFile, type UnitSettings } from './service-units.ts';

const skip = missingPrograms(['systemd-analyze']);
const run = promisify(execFile);

const backup = (name: string, more: Partial<BackupJob> = {}): BackupJob => ({
  kind: 'backup',
  name,
  sources: ['/home', '/etc'],
  destinations: [{ url: 'sftp://nas/backups' }],
  schedule: 'daily',
  ...more,
});

function settings(jobs: readonly Job[], more: Partial<UnitSettings> = {}): UnitSettings {
  const configuration: Configuration = {
    jobs,
    destinations: {},
    channels: {},
    periodicities: {},
    settings: {},
  };
  return {
    configuration,
    // A program that is there, as systemd wants to see it.
    program: ['/bin/echo'],
    configurationFile: '/etc/holdfast/holdfast.yaml',
    isUser: false,
    stateDirectory: '/var/lib/holdfast',
    cacheDirectory: '/var/cache/holdfast',
    writable: [],
    credentials: [],
    environment: {},
    inhibitsSleep: false,
    timeZone: 'Europe/Berlin',
    ...more,
  };
}

const textOf = (files: readonly UnitFile[], name: string): string =>
  files.find((file) => file.name === name)?.text ?? assert.fail(`no ${name}`);
const valuesOf = (text: string, key: string): string[] =>
  text
    .split('\n')
    .flatMap((line) => (line.startsWith(`${key}=`) ? [line.slice(key.length + 1)] : []));

/** What systemd has to say about the files; it should be nothing. */
async function verified(files: readonly UnitFile[], ...more: readonly string[]): Promise<string> {
  await using directory = await temporaryDirectory();
  const paths = files.map(({ name }) => path.join(directory.path, name));
  for (const [index, { text }] of files.entries()) await writeFile(paths[index]!, text);
  const { stdout, stderr } = await run(
    'systemd-analyze',
    ['verify', '--man=no', ...more, ...paths],
    {
      env: {
        ...process.env,
        SYSTEMD_UNIT_PATH: `${directory.path}:`,
        XDG_RUNTIME_DIR: directory.path,
      },
    },
  );
  // Other units of the machine are not ours to judge.
  const lines = `${stdout}${stderr}`.split('\n');
  return lines.filter((line) => /holdfast|^[^:]*$/u.test(line) && line !== '').join('\n');
}

test('a job has a service and a timer for each thing it does', () => {
  const files = jobUnits(
    settings([
      backup('documents', {
        schedule: ['0 2 * * *', '0 14 * * MON-FRI'],
        check: { schedule: 'weekly' },
        retention: { keepDaily: 7 },
      }),
      backup('by-hand', { schedule: 'manual' }),
      backup('off', { enabled: false }),
    ]),
  );
  assert.deepEqual(
    files.map(({ name }) => name),
    [
      'holdfast@documents.service',
      'holdfast@documents.timer',
      'holdfast-2@documents.timer',
      'holdfast-check@documents.service',
      'holdfast-check@documents.timer',
      'holdfast@by-hand.service',
    ],
  );
  const check = textOf(files, 'holdfast-check@documents.service');
  assert.deepEqual(valuesOf(check, 'ExecStart'), [
    '/bin/echo job run documents --activity check --config /etc/holdfast/holdfast.yaml',
  ]);
  const second = textOf(files, 'holdfast-2@documents.timer');
  assert.deepEqual(valuesOf(second, 'OnCalendar'), [
    'Mon,Tue,Wed,Thu,Fri *-*-* 14:00:00 Europe/Berlin',
  ]);
  assert.deepEqual(valuesOf(second, 'Unit'), ['holdfast@documents.service']);
  assert.deepEqual(valuesOf(second, 'Persistent'), ['true']);
});

test('systemd has nothing to say against any of them', { skip }, async () => {
  const jobs: readonly Job[] = [
    backup('documents', {
      description: '100% of "home"\\',
      schedule: { when: 'daily', jitter: '90m', missed: 'skip' },
      check: { schedule: '@every 6h' },
      drill: { schedule: '0 0 L * *', directory: '/var/drill %h' },
      destinations: [{ url: '/mnt/my disk/50%' }, { url: 'file:///srv/a%20b' }],
      conditions: { battery: 'never' },
      resources: { nice: 19, ioClass: 'idle' },
    }),
    {
      kind: 'commands',
      name: 'Odd.Name_1',
      commands: [{ name: '1', command: 'true' }],
      schedule: '*/5 * * * *',
    },
  ];
  const system = settings(jobs, {
    configurationFile: '/etc/100%/a "b" $HOME\'s;',
    credentials: ['passphrase', 'key:/etc/holdfast/a b'],
    inhibitsSleep: true,
  });
  assert.equal(await verified([...jobUnits(system), serverUnit(system)]), '');
  const user = { ...system, isUser: true };
  assert.equal(await verified([...jobUnits(user), serverUnit(user)], '--user'), '');
});

test('words come to the program as they are', { skip }, () => {
  const odd = '/etc/100%/a "b" $HOME\\ \'s;';
  const [service] = jobUnits(settings([backup('a')], { configurationFile: odd }));
  const [command = ''] = valuesOf(service?.text ?? '', 'ExecStart');
  assert.equal(command, String.raw`/bin/echo job run a --config "/etc/100%%/a \"b\" $$HOME\\ 's;"`);
  assert.throws(
    () => jobUnits(settings([backup('a')], { configurationFile: '/a\nExecStart=/b' })),
    {
      code: 'input/invalid',
    },
  );
});

test('only what a backup needs can be done from within', { skip }, async () => {
  const [service] = jobUnits(settings([backup('documents')]));
  assert.ok(service !== undefined);
  assert.ok((await exposure(service)) <= 3);
  const server = serverUnit(settings([backup('documents')]));
  assert.ok((await exposure(server)) <= 4);
});

test('what is backed up can be seen, and destinations of this machine can be written', () => {
  const lines = (job: Job, more: Partial<UnitSettings> = {}): string =>
    jobUnits(settings([job], more))[0]?.text ?? '';
  const home = lines(backup('home', { destinations: [{ url: '/home/me/backups' }] }));
  assert.deepEqual(valuesOf(home, 'ProtectHome'), ['read-only']);
  assert.deepEqual(valuesOf(home, 'ReadWritePaths'), ['-/home/me/backups']);
  assert.deepEqual(valuesOf(home, 'PrivateTmp'), ['yes']);
  assert.match(
    valuesOf(home, 'CapabilityBoundingSet')[0] ?? '',
    /^CAP_DAC_READ_SEARCH CAP_DAC_OVERRIDE /u,
  );
  // A private one would be empty.
  const everything = lines(backup('everything', { sources: ['/'] }));
  assert.deepEqual(valuesOf(everything, 'PrivateTmp'), ['no']);
  assert.deepEqual(valuesOf(everything, 'PrivateDevices'), ['no']);
  assert.deepEqual(valuesOf(lines(backup('tmp', { sources: ['/var/tmp/x'] })), 'PrivateTmp'), [
    'no',
  ]);
  // The socket of an engine may belong to somebody else.
  const stopping = lines(backup('stopping', { containers: { label: 'stop' } }));
  assert.match(valuesOf(stopping, 'CapabilityBoundingSet')[0] ?? '', /DAC_OVERRIDE/u);
  const plain = lines(backup('plain'));
  assert.deepEqual(valuesOf(plain, 'CapabilityBoundingSet'), ['CAP_DAC_READ_SEARCH CAP_FOWNER']);
  // Commands of the user may do anything.
  const hooked = lines(backup('hooked', { hooks: [{ when: 'before', command: 'touch /x' }] }));
  assert.deepEqual(valuesOf(hooked, 'ProtectSystem'), []);
  const elsewhere = lines(backup('elsewhere'), {
    stateDirectory: '/data/state',
    writable: ['/restore here'],
  });
  assert.deepEqual(valuesOf(elsewhere, 'ReadWritePaths'), ['-/data/state "-/restore here"']);
  assert.deepEqual(valuesOf(elsewhere, 'Environment')[0], 'HOLDFAST_STATE_DIR=/data/state');
});

test('intervals count from the last run', () => {
  const timer = textOf(
    jobUnits(settings([backup('a', { schedule: '@every 90m' })])),
    'holdfast@a.timer',
  );
  assert.deepEqual(valuesOf(timer, 'OnUnitActiveSec'), ['1h 30min']);
  assert.deepEqual(valuesOf(timer, 'OnBootSec'), ['15min']);
  assert.deepEqual(valuesOf(timer, 'Persistent'), []);
});

for (const [schedule, reason] of [
  ['0 0 15W * *', 'a timer of systemd cannot say the working day that is nearest to a date'],
  [{ when: 'daily', minimumGap: '1h' }, 'a timer of systemd keeps no minimum gap'],
  [
    { when: 'daily', blackout: [{ from: '8:00', until: '9:00' }] },
    'a timer of systemd keeps no blackout windows',
  ],
] as const)
  test(`${JSON.stringify(schedule)} is refused with the name of the job`, () =>
    assert.throws(() => jobUnits(settings([backup('odd', { schedule })])), {
      code: 'input/invalid',
      message: `The schedule of the job "odd" cannot be a timer: ${reason}`,
    }));

test('a name that is unknown is told; a named job counts even if it is disabled', () => {
  const jobs = [backup('documents', { enabled: false })];
  assert.throws(() => jobUnits(settings(jobs), ['documnets']), {
    code: 'job/missing',
    message: 'There is no job "documnets"',
    hint: 'Did you mean "documents"?',
  });
  assert.deepEqual(
    jobUnits(settings(jobs), ['documents']).map(({ name }) => name),
    ['holdfast@documents.service'],
  );
});

async function exposure(file: UnitFile): Promise<number> {
  await using directory = await temporaryDirectory();
  const unit = path.join(directory.path, file.name);
  await writeFile(unit, file.text);
  const { stdout } = await run('systemd-analyze', [
    'security',
    '--offline=true',
    '--no-pager',
    unit,
  ]);
  return Number(/Overall exposure level for \S+: (\d+\.\d+)/u.exec(stdout)?.[1]);
}
