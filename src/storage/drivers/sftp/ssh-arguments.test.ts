import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { sftpSettings } from '#test/support/sftp-settings.ts';
import { hasCode } from '../../../base/errors.ts';
import { commandWords } from './command-words.ts';
import { sshArguments } from './ssh-arguments.ts';
import { sshFailure } from './ssh-failure.ts';

const settings = sftpSettings(['ssh']);

describe('the command line of ssh', () => {
  test('says only what was given', () => {
    const argv = sshArguments(settings, {});
    assert.deepEqual(argv.slice(-4), ['-s', '--', 'h', 'sftp']);
    assert.ok(
      !argv.includes('-p') && !argv.includes('-l') && !argv.join(' ').includes('IdentityFile'),
    );
    const more = sshArguments(
      { ...settings, port: 2222, user: 'u', identityFile: '/a b/100%' },
      {},
    ).join('\n');
    assert.ok(more.includes('-p\n2222\n-l\nu\n-s\n--\nh\nsftp'));
    assert.ok(more.includes('IdentityFile="/a b/100%%"'));
  });

  test('has our options before those of the user, behind the program itself', () => {
    const command = ['torsocks', '/usr/bin/ssh', '-o', 'StrictHostKeyChecking=no', '-J', 'gate'];
    const argv = sshArguments({ ...settings, command }, {});
    assert.deepEqual(argv.slice(0, 2), ['torsocks', '/usr/bin/ssh']);
    assert.ok(argv.indexOf('StrictHostKeyChecking=yes') < argv.indexOf('StrictHostKeyChecking=no'));
    assert.ok(argv.indexOf('BatchMode=yes') > 0);
  });

  test('takes no host, user or path that could be read as something else', () => {
    for (const wrong of [
      { host: '-oProxyCommand=x' },
      { user: '-x' },
      { host: 'a b' },
      { host: 'a\nb' },
      { identityFile: 'a"b' },
    ])
      assert.throws(
        () => sshArguments({ ...settings, ...wrong }, {}),
        (error) => hasCode(error, 'input/usage'),
      );
  });
});

describe('the words of a command', () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['ssh', ['ssh']],
    ['  ssh  -J\tgate ', ['ssh', '-J', 'gate']],
    [`ssh -F '/a b/c' "-o" "X=\\"y\\" \\z"`, ['ssh', '-F', '/a b/c', '-o', 'X="y" \\z']],
    [String.raw`ssh a\ b '$HOME' *`, ['ssh', 'a b', '$HOME', '*']],
    [`ssh ''`, ['ssh', '']],
    ['', []],
  ];
  for (const [text, words] of cases) {
    test(JSON.stringify(text), () => assert.deepEqual(commandWords(text, 'ssh-command'), words));
  }

  test('an open quote is an error', () => {
    assert.throws(
      () => commandWords('ssh "a', 'ssh-command'),
      (error) => hasCode(error, 'input/usage'),
    );
  });
});

describe('what ssh says at its end', () => {
  const cases = [
    ['root@h: Permission denied (publickey).', 'storage/access-denied'],
    ['Host key verification failed.', 'storage/untrusted'],
    ['ssh: connect to host h port 22: Connection refused', 'storage/unavailable'],
    ['ssh: Could not resolve hostname h: Name or service not known', 'storage/unavailable'],
    ['/x/config: line 1: Bad configuration option: nonsense', 'input/usage'],
    ['client_loop: send disconnect: Broken pipe', 'storage/unavailable'],
  ] as const;
  for (const [words, code] of cases)
    test(words, () => assert.ok(hasCode(sshFailure(words, 'h', 255), code)));
});
