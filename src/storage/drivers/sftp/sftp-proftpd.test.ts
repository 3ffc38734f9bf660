import assert from 'node:assert/strict';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { openForTest } from '#test/contract/network-contract.ts';
import { storageContract } from '#test/contract/storage-contract.ts';
import {
  proFtpdSftpPrograms,
  type ProFtpdSftpServer,
  startProFtpdSftp,
} from '#test/servers/proftpd-sftp.ts';
import { missingPrograms } from '#test/servers/required-programs.ts';
import { namesIn, pattern, rejectsWith } from '#test/support/storage-samples.ts';
import type { Storage } from '../../storage.ts';

const skip = missingPrograms(proFtpdSftpPrograms);

describe('SFTP by ProFTPD, a server without any extension', { skip, concurrency: false }, () => {
  let server: ProFtpdSftpServer;
  before(async () => {
    server = await startProFtpdSftp();
  });
  after(() => server[Symbol.asyncDispose]());

  const url = (place: string, password = server.password): string =>
    `sftp://${server.user}:${encodeURIComponent(password)}@127.0.0.1:${server.port}/${place}?known-hosts=${server.knownHosts}`;
  let places = 0;
  storageContract('SFTP by ProFTPD', () => openForTest(url(`place${(places += 1)}`)));

  test('the capabilities say that replacing takes several steps', async () => {
    await using storage = await openForTest(url('capabilities'));
    assert.equal(storage.capabilities.atomicReplace, false);
    assert.equal(storage.capabilities.conditionalPut, true);
  });

  test('replacing, creating and deleting leave nothing behind', async () => {
    {
      await using storage = await openForTest(url('clean'));
      for (const seed of [1, 2, 3]) await storage.put('a', pattern(10, seed));
      await storage.put('b', pattern(10), { ifAbsent: true });
      await rejectsWith(
        storage.put('b', pattern(10), { ifAbsent: true }),
        'storage/already-exists',
      );
    }
    assert.deepEqual((await readdir(path.join(server.data, 'clean'))).toSorted(), ['a', 'b']);
  });

  test('a claim that a crash has left keeps others from creating, and says so', async () => {
    await mkdir(path.join(server.data, 'claimed'), { recursive: true });
    await writeFile(path.join(server.data, 'claimed/.holdfast-unfinished-claim-a'), '');
    await using storage = await openForTest(url('claimed'));
    await rejectsWith(storage.put('a', pattern(10), { ifAbsent: true }), 'storage/unavailable');
    assert.deepEqual(await namesIn(storage, ''), []);
  });

  test('a wrong password is refused in one sentence without it', async () => {
    await assert.rejects(openForTest(url('x', 'wrong-one')), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'storage/access-denied');
      assert.ok(!error.message.includes('wrong-one'));
      return true;
    });
  });

  test('the password comes from the environment', async () => {
    const where = `sftp://${server.user}@127.0.0.1:${server.port}/environment?known-hosts=${server.knownHosts}`;
    for (const name of ['HOLDFAST_SFTP_PASSWORD', 'FTP_PASSWORD', 'BACKEND_PASSWORD']) {
      await using storage: Storage = await openForTest(where, { [name]: server.password });
      await storage.put(name, pattern(10));
      assert.ok((await namesIn(storage, '')).includes(name));
    }
  });
});
