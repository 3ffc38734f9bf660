import assert from 'node:assert/strict';
import { test } from 'node:test';

import { decryptCommand, encryptCommand } from './gpg-command.ts';
import type { GpgSettings } from './protection.ts';

const settings: GpgSettings = {
  program: 'gpg',
  options: ['--cipher-algo', 'AES'],
  useAgent: false,
  environment: {},
};
const plain = { recipients: [], hiddenRecipients: [], sign: undefined, compress: true };
const words = (command: readonly string[]): string => command.join(' ');

test('the command of each kind of file', () => {
  assert.equal(
    words(encryptCommand(settings, [2, 2], plain)),
    'gpg --passphrase-fd 3 --status-fd 4 --batch --no-tty --no-secmem-warning --no-auto-key-locate ' +
      '--pinentry-mode=loopback --cipher-algo AES --force-mdc --symmetric',
  );
  assert.equal(
    words(
      encryptCommand(settings, [2, 4], {
        recipients: ['A', 'B'],
        hiddenRecipients: ['C'],
        sign: { key: 'S' },
        compress: false,
      }),
    ),
    'gpg --passphrase-fd 3 --status-fd 4 --batch --no-tty --local-user S --recipient A --recipient B --hidden-recipient C ' +
      '--no-secmem-warning --no-auto-key-locate --pinentry-mode=loopback --cipher-algo AES --force-mdc --compress-algo=none --sign --encrypt',
  );
  assert.equal(
    words(decryptCommand(settings, [2, 2], true)),
    'gpg --passphrase-fd 3 --status-fd 4 --batch --no-tty --no-secmem-warning --no-auto-key-locate --pinentry-mode=loopback --cipher-algo AES --decrypt',
  );
});

test('with an agent there is no passphrase from us; old versions know no loopback', () => {
  const agent = { ...settings, useAgent: true };
  for (const version of [
    [1, 4],
    [2, 0],
    [2, 2],
  ] as const) {
    const command = encryptCommand(agent, version, plain);
    assert.ok(!command.includes('--passphrase-fd'));
    assert.ok(!words(command).includes('loopback'));
    assert.equal(command.includes('--use-agent'), version[0] === 1);
    const without = decryptCommand(settings, version, false);
    assert.ok(without.includes('--passphrase-fd'));
    assert.equal(words(without).includes('loopback'), version[1] === 2);
    assert.ok(!words(without).includes('--use-agent'));
  }
});

test('a ring of secret keys is for files that are for keys', () => {
  const ring = { ...settings, secretKeyring: '/ring' };
  assert.match(words(decryptCommand(ring, [2, 2], true)), / --secret-keyring \/ring --decrypt$/u);
  assert.doesNotMatch(words(decryptCommand(ring, [2, 2], false)), /ring/u);
});
