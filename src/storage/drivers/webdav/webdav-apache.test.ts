import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, describe, test } from 'node:test';

import { openForTest } from '#test/contract/network-contract.ts';
import { removesMadeDirectories } from '#test/contract/removes-made-directories.ts';
import { apachePrograms, startApache } from '#test/servers/apache.ts';
import { missingPrograms } from '#test/servers/required-programs.ts';
import { noSmallDisk, smallDisk } from '#test/support/small-disk.ts';
import { namesIn, pattern, rejectsWith, sourceOf } from '#test/support/storage-samples.ts';
import { AppError, type ErrorCode, messageOf } from '../../../base/errors.ts';
import type { Storage } from '../../storage.ts';

const mebibyte = 1024 ** 2;

/** What only a real server can show: rights, certificates, disks, directories that are none. */
describe(
  'WebDAV by Apache',
  { skip: missingPrograms(apachePrograms), concurrency: false },
  async () => {
    const server = await startApache();
    after(() => server[Symbol.asyncDispose]());
    const { port, tlsPort, expiredPort, user, password, certificate, data } = server;
    let places = 0;
    const newPlace = (): string => `special${(places += 1)}`;
    const login = { user, password };
    const open = (
      place: string,
      options: Readonly<Record<string, string | number>> = {},
      { scheme = 'webdav', at = port, below = 'dav' } = {},
    ): Promise<Storage> =>
      openForTest(
        `${scheme}://localhost:${at}/${below}/${place}`,
        {},
        { attempts: 1, ...login, ...options },
      );
    const refusedWith = async (
      call: () => Promise<unknown>,
      code: ErrorCode,
      hint: RegExp,
    ): Promise<void> => {
      await assert.rejects(call, (error) => {
        assert.ok(error instanceof AppError && error.code === code, String(error));
        assert.match(`${error.message} ${error.hint}`, hint);
        assert.ok(!`${error.message} ${error.hint}`.includes(password));
        return true;
      });
    };
    const listed = async (storage: Promise<Storage>): Promise<readonly string[]> => {
      await using opened = await storage;
      return await namesIn(opened, '');
    };

    test('a wrong password is refused, also by Digest', async () => {
      for (const below of ['dav', 'digest'])
        await refusedWith(
          () => listed(open('x', { password: 'wrong' }, { below })),
          'storage/access-denied',
          /does not accept user and password.*Look at user, password/u,
        );
    });

    test('without user and password they are asked for', async () => {
      await refusedWith(
        () => listed(openForTest(`webdav://localhost:${port}/dav/x`)),
        'storage/access-denied',
        /wants a user and a password/u,
      );
    });

    test('one way to say who we are can be insisted on', async () => {
      assert.deepEqual(await listed(open('none', { authentication: 'basic' })), []);
      assert.deepEqual(
        await listed(open('none', { 'force-digest-authentication': 'yes' }, { below: 'digest' })),
        [],
      );
      await rejectsWith(
        listed(open('none', { authentication: 'digest' })),
        'storage/access-denied',
      );
      await rejectsWith(
        listed(open('none', { authentication: 'basic' }, { below: 'digest' })),
        'storage/access-denied',
      );
    });

    test('a Digest session survives the end of the server', async () => {
      const place = newPlace();
      await using storage = await open(place, { attempts: 4 }, { below: 'digest' });
      await storage.put('a', pattern(10));
      await server.kill();
      await server.restart();
      await storage.put('b', sourceOf([pattern(1000), pattern(500)]));
      assert.deepEqual(await namesIn(storage, ''), ['a', 'b']);
    });

    test('a certificate is trusted by its authority or its fingerprint, and not otherwise', async () => {
      const encrypted = { scheme: 'webdavs', at: tlsPort };
      await refusedWith(
        () => listed(open('x', {}, encrypted)),
        'storage/untrusted',
        /certificate.*ca-file/u,
      );
      const fingerprint = new X509Certificate(await readFile(certificate)).fingerprint256;
      const place = newPlace();
      await using storage = await open(
        place,
        { 'certificate-fingerprint': fingerprint },
        encrypted,
      );
      await storage.put('a', pattern(10));
      assert.deepEqual(await listed(open(place, { 'ca-file': certificate }, encrypted)), ['a']);
      const other = fingerprint.replace(/^../u, (byte) => (byte === '00' ? '01' : '00'));
      await refusedWith(
        () => listed(open('x', { 'certificate-fingerprint': other }, encrypted)),
        'storage/untrusted',
        /another certificate/u,
      );
    });

    test('an expired certificate is refused', async () => {
      const expired = path.join(server.directory, 'expired.pem');
      await refusedWith(
        () => listed(open('x', { 'ca-file': expired }, { scheme: 'webdavs', at: expiredPort })),
        'storage/untrusted',
        /has expired.*Renew it/u,
      );
    });

    test('who may only read reads, and is told so otherwise', async () => {
      const place = newPlace();
      await using writer = await open(place);
      await writer.put('a/b', pattern(10));
      await using storage = await open(place, server.reader);
      assert.deepEqual(await namesIn(storage, ''), ['a/b']);
      assert.deepEqual(await storage.read('a/b'), pattern(10));
      await refusedWith(
        () => storage.put('a/c', pattern(10)),
        'storage/access-denied',
        /"a\/c"|directory|user and password/u,
      );
      await rejectsWith(storage.delete('a/b'), 'storage/access-denied');
      assert.deepEqual(await namesIn(writer, ''), ['a/b']);
    });

    test('a path that is a file is named', async () => {
      const place = newPlace();
      await writeFile(path.join(data, place), 'a file');
      await using storage = await open(place);
      const isFile = /is a file, and not a directory/u;
      await refusedWith(() => storage.put('a', pattern(10)), 'storage/access-denied', isFile);
      await refusedWith(() => namesIn(storage, ''), 'storage/access-denied', isFile);
      await using inner = await open(`${place}/deeper`);
      await rejectsWith(inner.put('a', pattern(10)), 'storage/access-denied');
    });

    test('an object cannot be stored below another one', async () => {
      await using storage = await open(newPlace());
      await storage.put('a/b', pattern(10));
      await refusedWith(
        () => storage.put('a/b/c', pattern(10)),
        'storage/access-denied',
        /\/a\/b" on the server is a file/u,
      );
      await refusedWith(
        () => storage.put('a/b/c/d', pattern(10)),
        'storage/access-denied',
        /is a file/u,
      );
      assert.deepEqual(await namesIn(storage, ''), ['a/b']);
    });

    test('missing directories are made by the first put', async () => {
      const place = `${newPlace()}/über/the top`;
      await using storage = await open(place);
      assert.deepEqual(await namesIn(storage, ''), []);
      await storage.put('x/y/z', pattern(10));
      assert.deepEqual(await readdir(path.join(data, place, 'x/y')), ['z']);
    });

    test('what was there and is gone is no empty storage', async () => {
      const place = newPlace();
      await using storage = await open(place);
      await storage.put('a/b', pattern(10));
      await rm(path.join(data, place), { recursive: true });
      for (const prefix of ['', 'a/'])
        await refusedWith(
          () => namesIn(storage, prefix),
          'storage/unavailable',
          /was there before and is gone/u,
        );
      // The first attempt learns that the directory is gone, and none makes it: what was stored would lie beside what is not mounted.
      for (let attempt = 0; attempt < 3; attempt++)
        await rejectsWith(storage.put('a/c', pattern(10)), 'storage/unavailable');
      await rejectsWith(storage.put('b/c', pattern(10)), 'storage/unavailable');
      await storage.prepare?.(['c/']);
      await assert.rejects(readdir(path.join(data, place)), { code: 'ENOENT' });
    });

    test('a directory that somebody has removed is made again', async () => {
      const place = newPlace();
      await using storage = await open(place);
      await storage.put('z', pattern(10));
      for (const [name, size] of [
        ['a/c/x', 10],
        ['a/d/x', 2 * mebibyte],
        ['a/x', 10],
      ] as const) {
        await storage.put('a/b/x', pattern(10));
        await rm(path.join(data, place, 'a'), { recursive: true });
        await rejectsWith(storage.put(name, pattern(size)), 'storage/unavailable');
        await storage.put(name, pattern(size));
        assert.deepEqual((await namesIn(storage, '')).toSorted(), [name, 'z']);
        await storage.delete(name);
        await rm(path.join(data, place, 'a'), { recursive: true });
        await rejectsWith(storage.put('a/b/x', pattern(10)), 'storage/unavailable');
      }
    });

    test('a directory is not replaced by an object, and keeps what is in it', async () => {
      await using storage = await open(newPlace());
      await storage.put('a/b', pattern(10));
      await storage.put('a/c/d', pattern(10));
      const isDirectory = /a" on the server is a directory/u;
      for (const size of [10, 2 * mebibyte]) {
        await refusedWith(
          () => storage.put('a', pattern(size)),
          'storage/access-denied',
          isDirectory,
        );
      }
      await rejectsWith(
        storage.put('a', pattern(10), { ifAbsent: true }),
        'storage/already-exists',
      );
      await storage.delete('a');
      assert.deepEqual((await namesIn(storage, '')).toSorted(), ['a/b', 'a/c/d']);
    });

    test('a redirection is not followed, and names the right URL', async () => {
      const storage = await openForTest(
        `webdav://localhost:${port}/moved/here`,
        {},
        { attempts: 1, ...login },
      );
      await refusedWith(
        () => listed(Promise.resolve(storage)),
        'storage/access-denied',
        new RegExp(`sends us elsewhere.*webdav://localhost:${port}/dav/here`, 'u'),
      );
    });

    test('a path without WebDAV is told from one with it', async () => {
      await refusedWith(
        () => listed(openForTest(`http://localhost:${port}/elsewhere`, {}, { attempts: 1 })),
        'storage/access-denied',
        /leads to WebDAV/u,
      );
    });

    test('a locked object can wait', async () => {
      const place = newPlace();
      await using storage = await open(place);
      await storage.put('a', pattern(10));
      const answer = await fetch(`http://localhost:${port}/dav/${place}/a`, {
        method: 'LOCK',
        headers: {
          authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
          timeout: 'Second-600',
        },
        body: '<?xml version="1.0"?><lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>',
      });
      assert.equal(answer.status, 200);
      await refusedWith(
        () => storage.put('a', pattern(20)),
        'storage/unavailable',
        /holds a lock/u,
      );
      await rejectsWith(storage.delete('a'), 'storage/unavailable');
      assert.deepEqual(await storage.read('a'), pattern(10));
    });

    test('old leftovers of uploads go, young ones stay, and none is shown', async () => {
      const place = newPlace();
      await using storage = await open(place);
      await storage.put('d/a', pattern(10));
      const [old, young] = ['old', 'young'].map((name) => `.holdfast-unfinished-${name}`);
      const folder = path.join(data, place, 'd');
      await writeFile(path.join(folder, old ?? ''), 'x');
      await writeFile(path.join(folder, young ?? ''), 'x');
      const longAgo = Date.now() / 1000 - 2 * 24 * 60 * 60;
      await utimes(path.join(folder, old ?? ''), longAgo, longAgo);
      {
        await using next = await open(place);
        assert.deepEqual(await namesIn(next, ''), ['d/a']);
        await next.put('d/b', pattern(10));
      }
      assert.deepEqual((await readdir(folder)).toSorted(), [young, 'a', 'b']);
      await rejectsWith(storage.put(`d/${young}`, pattern(10)), 'input/invalid');
    });

    test('nothing is left of an upload that failed', async () => {
      const place = newPlace();
      {
        await using storage = await open(place);
        await storage.put('a', pattern(10));
        const broken = new Error('The body broke');
        const body = {
          size: 2 * mebibyte,
          stream: () =>
            new ReadableStream<Uint8Array>({
              start: (controller) => controller.enqueue(pattern(mebibyte)),
              pull: (controller) => controller.error(broken),
            }),
        };
        await assert.rejects(storage.put('b', body), broken);
        await rejectsWith(
          storage.put('a', pattern(20), { ifAbsent: true }),
          'storage/already-exists',
        );
      }
      assert.deepEqual(await readdir(path.join(data, place)), ['a']);
    });

    test('credentials come from the environment, in order', async () => {
      const url = `webdav://${user}@localhost:${port}/dav/none`;
      for (const environment of [
        { HOLDFAST_WEBDAV_PASSWORD: password, FTP_PASSWORD: 'wrong' },
        { FTP_PASSWORD: password },
        { BACKEND_PASSWORD: password, FTP_PASSWORD: 'wrong' },
      ])
        assert.deepEqual(await listed(openForTest(url, environment)), []);
      await rejectsWith(
        listed(openForTest(url, { BACKEND_PASSWORD: 'wrong', FTP_PASSWORD: password })),
        'storage/access-denied',
      );
    });

    test('the schemes and options of other programs are understood', async () => {
      const place = newPlace();
      await using storage = await open(place);
      await storage.put('a', pattern(10));
      const secret = encodeURIComponent(password);
      for (const scheme of ['webdav', 'dav', 'http', 'lftp+webdav'])
        assert.deepEqual(
          await listed(
            openForTest(`${scheme}://${user}:${secret}@localhost:${port}/dav/${place}/`),
          ),
          ['a'],
        );
      const trusted = `ssl-cacert-file=${encodeURIComponent(certificate)}`;
      for (const scheme of ['webdavs', 'davs', 'https', 'lftp+webdavs'])
        assert.deepEqual(
          await listed(
            openForTest(
              `${scheme}://${user}:${secret}@localhost:${tlsPort}/dav/${place}?${trusted}`,
            ),
          ),
          ['a'],
        );
      const duplicati = `webdav://localhost:${tlsPort}/dav/${place}?use-ssl=true&auth-username=${user}&auth-password=${secret}&${trusted}`;
      assert.deepEqual(await listed(openForTest(duplicati)), ['a']);
    });

    test('directories that were made are removed again as far as they are empty', async () => {
      const above = newPlace();
      await mkdir(path.join(data, above));
      await chmod(path.join(data, above), 0o777);
      await removesMadeDirectories(path.join(data, above), () => open(`${above}/made/there`));
    });

    test('no space is told, and leaves no part', async (context) => {
      await using disk = await smallDisk(3 * mebibyte);
      if (disk === undefined) return context.skip(noSmallDisk);
      await chmod(path.dirname(disk.path), 0o755);
      await chmod(disk.path, 0o755);
      const folder = path.join(disk.path, 'data');
      await mkdir(folder);
      await using small = await startApache({ data: folder });
      await using storage = await open('place', {}, { at: small.port });
      await storage.put('a', pattern(mebibyte));
      for (const body of [
        pattern(4 * mebibyte),
        sourceOf([pattern(2 * mebibyte), pattern(2 * mebibyte)]),
      ])
        await refusedWith(
          () => storage.put('b', body),
          'storage/out-of-space',
          /no space is left/u,
        );
      assert.deepEqual(await namesIn(storage, ''), ['a']);
      await storage.put('c', pattern(1000));
      assert.deepEqual(await readdir(path.join(folder, 'place')), ['a', 'c']);
    });
  },
);

test('options that make no sense are refused in one sentence', async () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['webdav://user:x@localhost/?integrated-authentication=true', /Windows session/u],
    [
      'webdav://user:x@localhost/?authentication=basic&force-digest-authentication=yes',
      /contradict/u,
    ],
    ['webdav://user@localhost/', /"password" is missing/u],
    ['webdav://localhost/?password=x', /"user" is missing/u],
    ['webdav://localhost/?authentication=bearer', /"token" is missing/u],
    ['webdav://localhost/?authentication=digest&token=x', /"token" is not for/u],
    ['webdav://localhost/a/../b', /parts "\." or "\.\."/u],
    ['webdav:///a', /names no server/u],
    ['webdav://localhost/?headers=a', /not of the form/u],
    ['webdav://localhost/?webdav-headers=Depth,1', /set by Holdfast/u],
    ['webdav://localhost/?athentication=basic', /no option "athentication"/u],
  ];
  for (const [url, message] of cases)
    await assert.rejects(
      async () => {
        await using _storage = await openForTest(url);
      },
      (error) => {
        assert.ok(error instanceof AppError && error.code === 'input/usage', String(error));
        assert.match(messageOf(error), message);
        return true;
      },
    );
});
