import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { openForTest } from '#test/contract/network-contract.ts';
import { openSshPrograms, type OpenSshServer, startOpenSsh } from '#test/servers/openssh.ts';
import { missingPrograms } from '#test/servers/required-programs.ts';
import { openSshUrl } from '#test/support/open-ssh-urls.ts';
import { type AppError, hasCode } from '../../../base/errors.ts';

const run = promisify(execFile);
const skip = missingPrograms(openSshPrograms);

describe('SFTP trusts only host keys that are known', { skip, concurrency: false }, () => {
  let server: OpenSshServer;
  let files = 0;
  before(async () => {
    server = await startOpenSsh();
  });
  after(() => server[Symbol.asyncDispose]());

  const opens = async (options: Readonly<Record<string, string | undefined>>): Promise<void> => {
    await using storage = await openForTest(openSshUrl(server, `${server.data}/x`, options));
    assert.ok(storage.capabilities.atomicReplace);
  };
  const refusal = async (
    options: Readonly<Record<string, string | undefined>>,
  ): Promise<AppError> => {
    let refused: AppError | undefined;
    await assert.rejects(opens(options), (error) => {
      assert.ok(hasCode(error, 'storage/untrusted'), String(error));
      refused = error;
      return true;
    });
    assert.ok(refused !== undefined && !refused.message.includes('\n'));
    return refused;
  };
  const knownHosts = async (...lines: readonly string[]): Promise<string> => {
    const file = path.join(server.directory, `known${(files += 1)}`);
    await writeFile(file, `${lines.join('\n')}\n`);
    return file;
  };
  const where = (): string => `[127.0.0.1]:${server.port}`;
  const strangerKey = async (): Promise<string> =>
    (await readFile(`${server.stranger}.pub`, 'utf8')).split(' ').slice(0, 2).join(' ');
  const fingerprint = async (file: string): Promise<string> =>
    (await run('ssh-keygen', ['-lf', file])).stdout.split(' ')[1] ?? '';

  for (const client of ['program', 'library']) {
    describe(`the client is the ${client}`, { concurrency: false }, () => {
      test('a key in the known hosts is trusted, in plain text and hashed', async () => {
        const file = await knownHosts(
          '# a comment',
          'other ssh-rsa AAAA',
          `${where()} ${await server.hostKey('ed25519')}`,
        );
        await opens({ client, 'known-hosts': file });
        await run('ssh-keygen', ['-q', '-H', '-f', file]);
        assert.ok(!(await readFile(file, 'utf8')).includes('127.0.0.1'));
        await opens({ client, 'known-hosts': file });
      });

      test('the server is asked for the kind of key that is known', async () => {
        await opens({
          client,
          'known-hosts': await knownHosts(`${where()} ${await server.hostKey('rsa')}`),
        });
        await opens({ client, 'known-hosts': undefined, 'host-key': await server.hostKey('rsa') });
      });

      test('an unknown host is refused with its fingerprint and what to do', async () => {
        const error = await refusal({ client, 'known-hosts': await knownHosts('') });
        const [shown] = /SHA256:[A-Za-z0-9+/]{43}/u.exec(error.message) ?? [];
        const keys = await Promise.all(
          ['host_ed25519.pub', 'host_rsa.pub'].map((name) =>
            fingerprint(path.join(server.directory, name)),
          ),
        );
        assert.ok(keys.includes(shown ?? ''), error.message);
        assert.match(error.hint ?? '', /host-key-fingerprint/u);
        await opens({ client, 'known-hosts': undefined, 'host-key-fingerprint': shown });
      });

      test('a changed key is refused', async () => {
        const error = await refusal({
          client,
          'known-hosts': await knownHosts(`${where()} ${await strangerKey()}`),
        });
        assert.match(error.message, /another one than expected/u);
        const given = await refusal({
          client,
          'known-hosts': undefined,
          'host-key': await strangerKey(),
        });
        assert.match(given.message, /another one than expected/u);
      });

      test('a revoked key is refused, though it is known', async () => {
        const key = await server.hostKey('ed25519');
        await refusal({
          client,
          'known-hosts': await knownHosts(`${where()} ${key}`, `@revoked * ${key}`),
        });
      });

      test('a fingerprint is enough, of any key that the server has, and nothing else is', async () => {
        for (const kind of ['ed25519', 'rsa']) {
          const right = await fingerprint(path.join(server.directory, `host_${kind}.pub`));
          await opens({ client, 'known-hosts': undefined, 'host-key-fingerprint': right });
        }
        const wrong = await fingerprint(`${server.stranger}.pub`);
        await refusal({ client, 'host-key-fingerprint': wrong });
      });
    });
  }

  test('neither a configuration file nor the command switches the check off', async () => {
    const configuration = path.join(server.directory, 'config');
    await writeFile(
      configuration,
      [
        'Host *',
        'StrictHostKeyChecking no',
        'UserKnownHostsFile /dev/null',
        `IdentityFile ${server.identity}`,
        '',
      ].join('\n'),
    );
    const command = `ssh -F ${configuration} -o StrictHostKeyChecking=no -o BatchMode=no`;
    const error = await refusal({
      'ssh-command': command,
      'known-hosts': undefined,
      'identity-file': undefined,
    });
    assert.match(error.message, /host key is not known/u);
  });

  test('the configuration of the program names host, user, port and key', async () => {
    const configuration = path.join(server.directory, 'config2');
    await writeFile(
      configuration,
      [
        'Host backup-place',
        'HostName 127.0.0.1',
        `Port ${server.port}`,
        'User root',
        `IdentityFile "${server.identity}"`,
        `UserKnownHostsFile "${server.knownHosts}"`,
        '',
      ].join('\n'),
    );
    const command = encodeURIComponent(`ssh -F '${configuration}'`);
    await using storage = await openForTest(
      `sftp://backup-place/${server.data}/x?ssh-command=${command}`,
    );
    assert.equal(storage.capabilities.conditionalPut, true);
  });

  test('certificates of hosts are understood by the program', async () => {
    const authority = path.join(server.directory, 'authority');
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', authority]);
    const certificate = path.join(server.directory, 'host_ed25519-cert.pub');
    await run('ssh-keygen', [
      '-q',
      '-s',
      authority,
      '-I',
      'test',
      '-h',
      '-n',
      '127.0.0.1',
      path.join(server.directory, 'host_ed25519.pub'),
    ]);
    await using certified = await startOpenSsh({
      lines: [
        `HostKey ${path.join(server.directory, 'host_ed25519')}`,
        `HostCertificate ${certificate}`,
      ],
    });
    const [type, key] = (await readFile(`${authority}.pub`, 'utf8')).split(' ');
    const known = await knownHosts(`@cert-authority [127.0.0.1]:${certified.port} ${type} ${key}`);
    const url = (client: string): string =>
      openSshUrl(certified, `${certified.data}/x`, { client, 'known-hosts': known });
    await using storage = await openForTest(url('program'));
    assert.ok(storage.location.length > 0);
    await assert.rejects(openForTest(url('library')), (error) => {
      assert.ok(hasCode(error, 'storage/untrusted'));
      return error.hint?.includes('client=program') === true;
    });
  });

  test('blind trust is refused, with a reason', async () => {
    await assert.rejects(
      openForTest(openSshUrl(server, '/x', { 'ssh-accept-any-fingerprints': 'true' })),
      (error) => {
        assert.ok(hasCode(error, 'input/usage'));
        return error.message.includes('could be anybody');
      },
    );
  });
});
