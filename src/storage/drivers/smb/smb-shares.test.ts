import assert from 'node:assert/strict';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import path from 'node:path';
import { after, describe, test } from 'node:test';

import { openForTest } from '#test/contract/network-contract.ts';
import { removesMadeDirectories } from '#test/contract/removes-made-directories.ts';
import { missingPrograms } from '#test/servers/required-programs.ts';
import { sambaPrograms, startSamba } from '#test/servers/samba.ts';
import { noSmallDisk, smallDisk } from '#test/support/small-disk.ts';
import { namesIn, pattern, rejectsWith } from '#test/support/storage-samples.ts';

import { hasCode } from '../../../base/errors.ts';

const missing = missingPrograms(sambaPrograms);
const mebibyte = 1024 ** 2;

/** A port of `::1` behind which a port of this machine is. */
async function relayOnIpv6(port: number): Promise<AsyncDisposable & { readonly port: number }> {
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from);
      from.on('error', () => to.destroy()).on('close', () => open.delete(from));
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '::1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('SMB shares', { skip: missing, concurrency: false }, async () => {
  const disk = await smallDisk(6 * mebibyte);
  after(() => disk?.[Symbol.asyncDispose]());
  const server = await startSamba(disk && { small: disk.path });
  after(() => server[Symbol.asyncDispose]());
  const { user, port } = server;
  const password = encodeURIComponent(server.password);
  const url = (place: string): string => `smb://${user}:${password}@localhost:${port}/${place}`;

  test('lose the directories that were made, and no others', async () => {
    await removesMadeDirectories(server.data, () => openForTest(url('backup/made/there')));
    await rm(path.join(server.data, 'made'), { recursive: true });
  });

  test('keep what has taken the place of a directory that was made', async () => {
    await using storage = await openForTest(url('backup/taken/there'));
    await storage.put('a/b', pattern(10));
    await rm(path.join(server.data, 'taken', 'there'), { recursive: true });
    await writeFile(path.join(server.data, 'taken', 'there'), 'something else');
    await storage.removeMade?.();
    assert.deepEqual(await readdir(path.join(server.data, 'taken')), ['there']);
    await rm(path.join(server.data, 'taken'), { recursive: true });
  });

  test('that want encryption get it', async () => {
    await using storage = await openForTest(url('encrypted/place'));
    await storage.put('packs/ab/1', pattern(3 * mebibyte));
    assert.deepEqual(await storage.read('packs/ab/1'), pattern(3 * mebibyte));
    assert.deepEqual(
      await storage.read('packs/ab/1', { range: { offset: 1_000_000, length: 7 } }),
      pattern(3 * mebibyte).slice(1_000_000, 1_000_007),
    );
  });

  test('are reached by an IPv6 address', async () => {
    await using relay = await relayOnIpv6(port);
    const at = `smb://${user}:${password}@[::1]:${relay.port}/backup/six`;
    await using storage = await openForTest(at);
    assert.equal(storage.location, `smb://[::1]:${relay.port}/backup/six`);
    await storage.put('a', pattern(10));
    assert.deepEqual(await storage.read('a'), pattern(10));
  });

  test('that are not there are named, with what to do', async () => {
    await assert.rejects(
      openForTest(url('nowhere/place')),
      (error) => hasCode(error, 'storage/no-container') && error.hint !== undefined,
    );
  });

  test('that are read-only can be read', async () => {
    {
      await using writing = await openForTest(url('backup/both'));
      await writing.put('a', pattern(10));
    }
    await using storage = await openForTest(url('readonly/both'));
    assert.deepEqual(await storage.read('a'), pattern(10));
    await rejectsWith(storage.put('b', pattern(10)), 'storage/access-denied');
    await rejectsWith(storage.delete('a'), 'storage/access-denied');
    assert.deepEqual(await namesIn(storage, ''), ['a']);
  });

  test('that are full say so, and keep what is there', async (context) => {
    if (disk === undefined) return context.skip(noSmallDisk);
    await using storage = await openForTest(url('small/place'));
    await storage.put('small', pattern(1000));
    await rejectsWith(storage.put('large', pattern(12 * mebibyte)), 'storage/out-of-space');
    assert.deepEqual(await namesIn(storage, ''), ['small']);
    await storage.put('again', pattern(1000));
  });

  test('may have a file where a directory is wanted', async () => {
    await writeFile(path.join(server.data, 'file'), 'x');
    await rejectsWith(openForTest(url('backup/file')), 'storage/access-denied');
  });

  test('keep names of other programs with "names=plain"', async () => {
    const directory = path.join(server.data, 'foreign');
    await mkdir(directory);
    const name = 'duplicati-20260101T000000Z.dlist.zip.aes';
    await writeFile(path.join(directory, name), 'x');
    await using storage = await openForTest(`${url('backup/foreign')}?names=plain`);
    assert.deepEqual(await namesIn(storage, ''), [name]);
    assert.deepEqual(await storage.read(name), new Uint8Array([120]));
    await storage.put('Grüße (1).txt', pattern(5));
    assert.deepEqual((await readdir(directory)).toSorted(), ['Grüße (1).txt', name]);
    await rejectsWith(storage.put('a:b', pattern(5)), 'input/invalid');
    assert.deepEqual(await namesIn(storage, 'a:b/'), []);
  });

  test('keep names that SMB cannot hold, escaped', async () => {
    await using storage = await openForTest(url('backup/odd'));
    const names = [
      'a:b*?"<>|',
      'A',
      'a',
      'back\\slash',
      'dot.',
      'space ',
      'aux',
      'tab\t',
      '%41',
      '!41',
    ];
    for (const name of names) await storage.put(name, Buffer.from(name));
    assert.deepEqual(new Set(await namesIn(storage, '')), new Set(names));
    for (const name of names) assert.equal(Buffer.from(await storage.read(name)).toString(), name);
  });

  test('decide themselves which of two writers comes first', async () => {
    await using one = await openForTest(url('backup/race'));
    await using other = await openForTest(url('backup/race'));
    assert.ok(one.capabilities.conditionalPut);
    const results = await Promise.allSettled(
      [one, other, one, other].map((storage, index) =>
        storage.put('lock', pattern(100, index), { ifAbsent: true }),
      ),
    );
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
  });

  test('are reached by all forms of the URL, and passwords of the environment', async () => {
    const environment = { FTP_PASSWORD: server.password };
    for (const form of [
      `cifs://${user}@localhost:${port}/backup/forms`,
      `smb://TEST;${user}@localhost:${port}/backup/forms`,
      `smb://localhost:${port}/backup/forms?auth-username=${user}&auth-domain=TEST&transport=directtcp`,
    ]) {
      await using storage = await openForTest(form, environment);
      await storage.put('a', pattern(3));
      assert.deepEqual(await namesIn(storage, ''), ['a']);
      assert.ok(storage.location.endsWith(`localhost:${port}/backup/forms`));
    }
    await rejectsWith(openForTest(`smb://${user}@localhost:${port}/`, environment), 'input/usage');
  });
});
