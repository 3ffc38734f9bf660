import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';

import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { systemClock } from '../../../base/clock.ts';
import { hasCode } from '../../../base/errors.ts';
import { Secret } from '../../../base/secret.ts';
import { openStorage } from '../../open-storage.ts';
import { addressOf, connectionArguments, environmentOf, type RsyncPlace } from './rsync-place.ts';

const place: RsyncPlace = {
  transport: 'ssh',
  host: 'nas',
  port: undefined,
  user: undefined,
  password: undefined,
  path: 'a/b',
  sshCommand: undefined,
  identityFile: undefined,
  knownHosts: undefined,
  rsyncPath: undefined,
};

async function locationOf(
  url: string,
  flag: Record<string, string> = {},
  environment: Record<string, string> = {},
): Promise<string> {
  const context = { clock: systemClock, environment, warn: () => undefined };
  const { storage } = await openStorage(url, { flag }, context);
  await using _storage = storage;
  return storage.location;
}

test('the URL tells a daemon from ssh', async () => {
  for (const [url, location] of [
    ['rsync://nas::backups/x', 'rsync://nas/backups/x/'],
    ['rsync://nas:8730::/backups/x', 'rsync://nas:8730/backups/x/'],
    ['rsync://nas/backups/x', 'rsync://nas/backups/x/'],
    ['rsync://me:secret@nas/backups', 'rsync://me@nas/backups/'],
    ['rsync://me@nas:873/backups', 'rsync://me@nas:873/backups/'],
    ['rsync://me@nas/x/y', 'me@nas:./x/y/'],
    ['rsync://me@nas//x/y', 'me@nas:/x/y/'],
    ['rsync://nas//x', 'nas:/x/'],
    ['rsync://nas:22/x', 'nas:./x/'],
    [`rsync://nas/x?identity-file=${import.meta.filename}`, 'nas:./x/'],
    ['rsync://nas/x?transport=ssh', 'nas:./x/'],
    ['rsync://me@nas/x?transport=daemon', 'rsync://me@nas/x/'],
    ['rsync://me@[::1]//x', 'me@[::1]:/x/'],
  ] as const)
    assert.equal(await locationOf(url), location, url);
  assert.equal(await locationOf('rsync://me@nas/m', { password: 'x' }), 'rsync://me@nas/m/');
});

test('the file of a key must be there, its public half at least, and may lie at home', async () => {
  await assert.rejects(locationOf('rsync://nas/x?identity-file=/does/not/exist'), {
    code: 'input/usage',
    message: 'Cannot read the identity file "/does/not/exist": there is no such file or directory',
  });
  await using home = await temporaryDirectory();
  const url = 'rsync://nas/x?identity-file=~/key';
  const environment = { HOME: home.path };
  await assert.rejects(locationOf(url, {}, environment), { code: 'input/usage' });
  await writeFile(path.join(home.path, 'key.pub'), '');
  assert.equal(await locationOf(url, {}, environment), 'nas:./x/');
  // A daemon is not given it.
  const daemon = 'rsync://nas/x?transport=daemon&identity-file=/does/not/exist';
  assert.equal(await locationOf(daemon), 'rsync://nas/x/');
});

test('what rsync would take for something else is refused', () => {
  const isUsage = (error: unknown): boolean => hasCode(error, 'input/usage');
  assert.throws(() => addressOf({ ...place, host: '-oProxyCommand=x' }), isUsage);
  assert.throws(() => addressOf({ ...place, user: '-l' }), isUsage);
  assert.throws(() => addressOf({ ...place, host: 'a b' }), isUsage);
  assert.throws(() => addressOf({ ...place, path: '../up' }), isUsage);
  assert.throws(() => addressOf({ ...place, transport: 'daemon', path: '' }), isUsage);
  assert.throws(() => connectionArguments({ ...place, identityFile: 'a"b' }), isUsage);
});

test('host keys are strict, and nobody is asked', () => {
  const shell = connectionArguments({ ...place, port: 2222, identityFile: '/a key' })[1] ?? '';
  assert.match(shell, /^ssh .*-o StrictHostKeyChecking=yes -o BatchMode=yes/u);
  assert.match(shell, /-i "\/a key" -o IdentitiesOnly=yes/u);
  assert.match(shell, /-p 2222$/u);
  const own = connectionArguments({ ...place, sshCommand: '/usr/bin/ssh -J jump' })[1] ?? '';
  assert.match(own, /^\/usr\/bin\/ssh -J jump -o StrictHostKeyChecking=yes/u);
  assert.deepEqual(connectionArguments({ ...place, sshCommand: 'plink' }), ['-e', 'plink']);
});

test('the password is in the environment of a daemon only, and never among the arguments', () => {
  const daemon: RsyncPlace = { ...place, transport: 'daemon', password: new Secret('s3cret') };
  assert.equal(environmentOf(daemon, {})['RSYNC_PASSWORD'], 's3cret');
  assert.ok(!connectionArguments(daemon).join(' ').includes('s3cret'));
  assert.ok(!addressOf(daemon).base.includes('s3cret'));
  assert.equal(environmentOf(place, { RSYNC_PASSWORD: 'x' })['RSYNC_PASSWORD'], undefined);
  const { HOME, ...others } = environmentOf(place, { HOME: '/h', HOLDFAST_PASSPHRASE: 'hush' });
  assert.equal(HOME, '/h');
  assert.ok(!Object.values(others).includes('hush'));
});
