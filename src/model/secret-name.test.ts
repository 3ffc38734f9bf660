import assert from 'node:assert/strict';
import { test } from 'node:test';

import { storageDriver } from '../storage/registry.ts';
import { storageSchemes } from '../storage/schemes.ts';
import { isSecretName } from './secret-name.ts';

test('every secret option of every storage is known by its name, its other names and its variables', async () => {
  const shown: string[] = [];
  for (const scheme of storageSchemes) {
    for (const { kind, name, aliases = [], environment = [] } of (await storageDriver(scheme))
      .options) {
      if (kind !== 'secret') continue;
      shown.push(...[name, ...aliases, ...environment].filter((one) => !isSecretName(one)));
    }
  }
  assert.deepEqual(shown, []);
});

test('what is no secret is shown', () => {
  for (const name of [
    'region',
    'user',
    'host',
    'port',
    'path',
    'identity-file',
    'PGHOST',
    'prefix',
  ])
    assert.equal(isSecretName(name), false, name);
});
