import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

import ssh2 from 'ssh2';

import { openForTest } from '#test/contract/network-contract.ts';
import {
  makeKey,
  openSshPrograms,
  type OpenSshServer,
  startOpenSsh,
} from '#test/servers/openssh.ts';
import { missingPrograms } from '#test/servers/required-programs.ts';
import { openSshUrl } from '#test/support/open-ssh-urls.ts';
import { rejectsWith } from '#test/support/storage-samples.ts';
import { hasCode } from '../../../base/errors.ts';

const run = promisify(execFile);
const skip = missingPrograms([...openSshPrograms, 'ssh-agent', 'ssh-add']);

describe('SFTP logs in', { skip, concurrency: false }, () => {
  let server: OpenSshServer;
  before(async () => {
    server = await startOpenSsh();
  });
  after(() => server[Symbol.asyncDispose]());

  const opens = async (
    options: Readonly<Record<string, string | undefined>>,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<void> => {
    await using storage = await openForTest(
      openSshUrl(server, `${server.data}/x`, options),
      environment,
    );
    assert.ok(storage.capabilities.atomicReplace);
  };
  /** Makes a key that lets everybody in. */
  const admitted = async (
    name: string,
    ...how: readonly [Parameters<typeof makeKey>[1], Parameters<typeof makeKey>[2]?]
  ): Promise<string> => {
    const file = path.join(server.directory, name);
    await makeKey(file, ...how);
    await writeFile(path.join(server.directory, 'authorized_keys'), await readFile(`${file}.pub`), {
      flag: 'a',
    });
    return file;
  };

  test('with keys of every kind and format', async () => {
    const files = [
      await admitted('rsa', 'rsa'),
      await admitted('ecdsa', 'ecdsa'),
      await admitted('rsa_pem', 'rsa', { format: ['-m', 'PEM'] }),
      await admitted('rsa_pkcs8', 'rsa', { format: ['-m', 'PKCS8'] }),
      await admitted('ecdsa_pkcs8', 'ecdsa', { format: ['-m', 'PKCS8'] }),
    ];
    for (const file of files) await opens({ client: 'library', 'identity-file': file });
    await opens({ client: 'program', 'ssh-keyfile': files[0], 'identity-file': undefined });
  });

  test('with a key that has a passphrase, and tells when that is missing or wrong', async () => {
    for (const format of [[], ['-m', 'PEM'], ['-m', 'PKCS8']]) {
      const file = await admitted(`locked${format.at(-1) ?? ''}`, 'rsa', {
        passphrase: 'open sésame',
        format,
      });
      await opens({ 'identity-file': file, 'identity-passphrase': 'open sésame' });
      // Duplicati and duplicity say it as the password.
      await opens({ 'identity-file': file, password: 'open sésame' });
      const refused = async (
        options: Readonly<Record<string, string>>,
        words: RegExp,
      ): Promise<void> => {
        await assert.rejects(
          opens({ client: 'library', 'identity-file': file, ...options }),
          (error) => {
            assert.ok(hasCode(error, 'storage/access-denied'), String(error));
            assert.match(error.message, words);
            assert.ok(!`${error.message} ${error.hint}`.includes('wrong one'));
            return true;
          },
        );
      };
      await refused({}, /passphrase is needed/u);
      await refused({ 'identity-passphrase': 'wrong one' }, /does not open/u);
    }
  });

  test('with a key that is given itself, also in base64 and in the words of Duplicati', async () => {
    const text = await readFile(server.identity, 'utf8');
    for (const identity of [
      text,
      Buffer.from(text).toString('base64'),
      `sshkey://${encodeURIComponent(text)}`,
    ])
      await opens({ 'identity-file': undefined, 'ssh-key': identity });
    await opens({ 'identity-file': undefined }, { HOLDFAST_SFTP_IDENTITY_FILE: server.identity });
    await opens(
      { 'identity-file': undefined, client: 'library' },
      { HOLDFAST_SFTP_IDENTITY: text },
    );
  });

  test('with the keys of an agent, unless it is not wanted', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'holdfast-agent-'));
    const socket = path.join(directory, 'agent');
    const agent = spawn('/usr/bin/ssh-agent', ['-D', '-a', socket], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    try {
      await new Promise<void>((resolve, reject) => {
        agent.stdout.once('data', () => resolve());
        agent.once('error', reject);
        agent.once('exit', reject);
      });
      const environment = { SSH_AUTH_SOCK: socket, HOME: directory };
      await run('ssh-add', ['-q', server.stranger, server.identity], {
        env: { ...process.env, ...environment },
      });
      for (const client of ['program', 'library']) {
        await opens({ client, 'identity-file': undefined }, environment);
        for (const off of ['agent', 'ssh-disable-agent']) {
          const without = {
            client,
            'identity-file': undefined,
            [off]: off === 'agent' ? 'no' : 'yes',
          };
          await rejectsWith(opens(without, environment), 'storage/access-denied');
        }
      }
      // An agent that is not there is as good as one without keys.
      await rejectsWith(
        opens(
          { client: 'library', 'identity-file': undefined },
          { ...environment, SSH_AUTH_SOCK: `${socket}-not` },
        ),
        'storage/access-denied',
      );
    } finally {
      agent.kill();
      await rm(directory, { recursive: true, force: true });
    }
  });

  test('not with what is no private key', async () => {
    for (const [name, text] of [
      ['nothing', 'no key at all\n'],
      ['public', await readFile(`${server.identity}.pub`, 'utf8')],
    ] as const) {
      const file = path.join(server.directory, name);
      await writeFile(file, text);
      await rejectsWith(opens({ client: 'library', 'identity-file': file }), 'input/usage');
    }
  });

  test('not with a file that is not there', async () => {
    for (const client of ['library', 'program', 'auto'])
      await assert.rejects(
        opens({ client, 'identity-file': '/does/not/exist' }),
        (error) =>
          hasCode(error, 'input/usage') &&
          error.message ===
            'Cannot read the identity file "/does/not/exist": there is no such file or directory',
      );
  });

  test('not with a password or a passphrase where the program would have to ask for it', async () => {
    for (const option of ['password', 'identity-passphrase', 'identity'])
      await rejectsWith(opens({ client: 'program', [option]: 'x' }), 'input/usage');
    await rejectsWith(opens({ client: 'library', 'ssh-command': 'ssh' }), 'input/usage');
  });

  test('a server without SFTP says so', async () => {
    await using without = await startOpenSsh({ subsystem: '' });
    for (const client of ['program', 'library']) {
      await assert.rejects(openForTest(openSshUrl(without, '/x', { client })), (error) => {
        assert.ok(hasCode(error, 'storage/access-denied'), String(error));
        return /by SFTP/u.test(error.message);
      });
    }
  });

  test('a login that prints something else says so', async () => {
    await using noisy = await startOpenSsh({ subsystem: '/bin/echo Welcome to this machine' });
    for (const client of ['program', 'library']) {
      await assert.rejects(openForTest(openSshUrl(noisy, '/x', { client })), (error) => {
        assert.ok(hasCode(error, 'storage/unavailable'), String(error));
        return /does not speak SFTP/u.test(error.message);
      });
    }
  });
});

describe('SFTP answers questions for a password', { concurrency: false }, () => {
  test('by keyboard-interactive, and is told when the answer is wrong', async () => {
    const { private: privateKey, public: publicKey } = ssh2.utils.generateKeyPairSync('ed25519');
    const accepted: string[] = [];
    const server = new ssh2.Server({ hostKeys: [privateKey] }, (client) => {
      client.on('error', () => undefined);
      client.on('authentication', (attempt) => {
        if (attempt.method !== 'keyboard-interactive') {
          attempt.reject(['keyboard-interactive']);
          return;
        }
        attempt.prompt([{ prompt: 'Password: ', echo: false }], (answers) => {
          if (answers[0] === 's3cret') {
            accepted.push(attempt.username);
            attempt.accept();
          } else attempt.reject(['keyboard-interactive']);
        });
      });
      client.on('ready', () => {
        client.on('session', (accept) => {
          accept().on('sftp', (acceptSftp) => {
            const sftp = acceptSftp();
            sftp.on('STAT', (id) => sftp.status(id, 2));
          });
        });
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as { port: number };
      const hostKey = encodeURIComponent(publicKey);
      const url = (password: string): string =>
        `sftp://somebody:${password}@127.0.0.1:${port}/x?host-key=${hostKey}`;
      await using storage = await openForTest(url('s3cret'));
      assert.deepEqual(accepted, ['somebody']);
      assert.equal(storage.capabilities.atomicReplace, false);
      await rejectsWith(openForTest(url('wrong')), 'storage/access-denied');
    } finally {
      server.close();
    }
  });

  test('PKCS #8 of other kinds is named', async () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
    const url = `sftp://somebody@127.0.0.1/x?host-key-fingerprint=${encodeURIComponent(`SHA256:${'a'.repeat(43)}`)}&identity=${encodeURIComponent(String(pem))}`;
    await rejectsWith(openForTest(url), 'input/usage');
  });
});
