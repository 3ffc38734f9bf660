import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { ChannelSettings } from '../model/channel.ts';
import type { BackupJob } from '../model/job.ts';
import { maskSecrets, unmaskSecrets } from './masked-secrets.ts';

const job: BackupJob = {
  name: 'documents',
  kind: 'backup',
  sources: ['/home/anna'],
  databases: [{ url: 'postgresql://backup:hidden1@db/shop', password: 'hidden2' }],
  destinations: [
    {
      url: 'sftp://anna:hidden3@host/dir?known_hosts=/x&password=hidden4',
      passphrase: 'hidden5',
      options: { region: 'eu', 'secret-key': 'hidden6', token: { file: '/run/token' } },
      flags: { 'auth-password': 'hidden9', quick: true },
    },
    { url: 'offsite', passphrase: { file: '/run/secrets/offsite' } },
  ],
  environment: { PGPASSWORD: 'hidden7', PGHOST: 'db', API_KEY: { environment: 'KEY' } },
  hooks: [{ when: 'before', command: 'curl https://u:hidden8@host/' }],
};

test('no secret is shown, and everything else is', () => {
  const shown = maskSecrets(job);
  assert.deepEqual(shown, {
    ...job,
    databases: [{ url: 'postgresql://backup:[secret]@db/shop', password: '[secret]' }],
    destinations: [
      {
        url: 'sftp://anna:[secret]@host/dir?known_hosts=/x&password=[secret]',
        passphrase: '[secret]',
        options: { region: 'eu', 'secret-key': '[secret]', token: { file: '/run/token' } },
        flags: { 'auth-password': '[secret]', quick: true },
      },
      { url: 'offsite', passphrase: { file: '/run/secrets/offsite' } },
    ],
    environment: { PGPASSWORD: '[secret]', PGHOST: 'db', API_KEY: { environment: 'KEY' } },
    hooks: [{ when: 'before', command: 'curl https://u:[secret]@host/' }],
  });
});

test('of a channel the address is a secret', () => {
  const channel = {
    type: 'slack',
    url: 'https://hooks.slack.example/services/T/B/hidden',
  } as ChannelSettings;
  assert.deepEqual(maskSecrets(channel, 'channel'), { type: 'slack', url: '[secret]' });
  const elsewhere = { type: 'slack', url: { file: '/run/slack' } } as ChannelSettings;
  assert.deepEqual(maskSecrets(elsewhere, 'channel'), elsewhere);
});

test('what was shown and comes back is what it was', () => {
  assert.deepEqual(unmaskSecrets(maskSecrets(job), job), job);
  const changed = maskSecrets({ ...job, sources: ['/home'], description: 'new' });
  assert.deepEqual(unmaskSecrets(changed, job), { ...job, sources: ['/home'], description: 'new' });
});

test('a new secret is taken, a mask for nothing is not', () => {
  const shown = maskSecrets(job);
  const [first, second] = shown.destinations;
  const anew = { ...shown, destinations: [{ ...first!, passphrase: 'new' }, second!] };
  assert.equal(unmaskSecrets(anew, job).destinations[0]?.passphrase, 'new');
  assert.throws(() => unmaskSecrets(shown, undefined), {
    code: 'input/invalid',
    message: 'The secret at "databases.0.url" is missing',
  });
  // Another host must not get the password of this one.
  const moved = { ...shown, destinations: [{ ...first!, url: 'sftp://anna:[secret]@evil/dir' }] };
  assert.throws(() => unmaskSecrets(moved, job), {
    message: 'The secret at "destinations.0.url" is missing',
  });
});

test('a secret stays with what it belongs to when a list loses an item or is put in another order', () => {
  const [first, second] = [
    { name: 'nas', url: '/mnt/nas', passphrase: 'hidden1' },
    { name: 'offsite', url: 'sftp://anna:hidden2@host/dir', passphrase: 'hidden3' },
  ] as const;
  const kept: BackupJob = { ...job, destinations: [first, second] };
  const shown = maskSecrets(kept);
  const [shownFirst, shownSecond] = shown.destinations as [
    (typeof shown.destinations)[number],
    (typeof shown.destinations)[number],
  ];
  const after = (...destinations: BackupJob['destinations']) =>
    unmaskSecrets({ ...shown, destinations }, kept).destinations;
  assert.deepEqual(after(shownSecond), [second]);
  assert.deepEqual(after(shownSecond, shownFirst), [second, first]);
  assert.deepEqual(after({ ...shownSecond, flags: { quick: true } }), [
    { ...second, flags: { quick: true } },
  ]);
  const fresh = { name: 'cloud', url: 's3://bucket', passphrase: '[secret]' };
  assert.throws(() => after(fresh, shownFirst, shownSecond), {
    message: 'The secret at "destinations.0.passphrase" is missing',
  });
});
