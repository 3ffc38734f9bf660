import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { openSshPrograms, startOpenSsh } from '#test/servers/openssh.ts';
import { missingPrograms } from '#test/servers/required-programs.ts';
import { openSshUrl } from '#test/support/open-ssh-urls.ts';

import { type OwnMachine, ownMachine } from './own-machine.ts';

const execute = promisify(execFile);
const launcher = path.resolve(import.meta.dirname, '../../bin/holdfast');
const loadingOrder = path.resolve(import.meta.dirname, '../support/loading-order.ts');

/** Runs the program with what is written down of the order in which it begins things; gives that. */
function recorder({ path: place, of }: Pick<OwnMachine, 'path' | 'of'>) {
  const order = of('order');
  const environment = {
    HOME: of('home'),
    PATH: process.env['PATH'] ?? '',
    HOLDFAST_PASSPHRASE: 'a passphrase',
    NODE_OPTIONS: `--import=${loadingOrder}`,
    LOADING_ORDER: order,
  };
  return async (...argv: string[]): Promise<string[]> => {
    rmSync(order, { force: true });
    await execute(launcher, argv, { cwd: place, env: environment });
    return readFileSync(order, 'utf8').split('\n');
  };
}

test('a key is begun to be derived before what is only needed later is loaded', async () => {
  await using machine = await ownMachine();
  await machine.write({ file: 'text' });
  const run = recorder(machine);
  await run('init', 'repository');
  const loaded = await run('backup', 'source', 'repository');
  const derived = loaded.indexOf('argon2');
  assert.ok(derived > 0, 'a key is derived');
  for (const later of [
    'engine/backup.ts',
    'engine/begun-backup.ts',
    'repository/native/native-repository.ts',
    'repository/native/writer/source-cache.ts',
  ]) {
    const at = loaded.findIndex((line) => line.endsWith(`/src/${later}`));
    assert.ok(at > derived, `"${later}" is loaded later`);
  }
});

test(
  'far away, a key is begun to be derived before the way there is, and once',
  { skip: missingPrograms(openSshPrograms) },
  async () => {
    await using server = await startOpenSsh();
    await using machine = await ownMachine();
    await machine.write({ file: 'text' });
    const run = recorder(machine);
    const url = openSshUrl(server, `${server.data}/repository`, { client: 'library' });
    await run('init', url);
    await run('snapshots', url);
    for (const argv of [
      ['snapshots', url],
      ['backup', 'source', url],
    ]) {
      const begun = await run(...argv);
      const derived = begun.flatMap((line, index) => (line === 'argon2' ? [index] : []));
      assert.equal(derived.length, 1, argv[0]);
      const gone = begun.findIndex((line) => line.endsWith('/sftp/sftp-storage.ts'));
      assert.ok(gone > 0 && derived[0]! < gone, `${argv[0]}: ${derived[0]} and ${gone}`);
    }
  },
);
