import assert from 'node:assert/strict';
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  rename,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { openForTest } from '#test/contract/network-contract.ts';
import { removesMadeDirectories } from '#test/contract/removes-made-directories.ts';
import { openSshPrograms, type OpenSshServer, startOpenSsh } from '#test/servers/openssh.ts';
import { missingPrograms } from '#test/servers/required-programs.ts';
import { openSshUrl } from '#test/support/open-ssh-urls.ts';
import { noSmallDisk, smallDisk } from '#test/support/small-disk.ts';
import { namesIn, pattern, rejectsWith, sourceOf } from '#test/support/storage-samples.ts';
import { tcpProxy } from '#test/support/tcp-proxy.ts';
import { systemClock } from '../../../base/clock.ts';
import { type ErrorCode, hasCode } from '../../../base/errors.ts';
import type { Storage } from '../../storage.ts';

const skip =
  missingPrograms(openSshPrograms) || (process.getuid?.() === 0 ? false : 'other users need root');
/** A user that every Debian has, and who has no right to anything. */
const nobody = 65_534;
const mebibyte = 1024 ** 2;

/** Rejects with this code and one sentence in which these words are. */
async function says(promise: Promise<unknown>, code: ErrorCode, words: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(hasCode(error, code), `expected ${code}, got ${String(error)}`);
    assert.match(error.message, words);
    assert.ok(!error.message.includes('\n'));
    return true;
  });
}

describe('SFTP tells what is wrong on the server', { skip, concurrency: false }, () => {
  let server: OpenSshServer;
  let places = 0;
  before(async () => {
    server = await startOpenSsh();
  });
  after(() => server[Symbol.asyncDispose]());

  const place = (): string => path.join(server.data, `place${(places += 1)}`);
  /** Over a proxy at `port`, with the host key said: there is none known for that port. */
  const threeSessions = async (directory: string, port: number): Promise<string> =>
    openSshUrl(
      server,
      directory,
      {
        client: 'library',
        'known-hosts': undefined,
        'host-key': await server.hostKey('ed25519'),
        sessions: '3',
      },
      { port },
    ).replaceAll('+', '%20');
  const open = (
    directory: string,
    user = 'root',
    options: Readonly<Record<string, string>> = {},
  ): Promise<Storage> =>
    openForTest(openSshUrl(server, directory, { client: 'library', ...options }, { user }));

  test('permission denied', async () => {
    const directory = place();
    await mkdir(directory, { mode: 0o700 });
    await using storage = await open(directory, 'nobody');
    await says(storage.put('a', pattern(10)), 'storage/access-denied', /permission denied/u);
    await says(storage.read('a'), 'storage/access-denied', /permission denied/u);
    await rejectsWith(Array.fromAsync(storage.list('')), 'storage/access-denied');
    await says(storage.delete('a'), 'storage/access-denied', /permission denied/u);
  });

  test('a directory below that may not be read fails the whole listing', async () => {
    const directory = place();
    await using writer = await open(directory);
    await writer.put('packs/a', pattern(10));
    await writer.put('b', pattern(10));
    await chmod(directory, 0o755);
    await using storage = await open(directory, 'nobody');
    await says(Array.fromAsync(storage.list('')), 'storage/access-denied', /permission denied/u);
  });

  test('a read-only directory can be read and not written', async () => {
    const directory = place();
    await mkdir(directory);
    await writeFile(path.join(directory, 'a'), pattern(10));
    await chmod(directory, 0o555);
    await using storage = await open(directory, 'nobody');
    assert.deepEqual(await storage.read('a'), pattern(10));
    for (const ifAbsent of [false, true])
      await says(
        storage.put('b', pattern(10), { ifAbsent }),
        'storage/access-denied',
        /permission denied/u,
      );
    await says(storage.put('c/d', pattern(10)), 'storage/access-denied', /permission denied/u);
    await says(storage.delete('a'), 'storage/access-denied', /permission denied/u);
  });

  test('a server that lets nobody write', async () => {
    await using readOnly = await startOpenSsh({ subsystem: 'internal-sftp -R' });
    const directory = path.join(readOnly.data, 'x');
    await mkdir(directory);
    await using storage = await openForTest(openSshUrl(readOnly, directory, { client: 'library' }));
    await says(storage.put('b', pattern(10)), 'storage/access-denied', /permission denied/u);
    assert.deepEqual(await namesIn(storage, ''), []);
  });

  test('directories that were made are removed again as far as they are empty', async () => {
    const above = place();
    await mkdir(above);
    await removesMadeDirectories(above, () => open(path.join(above, 'made', 'there')));
  });

  test('a path that is a link to nowhere', async () => {
    const link = place();
    await symlink(`${link}-unmounted`, link);
    const put = async (): Promise<void> => {
      await using storage = await open(link);
      await storage.put('a', pattern(10));
    };
    const listing = async (): Promise<void> => {
      await using storage = await open(link);
      await namesIn(storage, '');
    };
    await says(put(), 'storage/access-denied', /symbolic link that leads nowhere/u);
    await says(listing(), 'storage/access-denied', /symbolic link that leads nowhere/u);
  });

  test('a path that is a file', async () => {
    const file = place();
    await writeFile(file, 'x');
    const listing = async (): Promise<void> => {
      await using storage = await open(file);
      await namesIn(storage, '');
    };
    await says(listing(), 'storage/access-denied', /is no directory/u);
    const reading = async (): Promise<void> => {
      await using storage = await open(file);
      await storage.read('a');
    };
    await says(reading(), 'storage/access-denied', /is no directory/u);
    const putBelow = async (): Promise<void> => {
      await using storage = await open(path.join(file, 'below'));
      await storage.put('a', pattern(10));
    };
    await says(putBelow(), 'storage/access-denied', /is no directory/u);
  });

  test('a directory in the place of an object, and an object in the place of a directory', async () => {
    await using storage = await open(place());
    await storage.put('a/b', pattern(10));
    await says(
      storage.put('a', pattern(10)),
      'storage/access-denied',
      /directory is in its place/u,
    );
    await rejectsWith(storage.put('a', pattern(10), { ifAbsent: true }), 'storage/already-exists');
    await says(storage.put('a/b/c', pattern(10)), 'storage/access-denied', /is no directory/u);
    assert.deepEqual(await namesIn(storage, ''), ['a/b']);
  });

  test('a disk that is full', async (context) => {
    await using disk = await smallDisk(2 * mebibyte);
    if (disk === undefined) {
      context.skip(noSmallDisk);
      return;
    }
    await using storage = await open(path.join(disk.path, 'x'));
    await storage.put('before', pattern(1000));
    const large = pattern(3 * mebibyte);
    for (const body of [large, sourceOf([large, large])])
      await says(storage.put('large', body), 'storage/out-of-space', /no space is left/u);
    await says(
      storage.put('large', large, { ifAbsent: true }),
      'storage/out-of-space',
      /no space is left/u,
    );
    assert.deepEqual(await namesIn(storage, ''), ['before']);
    await storage.put('after', pattern(500_000));
    assert.deepEqual(await storage.read('after'), pattern(500_000));
  });

  test('a directory that was there and is gone is not an empty storage', async () => {
    const directory = place();
    await using storage = await open(directory);
    await storage.put('a', pattern(10));
    await rename(directory, `${directory}-away`);
    await rejectsWith(Array.fromAsync(storage.list('')), 'storage/unavailable');
    await rejectsWith(storage.read('a'), 'storage/unavailable');
    await rejectsWith(storage.put('b', pattern(10)), 'storage/unavailable');
    await rejectsWith(storage.delete('a'), 'storage/unavailable');
  });

  test('a directory below that somebody removes is made again', async () => {
    const directory = place();
    await using storage = await open(directory);
    await storage.put('a/b/c', pattern(10));
    await rm(path.join(directory, 'a'), { recursive: true });
    await storage.put('a/b/d', pattern(10));
    assert.deepEqual(await namesIn(storage, ''), ['a/b/d']);
  });

  test('a directory that is being made while it is listed is empty or not', async () => {
    await using storage = await open(place());
    await storage.put('before', pattern(10));
    for (let round = 0; round < 40; round++) {
      const lists = Array.from({ length: 6 }, () => namesIn(storage, `d${round}/`));
      const [, ...listed] = await Promise.all([storage.put(`d${round}/a`, pattern(10)), ...lists]);
      for (const names of listed) assert.ok(names.length <= 1);
    }
  });

  test('links below the directory are not followed', async () => {
    const [directory, other] = [place(), place()];
    await mkdir(directory);
    await mkdir(other);
    await writeFile(path.join(other, 'secret'), 'x');
    await symlink(other, path.join(directory, 'link'));
    await symlink(path.join(other, 'secret'), path.join(directory, 'file-link'));
    await using storage = await open(directory);
    assert.deepEqual(await namesIn(storage, ''), []);
    await says(storage.put('link/new', pattern(10)), 'storage/access-denied', /symbolic link/u);
    await rejectsWith(storage.stat('file-link'), 'storage/access-denied');
    assert.deepEqual(await readdir(other), ['secret']);
  });

  test('old unfinished files go with a later call, young ones stay, and none is listed', async () => {
    const directory = place();
    await mkdir(path.join(directory, 'a'), { recursive: true });
    const leftover = (name: string): string =>
      path.join(directory, 'a', `.holdfast-unfinished-${name}`);
    for (const name of ['old', 'young']) await writeFile(leftover(name), 'x');
    const daysAgo = new Date(Date.now() - 2 * 86_400_000);
    await utimes(leftover('old'), daysAgo, daysAgo);
    {
      await using storage = await open(directory);
      assert.deepEqual(await namesIn(storage, ''), []);
      await storage.put('b', pattern(10));
      await rejectsWith(storage.read('a/.holdfast-unfinished-young'), 'input/invalid');
    }
    assert.deepEqual(await readdir(path.join(directory, 'a')), ['.holdfast-unfinished-young']);
  });

  test('what is being written stays when the clock of the server is days behind ours', async () => {
    const directory = place();
    await mkdir(directory);
    const daysAgo = new Date(Date.now() - 3 * 86_400_000);
    for (const name of ['.holdfast-unfinished-now', 'object']) {
      await writeFile(path.join(directory, name), 'x');
      await utimes(path.join(directory, name), daysAgo, daysAgo);
    }
    {
      await using storage = await open(directory);
      assert.deepEqual(await namesIn(storage, ''), ['object']);
      await storage.delete('object');
    }
    assert.deepEqual(await readdir(directory), ['.holdfast-unfinished-now']);
  });

  test('a server that refuses the extensions of OpenSSH is served without them', async () => {
    await using bare = await startOpenSsh({
      subsystem: 'internal-sftp -P posix-rename,fsync,hardlink,statvfs,limits',
    });
    const directory = path.join(bare.data, 'x');
    await using storage = await openForTest(openSshUrl(bare, directory, { client: 'library' }));
    assert.equal(storage.capabilities.atomicReplace, false);
    for (const seed of [1, 2]) await storage.put('a', pattern(100_000, seed));
    await storage.put('b', pattern(10), { ifAbsent: true });
    await rejectsWith(storage.put('b', pattern(10), { ifAbsent: true }), 'storage/already-exists');
    assert.deepEqual(await storage.read('a'), pattern(100_000, 2));
    await storage[Symbol.asyncDispose]();
    assert.deepEqual((await readdir(directory)).toSorted(), ['a', 'b']);
  });

  test('a login that is shut into a directory is served, with relative and absolute paths', async () => {
    // Every directory above has to belong to root alone, as none below /tmp does.
    const jail = await mkdtemp('/var/lib/holdfast-jail-');
    try {
      await chmod(jail, 0o755);
      await mkdir(path.join(jail, 'data'));
      await chown(path.join(jail, 'data'), nobody, nobody);
      await using jailed = await startOpenSsh({
        lines: [
          'Match User nobody',
          `ChrootDirectory ${jail}`,
          'ForceCommand internal-sftp -d /data',
          'AllowTcpForwarding no',
        ],
      });
      for (const client of ['program', 'library']) {
        const url = openSshUrl(jailed, '/data/backup', { client }, { user: 'nobody' });
        await using absolute = await openForTest(url);
        await absolute.put(`a-${client}`, pattern(10));
        // One slash is the directory of the login.
        await using relative = await openForTest(url.replace('//data/backup', '/backup'));
        assert.deepEqual(await relative.read(`a-${client}`), pattern(10));
        await using flat = await openForTest(
          `${url.replace('//data/backup', '/data/backup')}&ssh-relative-path=no`,
        );
        assert.deepEqual(await flat.read(`a-${client}`), pattern(10));
        await using above = await openForTest(url.replace('//data/backup', '//'));
        await rejectsWith(above.put('b', pattern(10)), 'storage/access-denied');
        assert.ok((await namesIn(above, '')).includes(`data/backup/a-${client}`));
      }
    } finally {
      await rm(jail, { recursive: true, force: true });
    }
  });

  test(
    'what is prepared is there, with another connection, and preparing never fails',
    { timeout: 60_000 },
    async () => {
      await using proxy = await tcpProxy(server.port);
      const directory = place();
      const url = await threeSessions(directory, proxy.port);
      const storage = await openForTest(url);
      assert.deepEqual(await namesIn(storage, ''), []);
      assert.equal(proxy.connections, 1);
      await storage.prepare?.(['a/b/', 'c/']);
      assert.deepEqual((await readdir(directory, { recursive: true })).toSorted(), [
        'a',
        'a/b',
        'c',
      ]);
      // It is opened meanwhile, and nobody waits for it.
      while (proxy.connections < 2) await systemClock.sleep(5);
      await storage.prepare?.(['d/'], { signal: AbortSignal.abort() });
      await mkdir(path.join(directory, 'e'));
      await writeFile(path.join(directory, 'e/file'), '');
      await storage.prepare?.(['e/file/']);
      await storage[Symbol.asyncDispose]();
      await storage.prepare?.(['f/']);
    },
  );

  test('connections are opened when there is more to do, up to the limit, and replaced when they break', async () => {
    // Over a line that is long enough for all of them.
    await using proxy = await tcpProxy(server.port, { delay: 10 });
    const url = await threeSessions(place(), proxy.port);
    await using storage = await openForTest(url, {}, { attempts: 3 });
    assert.deepEqual(await namesIn(storage, ''), []);
    assert.equal(proxy.connections, 1);
    await storage.put('a', pattern(10));
    assert.equal(proxy.connections, 2);
    for (let round = 0; round < 3; round++)
      await Promise.all(
        Array.from({ length: 30 }, (_, index) => storage.put(`b/${index}`, pattern(50_000))),
      );
    assert.equal(proxy.connections, 3);
    proxy.cutAll();
    assert.deepEqual(await storage.read('a'), pattern(10));
    assert.equal(proxy.connections, 4);
  });
});
