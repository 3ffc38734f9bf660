import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';

import { hasCode } from '../../../base/errors.ts';
import { collectAll } from '../../byte-stream.ts';
import type { Storage } from '../../storage.ts';
import { openForTest } from '#test/contract/network-contract.ts';
import { removesMadeDirectories } from '#test/contract/removes-made-directories.ts';
import { type OpenSshServer, openSshPrograms, startOpenSsh } from '#test/servers/openssh.ts';
import { missingPrograms } from '#test/servers/required-programs.ts';
import { type RsyncDaemon, startRsyncDaemon } from '#test/servers/rsync-daemon.ts';
import { noSmallDisk, smallDisk } from '#test/support/small-disk.ts';
import { byName, namesIn, pattern, rejectsWith } from '#test/support/storage-samples.ts';
import { tcpProxy } from '#test/support/tcp-proxy.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

const missing = missingPrograms(['rsync', ...openSshPrograms]);

function openDaemon(server: RsyncDaemon, place = '/data/place', query = ''): Promise<Storage> {
  const password = encodeURIComponent(server.password);
  return openForTest(`rsync://${server.user}:${password}@127.0.0.1:${server.port}${place}${query}`);
}

function openSsh(
  server: OpenSshServer,
  {
    place = 'a place',
    identity = server.identity,
    knownHosts = server.knownHosts,
  }: {
    readonly place?: string;
    readonly identity?: string;
    readonly knownHosts?: string;
  } = {},
): Promise<Storage> {
  return openForTest(
    `rsync://127.0.0.1:${server.port}/${server.data}/${place}?identity-file=${identity}&known-hosts=${knownHosts}&ssh-command=ssh%20-F%20none`,
  );
}

async function failureOf(call: Promise<unknown>): Promise<Error & { readonly hint?: string }> {
  try {
    await call;
  } catch (error) {
    assert.ok(error instanceof Error);
    return error;
  }
  throw new assert.AssertionError({ message: 'Nothing failed' });
}

describe('rsync daemon', { concurrency: false, skip: missing }, () => {
  test('directories that were made are removed again, and no others', async () => {
    await using server = await startRsyncDaemon();
    await removesMadeDirectories(server.data, () => openDaemon(server, '/data/made/there'));
  });

  test('an object that takes longer than the time limit arrives, as long as it moves', async () => {
    await using server = await startRsyncDaemon();
    await using direct = await openDaemon(server);
    await direct.put('a', pattern(1_500_000));
    await using proxy = await tcpProxy(server.port, { rate: 150_000 });
    await using slow = await openForTest(
      `rsync://${server.user}:${encodeURIComponent(server.password)}@127.0.0.1:${proxy.port}/data/place`,
      {},
      { attempts: 1, timeout: '5s' },
    );
    assert.deepEqual(await collectAll(await slow.get('a')), pattern(1_500_000));
  });

  test('a download that falls silent is given up', { timeout: 60_000 }, async () => {
    await using server = await startRsyncDaemon();
    await using direct = await openDaemon(server);
    await direct.put('a', pattern(3_000_000));
    await using proxy = await tcpProxy(server.port, { rate: 600_000 });
    await using slow = await openForTest(
      `rsync://${server.user}:${encodeURIComponent(server.password)}@127.0.0.1:${proxy.port}/data/place`,
      {},
      { attempts: 1, timeout: '2s' },
    );
    const read = slow.read('a');
    const begun = setInterval(() => (proxy.faults.stalled = proxy.received > 1_000_000), 50);
    try {
      await rejectsWith(read, 'storage/unavailable');
    } finally {
      clearInterval(begun);
      proxy.cutAll();
    }
  });

  test('what has taken the place of a directory that was made is left', async () => {
    await using server = await startRsyncDaemon();
    await using storage = await openDaemon(server);
    await storage.put('a/b', pattern(10));
    await rm(path.join(server.data, 'place'), { recursive: true });
    await writeFile(path.join(server.data, 'place'), 'something else');
    await storage.removeMade?.();
    assert.deepEqual(await readdir(server.data), ['place']);
  });

  test('both forms of the URL mean the same, and the password may come from the environment', async () => {
    await using server = await startRsyncDaemon();
    await using one = await openDaemon(server, '/data/place');
    await one.put('a', pattern(10));
    for (const form of ['::data/place', '::/data/place', '/data/place?transport=daemon']) {
      await using other = await openForTest(
        `rsync://${server.user}@127.0.0.1:${server.port}${form}`,
        { RSYNC_PASSWORD: server.password },
      );
      assert.deepEqual(await other.read('a'), pattern(10));
    }
    assert.deepEqual(
      await readFile(path.join(server.data, 'place', 'a')),
      Buffer.from(pattern(10)),
    );
  });

  test('an odd path is taken as it is', async () => {
    await using server = await startRsyncDaemon();
    const odd = "it's [a] *place*?";
    await mkdir(path.join(server.data, "it's a xplacey"));
    await using storage = await openDaemon(server, `/data/${encodeURIComponent(odd)}`);
    await storage.put('b c/d*', pattern(10));
    assert.deepEqual(await storage.read('b c/d*'), pattern(10));
    assert.deepEqual(await namesIn(storage, 'b c/'), ['b c/d*']);
    await storage.delete('b c/d*');
    assert.deepEqual(await namesIn(storage, ''), []);
    assert.ok((await readdir(server.data)).includes(odd));
  });

  test('a part of an object that was fetched before is read anew when the object has changed', async () => {
    await using server = await startRsyncDaemon();
    await using storage = await openDaemon(server);
    await using other = await openDaemon(server);
    await storage.put('a', pattern(1000, 1));
    const range = { offset: 100, length: 10 };
    assert.deepEqual(await storage.read('a', { range }), pattern(1000, 1).slice(100, 110));
    await other.put('a', pattern(1000, 2));
    assert.deepEqual(await storage.read('a', { range }), pattern(1000, 2).slice(100, 110));
    await other.delete('a');
    await rejectsWith(storage.read('a', { range }), 'storage/not-found');
  });

  test('in a batch each call has its own outcome', async () => {
    await using server = await startRsyncDaemon();
    await using storage = await openDaemon(server);
    await storage.put('there', pattern(10, 1));
    const put = ['new', 'there'].map((name) =>
      storage.put(name, pattern(10, 2), { ifAbsent: true }),
    );
    const outcomes = await Promise.allSettled(put);
    assert.equal(outcomes[0]?.status, 'fulfilled');
    assert.ok(outcomes[1]?.status === 'rejected');
    assert.ok(hasCode(outcomes[1].reason, 'storage/already-exists'), String(outcomes[1].reason));
    const names = ['there', 'missing', 'new', 'missing/too'];
    const read = await Promise.allSettled(names.map((name) => storage.read(name)));
    assert.deepEqual(
      read.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled', 'rejected'],
    );
    for (const each of [read[1], read[3]])
      assert.ok(each?.status === 'rejected' && hasCode(each.reason, 'storage/not-found'));
    const looked = await Promise.allSettled(names.map((name) => storage.stat(name)));
    assert.deepEqual(
      looked.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled', 'rejected'],
    );
  });

  test('no object becomes a directory, and a directory may be a link', async () => {
    await using server = await startRsyncDaemon();
    await mkdir(path.join(server.data, 'elsewhere'));
    await symlink('elsewhere', path.join(server.data, 'place'));
    await using storage = await openDaemon(server);
    await storage.put('a', pattern(10, 1));
    await rejectsWith(storage.put('a/b', pattern(10, 2)), 'storage/access-denied');
    assert.deepEqual(await storage.read('a'), pattern(10, 1));
    assert.ok((await readdir(path.join(server.data, 'elsewhere'))).includes('a'));
    assert.deepEqual(await namesIn(storage, ''), ['a']);
  });

  test('the spool is private and goes', async () => {
    await using server = await startRsyncDaemon();
    await using directory = await temporaryDirectory();
    {
      await using storage = await openDaemon(
        server,
        '/data/p',
        `?spool-directory=${directory.path}`,
      );
      await storage.put('a', pattern(10));
      await storage.read('a');
      assert.equal((await readdir(directory.path)).length, 1);
    }
    assert.deepEqual(await readdir(directory.path), []);
    await using lost = await openDaemon(server, '/data/p', `?spool-directory=${directory.path}/no`);
    await rejectsWith(lost.put('a', pattern(10)), 'local/unwritable');
  });

  test('a module that is missing, one that may only be read, and a path that is a file', async () => {
    await using server = await startRsyncDaemon();
    await using nowhere = await openDaemon(server, '/nowhere/place');
    await rejectsWith(nowhere.put('a', pattern(10)), 'storage/no-container');
    await rejectsWith(namesIn(nowhere, ''), 'storage/no-container');
    await using readable = await openDaemon(server, '/readable/place');
    await rejectsWith(readable.put('a', pattern(10)), 'storage/access-denied');
    assert.deepEqual(await namesIn(readable, ''), []);
    await writeFile(path.join(server.data, 'place'), 'x');
    await using file = await openDaemon(server);
    await rejectsWith(namesIn(file, ''), 'storage/access-denied');
    await rejectsWith(file.put('a', pattern(10)), 'storage/access-denied');
    assert.equal(await readFile(path.join(server.data, 'place'), 'utf8'), 'x');
  });

  test('no space', async (context) => {
    await using disk = await smallDisk(1_000_000);
    if (disk === undefined) return context.skip(noSmallDisk);
    await chmod(disk.path, 0o755);
    await using server = await startRsyncDaemon({ data: disk.path });
    await using storage = await openDaemon(server);
    await storage.put('small', pattern(1000));
    await rejectsWith(storage.put('large', pattern(3_000_000)), 'storage/out-of-space');
    assert.deepEqual(await namesIn(storage, ''), ['small']);
    await storage.put('also small', pattern(1000));
  });

  test('what was left unfinished is removed after a day, and a directory that went is made again', async () => {
    await using server = await startRsyncDaemon();
    await using storage = await openDaemon(server);
    await storage.put('a', pattern(10));
    const temporary = path.join(server.data, 'place', '.holdfast-unfinished');
    await writeFile(path.join(temporary, '.a.123456'), 'x');
    await writeFile(path.join(temporary, '.b.123456'), 'x');
    await utimes(path.join(temporary, '.a.123456'), 1_700_000_000, 1_700_000_000);
    assert.deepEqual(await namesIn(storage, ''), ['a']);
    await storage.put('b', pattern(10));
    assert.deepEqual(await readdir(temporary), ['.b.123456']);
    await rejectsWith(storage.put('.holdfast-unfinished/x', pattern(1)), 'input/invalid');
    await rm(path.join(server.data, 'place'), { recursive: true });
    await assert.rejects(storage.put('c', pattern(10)), (error) =>
      hasCode(error, 'storage/unavailable'),
    );
    await storage.put('c', pattern(10));
    assert.deepEqual(await namesIn(storage, ''), ['c']);
  });
});

describe('rsync over ssh', { concurrency: false, skip: missing }, () => {
  test('directories that were made are removed again, and no others', async () => {
    await using server = await startOpenSsh();
    await removesMadeDirectories(server.data, () => openSsh(server, { place: 'made/there' }));
  });

  test('objects of any name are stored, read, listed and deleted', async () => {
    await using server = await startOpenSsh();
    await using storage = await openSsh(server);
    assert.deepEqual(await namesIn(storage, ''), []);
    await rejectsWith(storage.read('a'), 'storage/not-found');
    const names = ['#1', 'a b/c*', 'back\\slash', 'grüße/日本/🙂', 'quote\'"$(x)', '-n', 'nl\nx'];
    await Promise.all(names.map((name) => storage.put(name, pattern(1000, name.length))));
    const read = await Promise.all(names.map((name) => storage.read(name)));
    assert.deepEqual(
      read,
      names.map((name) => pattern(1000, name.length)),
    );
    assert.deepEqual(await namesIn(storage, ''), names.toSorted(byName));
    assert.deepEqual(await namesIn(storage, 'a b/'), ['a b/c*']);
    await Promise.all(names.slice(1).map((name) => storage.delete(name)));
    assert.deepEqual(await namesIn(storage, ''), ['#1']);
    assert.ok((await readdir(server.data)).includes('a place'));
  });

  test('a key that is not accepted, a host that is not known, and one with another key', async () => {
    await using server = await startOpenSsh();
    await using directory = await temporaryDirectory();
    await using stranger = await openSsh(server, { identity: server.stranger });
    await rejectsWith(stranger.put('a', pattern(10)), 'storage/access-denied');
    await rejectsWith(namesIn(stranger, ''), 'storage/access-denied');
    const none = path.join(directory.path, 'none');
    await writeFile(none, '');
    await using unknown = await openSsh(server, { knownHosts: none });
    const failure = await failureOf(unknown.stat('a'));
    assert.ok(hasCode(failure, 'storage/untrusted'), String(failure));
    const other = path.join(directory.path, 'other');
    const foreign = await readFile(`${server.stranger}.pub`, 'utf8');
    await writeFile(other, `[127.0.0.1]:${server.port} ${foreign}`);
    await using changed = await openSsh(server, { knownHosts: other });
    const second = await failureOf(changed.stat('a'));
    assert.ok(hasCode(second, 'storage/untrusted'), String(second));
    assert.match(second.message, /another host key/u);
  });
});
