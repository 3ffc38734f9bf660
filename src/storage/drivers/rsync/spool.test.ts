import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { test } from 'node:test';

import { rejectsWith } from '#test/support/storage-samples.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { systemClock } from '../../../base/clock.ts';
import { Spool } from './spool.ts';

test('a spool that is closed leaves nothing, whoever still wants to use it', async () => {
  await using parent = await temporaryDirectory();
  const spool = new Spool(parent.path, { capacity: 1000, clock: systemClock });
  await spool.write('a', new Uint8Array(10), {});
  await spool.directory();
  assert.equal((await readdir(parent.path)).length, 1);
  await spool[Symbol.asyncDispose]();
  await rejectsWith(spool.write('b', new Uint8Array(10), {}), 'internal');
  await rejectsWith(spool.directory(), 'internal');
  await rejectsWith(spool.objects(), 'internal');
  assert.deepEqual(await readdir(parent.path), []);
});

test('a spool that is not there is told in words', async () => {
  const spool = new Spool('/no/such/place', { capacity: 1000, clock: systemClock });
  await assert.rejects(spool.directory(), {
    code: 'local/unwritable',
    message: 'Cannot use the spool in "/no/such/place": there is no such file or directory',
  });
});
