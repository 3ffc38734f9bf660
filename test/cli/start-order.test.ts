import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { ownMachine } from './own-machine.ts';

const launcher = path.resolve(import.meta.dirname, '../../bin/holdfast');
const loadingOrder = path.resolve(import.meta.dirname, '../support/loading-order.ts');

test('a key is begun to be derived before what is only needed later is loaded', async () => {
  await using machine = await ownMachine();
  await machine.write({ file: 'text' });
  const order = machine.of('order');
  const environment = {
    HOME: machine.of('home'),
    PATH: process.env['PATH'] ?? '',
    HOLDFAST_PASSPHRASE: 'a passphrase',
    NODE_OPTIONS: `--import=${loadingOrder}`,
    LOADING_ORDER: order,
  };
  const run = (...argv: string[]): string[] => {
    rmSync(order, { force: true });
    execFileSync(launcher, argv, { cwd: machine.path, env: environment, stdio: 'pipe' });
    return readFileSync(order, 'utf8').split('\n');
  };
  run('init', 'repository');
  const loaded = run('backup', 'source', 'repository');
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
