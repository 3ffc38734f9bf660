import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { checkConfiguration } from '../check-configuration.ts';
import { parseConfiguration } from '../configuration-schema.ts';
import { fileContent } from '../write-configuration.ts';
import { charmAction, charmActions, charmCommand, readCharmArguments } from './charm-actions.ts';
import { charmRetention, charmSchedules, configurationFromCharm } from './charm-configuration.ts';
import {
  charmEnvironment,
  charmUrl,
  decodedPrivateKey,
  knownHostLine,
} from './charm-destination.ts';
import { charmOptions, charmSecrets, readCharmOptions } from './charm-options.ts';
import { charmStatus } from './charm-status.ts';

const noFiles = { privateKey: undefined, knownHosts: undefined };
const files = { privateKey: '/root/.ssh/key', knownHosts: '/root/.ssh/known_hosts' };
const key = Buffer.from('-----BEGIN OPENSSH PRIVATE KEY-----\nx\n').toString('base64');
const toFile = { backend: 'file', remote_backup_url: 'file:///srv', disable_encryption: true };
const secure = { known_host_key: 'host ssh-rsa AAAA', encryption_passphrase: 'p' };

describe('the status of a unit', () => {
  for (const [options, message] of [
    [{}, 'Backup path is required. Set config for "remote_backup_url"'],
    [
      { ...toFile, remote_backup_url: '' },
      'Backup path is required. Set config for "remote_backup_url"',
    ],
    [{ ...toFile, backend: 'Foo' }, 'Unrecognized backend "Foo"'],
    [{ ...toFile, backend: '' }, 'Unrecognized backend ""'],
    [
      { ...toFile, backend: 's3', aws_access_key_id: 'x' },
      'S3 backups require "aws_access_key_id" and "aws_secret_access_key" to be set',
    ],
    [{ ...toFile, backend: 'azure' }, 'Azure backups require "azure_connection_string" '],
    [
      { ...toFile, backend: 'scp', known_host_key: 'x' },
      'scp backend requires known_host_key and either "remote_password" or "private_ssh_key" to be set',
    ],
    [
      { ...toFile, backend: 'SFTP', remote_password: 'x' },
      'SFTP backend requires known_host_key and either "remote_password" or "private_ssh_key" to be set',
    ],
    [
      { ...toFile, backend: 'rsync', known_host_key: 'x', remote_password: 'x' },
      'rsync backend requires private_ssh_key. remote_password auth not supported',
    ],
    [
      { ...toFile, backend: 'ftp', remote_user: 'u' },
      'ftp backend requires "remote_user" and "remote_password" to be set',
    ],
    [
      { ...toFile, disable_encryption: false },
      'Must set either an encryption passphrase, GPG public key, or disable encryption',
    ],
    [
      { ...secure, backend: 'scp', remote_backup_url: 'h/d', private_ssh_key: 'no base64!' },
      'Invalid private_ssh_key. ensure that key is base64 encoded',
    ],
    [{ ...toFile, backup_frequency: '* * * *' }, 'Invalid value "* * * *" for "backup_frequency"'],
    [{ ...toFile, backup_frequency: 'dayly' }, 'Invalid value "dayly" for "backup_frequency"'],
    [
      { ...toFile, backup_frequency: '@every 6h' },
      'Invalid value "@every 6h" for "backup_frequency"',
    ],
    [
      { ...toFile, backup_frequency: '0 2 * * *\n* * * * *' },
      'Invalid value "0 2 * * *\n* * * * *" for "backup_frequency"',
    ],
    [{ ...toFile, retention_period: '30' }, 'Invalid value "30" for "retention_period"'],
    [{ ...toFile, retention_period: '0d' }, 'Invalid value "0d" for "retention_period"'],
    [
      { ...toFile, retention_period: '30d', deletion_frequency: 'weekly' },
      'Invalid value "weekly" for "deletion_frequency"',
    ],
  ] as const) {
    test(message, () => {
      assert.deepEqual(charmStatus(readCharmOptions(options)), { state: 'blocked', message });
    });
  }

  for (const options of [
    toFile,
    { ...toFile, backend: 'FILE', backup_frequency: 'Daily' },
    { ...toFile, backup_frequency: '*/5 2-4 * jan mon,tue', deletion_frequency: 'nonsense' },
    { ...toFile, retention_period: '36h', deletion_frequency: '1 2 * * *' },
    { ...toFile, disable_encryption: false, gpg_public_key: 'ABCD' },
    { ...secure, backend: 'rsync', remote_backup_url: 'h::/m/d', private_ssh_key: key },
    { ...secure, backend: 'ssh', remote_backup_url: 'h/d', remote_password: 'x' },
  ]) {
    test(`ready: ${JSON.stringify(options)}`, () => {
      assert.deepEqual(charmStatus(readCharmOptions(options)), {
        state: 'active',
        message: 'Ready',
      });
    });
  }
});

describe('the archive of a unit', () => {
  for (const [options, url] of [
    [{ backend: 'file', remote_backup_url: 'file:///srv/backups/' }, 'file:///srv/backups/mysql-0'],
    [{ backend: 'file', remote_backup_url: '/srv' }, 'file:///srv/mysql-0'],
    [
      {
        backend: 'scp',
        remote_backup_url: 'host:2222/dir',
        remote_user: 'me',
        remote_password: 'x',
      },
      'scp://me@host:2222/dir/mysql-0',
    ],
    [{ backend: 'ssh', remote_backup_url: 'ssh://host/dir' }, 'sftp://host/dir/mysql-0'],
    [
      { backend: 'ftp', remote_backup_url: 'ftp://host/dir', remote_user: 'a b@c' },
      'ftp://a%20b%40c@host/dir/mysql-0',
    ],
    [
      { backend: 'rsync', remote_backup_url: 'host::/module/dir' },
      'rsync://host::/module/dir/mysql-0',
    ],
    [{ backend: 'rsync', remote_backup_url: 'host//abs' }, 'rsync://host//abs/mysql-0'],
    [
      { backend: 's3', remote_backup_url: 's3:host:9000/bucket/prefix' },
      's3://host:9000/bucket/prefix/mysql-0',
    ],
    [{ backend: 's3', remote_backup_url: 's3+http://bucket' }, 's3+http://bucket/mysql-0'],
    [{ backend: 'azure', remote_backup_url: 'azure://' }, 'azure://mysql-0'],
  ] as const) {
    test(`${options.backend}: ${options.remote_backup_url}`, () => {
      assert.equal(charmUrl(readCharmOptions(options), 'mysql/0'), url);
    });
  }

  test('secrets are in the environment, never in what is called', () => {
    const values = readCharmOptions({
      ...secure,
      backend: 'scp',
      remote_backup_url: 'host/dir',
      remote_user: 'me',
      remote_password: 'hidden1',
      encryption_passphrase: 'hidden2',
      aws_secret_access_key: 'hidden3',
      azure_connection_string: 'hidden4',
      private_ssh_key: key,
    });
    assert.deepEqual(charmEnvironment(values, files), {
      AWS_SECRET_ACCESS_KEY: 'hidden3',
      AZURE_CONNECTION_STRING: 'hidden4',
      FTP_PASSWORD: 'hidden1',
      PASSPHRASE: 'hidden2',
    });
    for (const action of charmActions) {
      const needed = Object.fromEntries(
        action.parameters.filter(({ required }) => required).map(({ name }) => [name, '2']),
      );
      const called = charmCommand(action, readCharmArguments(action, needed), values, 'u/0', files);
      assert.doesNotMatch(called.join(' '), /hidden/u);
    }
    assert.deepEqual(
      charmSecrets(values).sort(),
      ['hidden1', 'hidden2', 'hidden3', 'hidden4', key].sort(),
    );
  });
});

describe('actions', () => {
  const values = readCharmOptions({ ...toFile, aux_backup_dir: '/data' });
  const command = (name: string, given: Readonly<Record<string, string>> = {}): string[] => {
    const action = charmAction(name);
    return charmCommand(action, readCharmArguments(action, given), values, 'app/3', noFiles);
  };
  const url = 'file:///srv/app-3';

  test('are command lines of duplicity', () => {
    assert.deepEqual(command('do-backup'), ['full', '--no-encryption', '/data', url]);
    assert.deepEqual(command('do-backup', { type: 'incremental' }), [
      '--no-encryption',
      '/data',
      url,
    ]);
    assert.deepEqual(command('list-current-files'), ['list-current-files', '--no-encryption', url]);
    assert.deepEqual(command('remove-older-than', { time: '3D4H' }), [
      'remove-older-than',
      '3D4H',
      '--force',
      '--no-encryption',
      url,
    ]);
    assert.deepEqual(command('remove-all-but-n-full', { count: '2' }).slice(0, 3), [
      'remove-all-but-n-full',
      '2',
      '--force',
    ]);
    assert.deepEqual(command('restore', { target: '/t', path: 'a/b', time: '1D' }), [
      'restore',
      '--no-encryption',
      '--time',
      '1D',
      '--file-to-restore',
      'a/b',
      url,
      '/t',
    ]);
    assert.deepEqual(command('verify'), ['verify', '--no-encryption', url, '/data']);
    assert.deepEqual(command('cleanup'), ['cleanup', '--force', '--no-encryption', url]);
  });

  test('take options for this time only', () => {
    const given = readCharmArguments(charmAction('do-backup'), { type: 'full', backend: 's3' });
    assert.deepEqual(given, { parameters: { type: 'full' }, overrides: { backend: 's3' } });
  });

  for (const [name, given, message, hint] of [
    ['do-bakcup', {}, 'Action "do-bakcup" is undefined', 'Did you mean "do-backup"?'],
    ['remove-older-than', {}, 'The action "remove-older-than" needs "time"', 'Write time=VALUE'],
    [
      'remove-all-but-n-full',
      { count: '0' },
      '"count" is a whole number from 1, not "0"',
      undefined,
    ],
    [
      'remove-all-but-n-full',
      { coutn: '1' },
      'The action "remove-all-but-n-full" knows no "coutn"',
      'Did you mean "count"?',
    ],
    ['do-backup', { type: 'half' }, '"type" is full or incremental, not "half"', undefined],
    [
      'restore',
      { target: '/t', force: 'maybe' },
      '"force" is true or false, not "maybe"',
      undefined,
    ],
  ] as const) {
    test(message, () => {
      assert.throws(
        () => readCharmArguments(charmAction(name), given),
        (error: Error & { hint?: string }) => error.message === message && error.hint === hint,
      );
    });
  }
});

describe('options', () => {
  test('have their defaults, and are read as Juju and people write them', () => {
    const values = readCharmOptions({ disable_encryption: 'True', backend: null });
    assert.equal(Object.keys(values).length, charmOptions.length);
    assert.equal(values['disable_encryption'], true);
    assert.equal(values['aux_backup_directory'], '/tmp/duplicity');
    assert.equal(values['backup_frequency'], 'manual');
  });

  test('that nobody knows are told', () => {
    assert.throws(() => readCharmOptions({ backend_: 's3' }), {
      message: 'There is no option "backend_"',
      hint: 'Did you mean "backend"?',
    });
    assert.throws(() => readCharmOptions({ disable_encryption: 'perhaps' }), {
      code: 'input/usage',
    });
  });

  test('a key is text in base64', () => {
    assert.equal(
      decodedPrivateKey(readCharmOptions({ private_ssh_key: key })),
      Buffer.from(key, 'base64').toString(),
    );
    const broken = `${key.slice(0, 30)}\n${key.slice(30)}`;
    assert.ok(decodedPrivateKey(readCharmOptions({ private_ssh_key: broken })));
    for (const wrong of ['abc', '!!!!', Buffer.from([255, 254, 1]).toString('base64')]) {
      assert.equal(
        decodedPrivateKey(readCharmOptions({ private_ssh_key: wrong })),
        undefined,
        wrong,
      );
    }
  });

  test('the blank after the comma in a host key is tolerated', () => {
    const values = readCharmOptions({ known_host_key: 'example.com, 10.0.0.0 ssh-rsa AAAA' });
    assert.equal(knownHostLine(values), 'example.com,10.0.0.0 ssh-rsa AAAA');
  });
});

describe('schedules', () => {
  test('are those of the contract', () => {
    const of = (options: Readonly<Record<string, unknown>>) =>
      charmSchedules(readCharmOptions(options));
    assert.deepEqual(of({}), { backup: undefined, deletion: undefined, verify: undefined });
    assert.deepEqual(of({ backup_frequency: 'Hourly', retention_period: '30d' }), {
      backup: '@hourly',
      deletion: '0 23 * * *',
      verify: undefined,
    });
    assert.equal(
      of({ retention_period: '1h', deletion_frequency: 'hourly' }).deletion,
      '40 * * * *',
    );
    assert.equal(charmRetention(readCharmOptions({ retention_period: '30d' })), '30D');
    assert.equal(charmRetention(readCharmOptions({ retention_period: '36h' })), '36h');
  });

  test('the job that comes of it is one that a file could hold', () => {
    const values = readCharmOptions({
      ...secure,
      backend: 'sftp',
      remote_backup_url: 'host/dir',
      remote_user: 'me',
      private_ssh_key: key,
      backup_frequency: 'daily',
      retention_period: '30d',
      verify_frequency: 'weekly',
    });
    const configuration = configurationFromCharm(values, 'app/0', files);
    assert.deepEqual(parseConfiguration(fileContent(configuration)), configuration);
    assert.deepEqual(checkConfiguration(configuration).problems, []);
    const [job] = configuration.jobs;
    assert.ok(job?.kind === 'backup');
    assert.deepEqual(job.destinations[0], {
      url: 'sftp://me@host/dir/app-0',
      format: 'duplicity',
      environment: {},
      passphrase: 'p',
      options: { 'identity-file': '/root/.ssh/key', 'known-hosts': '/root/.ssh/known_hosts' },
    });
    assert.equal(job.schedule, '@daily');
    assert.deepEqual(job.retention, { keepWithin: '30d', schedule: '0 23 * * *' });
  });
});
