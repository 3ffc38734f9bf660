import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';

import { missingPrograms } from '#test/servers/required-programs.ts';
import { sftpSettings } from '#test/support/sftp-settings.ts';
import { cipherOptions } from './cipher-order.ts';

const environment = { PATH: process.env['PATH'], HOME: process.env['HOME'] };

describe('the order of ciphers', { skip: missingPrograms(['ssh']) }, () => {
  const optionsFor = async (configuration: string, ...parameters: string[]) => {
    const directory = await mkdtemp(path.join(tmpdir(), 'holdfast-test-'));
    try {
      const file = path.join(directory, 'config');
      await writeFile(file, configuration);
      const command = ['ssh', '-F', file, ...parameters];
      return await cipherOptions(
        sftpSettings(command, { port: 2222, user: 'u', environment }),
        environment,
      );
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  };

  test('has those first that the processor has instructions for, and leaves none out', async (t) => {
    const facts = await readFile('/proc/cpuinfo', 'utf8').catch(() => '');
    if (!/\baes\b/u.test(facts)) return t.skip('needs a processor with AES');
    const { Ciphers = '' } = await optionsFor('');
    const names = Ciphers.split(',');
    assert.match(names[0] ?? '', /-gcm@openssh\.com$/u);
    assert.ok(names.includes('chacha20-poly1305@openssh.com') && names.includes('aes256-ctr'));
    assert.equal(new Set(names).size, names.length);
  });

  test('stays as somebody has chosen it', async () => {
    const chosen = 'chacha20-poly1305@openssh.com,aes256-gcm@openssh.com';
    assert.deepEqual(await optionsFor(`Ciphers ${chosen}\n`), {});
    assert.deepEqual(await optionsFor(`Host h\n  Ciphers ${chosen}\n`), {});
    assert.deepEqual(await optionsFor('', '-c', chosen), {});
  });

  test('is left to ssh when that does not tell its own, or is not there', async () => {
    assert.deepEqual(await optionsFor('Nonsense yes\n'), {});
    assert.deepEqual(await cipherOptions(sftpSettings(['/nowhere/ssh']), environment), {});
  });
});
