import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { hasCode } from '../../../base/errors.ts';
import type { Storage } from '../../storage.ts';
import { openForTest } from '#test/contract/network-contract.ts';
import { removesMadeDirectories } from '#test/contract/removes-made-directories.ts';
import { startProftpd, type Proftpd, type ProftpdSettings } from '#test/servers/proftpd.ts';
import { missingPrograms } from '#test/servers/required-programs.ts';
import { noSmallDisk, smallDisk } from '#test/support/small-disk.ts';
import { namesIn, pattern, rejectsWith } from '#test/support/storage-samples.ts';

const missing = missingPrograms(['proftpd', 'ftpasswd']);

interface Asked {
  readonly path?: string;
  readonly query?: string;
  readonly scheme?: string;
  readonly password?: string;
  readonly port?: number;
  readonly options?: Readonly<Record<string, string | number>>;
}

function openOn(server: Proftpd, asked: Asked = {}): Promise<Storage> {
  const { scheme = 'ftp', path: place = '/place', query = '', port = server.port } = asked;
  const password = encodeURIComponent(asked.password ?? server.password);
  return openForTest(
    `${scheme}://${server.user}:${password}@${server.hostOf(port)}:${port}${place}${query}`,
    {},
    asked.options,
  );
}

async function withServer(
  settings: ProftpdSettings,
  work: (server: Proftpd) => Promise<void>,
): Promise<void> {
  await using server = await startProftpd(settings);
  await work(server);
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

describe('FTP, what servers differ in', { concurrency: false, skip: missing }, () => {
  test('one slash is relative to the directory of the login, two are absolute', () =>
    withServer({ lines: ['DefaultChdir /login'] }, async (server) => {
      await mkdir(path.join(server.home, 'login'));
      for (const [place, query, where] of [
        ['/a', '', 'login/a'],
        ['//b', '', 'b'],
        ['/c', '?ftp-absolute-path=true', 'c'],
        ['', '', 'login'],
      ] as const) {
        await using storage = await openOn(server, { path: place, query });
        await storage.put('x', pattern(10));
        assert.ok((await namesIn(storage, '')).includes('x'));
        assert.ok((await readdir(path.join(server.home, where))).includes('x'), where);
      }
    }));

  for (const [listing, lines] of [
    ['MLSD', []],
    ['LIST', ['FactsAdvertise off']],
  ] as const) {
    test(`directories that were made are removed again as far as they are empty, by ${listing}`, () =>
      withServer({ lines }, async (server) => {
        const above = path.join(server.home, 'above');
        await mkdir(above);
        await removesMadeDirectories(above, () => openOn(server, { path: '/above/made/there' }));
      }));
  }

  for (const mode of ['extended', 'passive', 'active']) {
    test(`data connections are made as told: ${mode}`, () =>
      withServer({}, async (server) => {
        await using storage = await openOn(server, { query: `?data-connection=${mode}` });
        await storage.put('a', pattern(100_000));
        assert.deepEqual(await storage.read('a'), pattern(100_000));
        assert.deepEqual(await namesIn(storage, ''), ['a']);
      }));
  }

  test('a server without EPSV gets PASV', () =>
    withServer({ lines: ['<Limit EPSV>', 'DenyAll', '</Limit>'] }, async (server) => {
      await using storage = await openOn(server);
      await storage.put('a', pattern(100_000));
      assert.deepEqual(await storage.read('a'), pattern(100_000));
    }));

  test('active mode works over TLS', () =>
    withServer({ encryption: 'explicit' }, async (server) => {
      const query = `?ftp-data-connection-type=PORT&ca-file=${server.certificate}`;
      await using storage = await openOn(server, { scheme: 'ftpes', query });
      await storage.put('a', pattern(100_000));
      await storage.put('empty', new Uint8Array());
      assert.deepEqual(await storage.read('a'), pattern(100_000));
    }));

  test('a server without MLSD is listed by LIST', () =>
    withServer({ lines: ['FactsAdvertise off'] }, async (server) => {
      await using storage = await openOn(server);
      const all = ['.hidden/..dots', 'a b/  c', 'grüße/日本', 'l -> m', 'total 5', '-l', '[x]*'];
      for (const name of all) await storage.put(name, pattern(name.length));
      assert.deepEqual(await namesIn(storage, ''), all.toSorted());
      assert.deepEqual(await namesIn(storage, 'gr'), ['grüße/日本']);
      for await (const { name, size } of storage.list('')) assert.equal(size, name.length);
      assert.equal(storage.capabilities.modifiedTimes, false);
      assert.equal(typeof (await storage.stat('-l')).modified, 'number');
      await rejectsWith(storage.stat('missing'), 'storage/not-found');
      await rejectsWith(storage.read('a b/missing'), 'storage/not-found');
      await storage.delete('missing/too');
      assert.deepEqual(await namesIn(storage, 'missing/'), []);
    }));

  test('a server that does not rename over files replaces all the same, and says that it is not atomic', () =>
    withServer({ lines: ['AllowOverwrite off'] }, async (server) => {
      await using storage = await openOn(server);
      await storage.put('a', pattern(10, 1));
      assert.equal(storage.capabilities.atomicReplace, true);
      await storage.put('a', pattern(20, 2));
      assert.equal(storage.capabilities.atomicReplace, false);
      assert.deepEqual(await storage.read('a'), pattern(20, 2));
      assert.deepEqual(await readdir(path.join(server.home, 'place')), ['a']);
    }));

  test('a server that does not rename over files lets one of two win', () =>
    withServer({ lines: ['AllowOverwrite off'] }, async (server) => {
      await using storage = await openOn(server);
      await Promise.all([1, 2, 3].map((seed) => storage.put(`warm/${seed}`, pattern(10))));
      for (let round = 0; round < 5; round++) {
        const puts = [1, 2, 3].map((seed) =>
          storage.put(`${round}`, pattern(10, seed), { ifAbsent: true }),
        );
        const settled = await Promise.allSettled(puts);
        const winners = settled.filter(({ status }) => status === 'fulfilled');
        assert.equal(winners.length, 1, `round ${round}`);
        for (const outcome of settled)
          assert.ok(
            outcome.status === 'fulfilled' || hasCode(outcome.reason, 'storage/already-exists'),
          );
      }
    }));

  test('an abort while an object is replaced in steps leaves one of the two', () =>
    withServer({ lines: ['AllowOverwrite off'] }, async (server) => {
      await using proxy = await server.proxy({ delay: 30 });
      await using storage = await openOn(server, { port: proxy.port });
      await storage.put('a', pattern(10, 1));
      const directory = path.join(server.home, 'place');
      const controller = new AbortController();
      const put = storage.put('a', pattern(10, 2), { signal: controller.signal });
      const settled = put.catch(() => undefined);
      for (let waited = 0; waited < 1000; waited++) {
        if ((await readdir(directory)).some((name) => name.startsWith('.holdfast-replaced-')))
          break;
        await new Promise((resolve) => setTimeout(resolve, 3));
      }
      controller.abort();
      await settled;
      await new Promise((resolve) => setTimeout(resolve, 200));
      assert.ok((await readdir(directory)).includes('a'));
    }));

  test('a server that allows two connections gets two', () =>
    withServer({ lines: ['MaxClientsPerHost 2'] }, async (server) => {
      await using storage = await openOn(server);
      await Promise.all(
        Array.from({ length: 30 }, (_, index) => storage.put(`a/${index}`, pattern(1000))),
      );
      assert.equal((await namesIn(storage, '')).length, 30);
      // Those that have asked at the same time may all have been refused but one.
      await using second = await openOn(server);
      await using third = await openOn(server);
      const failure = await failureOf(second.stat('a/1').then(() => third.stat('a/1')));
      assert.ok(hasCode(failure, 'storage/unavailable'), String(failure));
      assert.match(failure.hint ?? '', /connections/u);
    }));

  test('a connection that the server has closed while idle is replaced', () =>
    // The server counts in whole seconds that have begun: with one it may not wait at all.
    withServer({ lines: ['TimeoutIdle 2'] }, async (server) => {
      await using storage = await openOn(server);
      await storage.put('a', pattern(10));
      await new Promise((resolve) => setTimeout(resolve, 2800));
      assert.deepEqual(await storage.read('a'), pattern(10));
    }));

  test('connections that were cut while idle are replaced', () =>
    withServer({}, async (server) => {
      await using proxy = await server.proxy();
      await using storage = await openOn(server, { port: proxy.port });
      await Promise.all([storage.put('a', pattern(10)), storage.put('b', pattern(10))]);
      proxy.cutAll();
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.deepEqual(await storage.read('a'), pattern(10));
    }));
});

describe('FTP, refusals', { concurrency: false, skip: missing }, () => {
  test('a directory that may not be written to', () =>
    withServer({ lines: ['<Limit WRITE>', 'DenyAll', '</Limit>'] }, async (server) => {
      await mkdir(path.join(server.home, 'place'));
      await writeFile(path.join(server.home, 'place', 'there'), 'x');
      await using storage = await openOn(server);
      await rejectsWith(storage.put('a', pattern(10)), 'storage/access-denied');
      await rejectsWith(storage.put('new/a', pattern(10)), 'storage/access-denied');
      await rejectsWith(storage.delete('there'), 'storage/access-denied');
      await storage.delete('missing');
      assert.deepEqual(await namesIn(storage, ''), ['there']);
    }));

  test('a file that may not be read is not a missing one', () =>
    withServer({ lines: ['<Limit RETR>', 'DenyAll', '</Limit>'] }, async (server) => {
      await using storage = await openOn(server);
      await storage.put('a', pattern(10));
      await rejectsWith(storage.read('a'), 'storage/access-denied');
      await rejectsWith(storage.read('b'), 'storage/not-found');
    }));

  for (const facts of ['on', 'off']) {
    test(`a directory that may not be listed is not an empty one (facts ${facts})`, () =>
      withServer(
        { lines: ['<Limit LIST MLSD NLST CWD>', 'DenyAll', '</Limit>', `FactsAdvertise ${facts}`] },
        async (server) => {
          await mkdir(path.join(server.home, 'place'));
          await using storage = await openOn(server);
          await rejectsWith(namesIn(storage, ''), 'storage/access-denied');
          await rejectsWith(storage.read('a'), 'storage/access-denied');
        },
      ));
  }

  test('a path that is a file', () =>
    withServer({}, async (server) => {
      await writeFile(path.join(server.home, 'place'), 'x');
      await using storage = await openOn(server);
      const failure = await failureOf(storage.put('a', pattern(10)));
      assert.ok(hasCode(failure, 'storage/access-denied'), String(failure));
      assert.match(failure.message, /"\/place" on the server is a file/u);
      await rejectsWith(namesIn(storage, ''), 'storage/access-denied');
    }));

  test('no space', async (context) => {
    await using disk = await smallDisk(1_000_000);
    if (disk === undefined) return context.skip(noSmallDisk);
    await chmod(disk.path, 0o755);
    await withServer({ home: disk.path }, async (server) => {
      await using storage = await openOn(server);
      await storage.put('small', pattern(1000));
      const failure = await failureOf(storage.put('large', pattern(3_000_000)));
      assert.ok(hasCode(failure, 'storage/out-of-space'), String(failure));
      assert.deepEqual(await namesIn(storage, ''), ['small']);
      await storage.put('also small', pattern(1000));
      assert.deepEqual(await readdir(path.join(disk.path, 'place')), ['also small', 'small']);
    });
  });

  test('a file that is larger than the server allows leaves nothing', () =>
    withServer({ lines: ['MaxStoreFileSize 1 Mb'] }, async (server) => {
      await using storage = await openOn(server);
      await rejectsWith(storage.put('large', pattern(3_000_000)), 'storage/out-of-space');
      assert.deepEqual(await readdir(path.join(server.home, 'place')), []);
    }));

  test('an anonymous login, and a password that was forgotten, come with a hint', () =>
    withServer({}, async (server) => {
      for (const [user, hint] of [
        ['', /Name the user/u],
        [`${server.user}@`, /Give the password/u],
      ] as const) {
        await using storage = await openForTest(`ftp://${user}127.0.0.1:${server.port}/place`);
        const failure = await failureOf(storage.stat('a'));
        assert.ok(hasCode(failure, 'storage/access-denied'), String(failure));
        assert.match(failure.hint ?? '', hint);
      }
    }));

  test('the password comes from the environment, as for duplicity', () =>
    withServer({}, async (server) => {
      const url = `aftp://${server.user}@127.0.0.1:${server.port}/place`;
      for (const variable of ['FTP_PASSWORD', 'BACKEND_PASSWORD', 'HOLDFAST_FTP_PASSWORD']) {
        await using storage = await openForTest(url, { [variable]: server.password });
        await storage.put('a', pattern(10));
      }
    }));

  test('what a broken connection has left is removed after a day', () =>
    withServer({}, async (server) => {
      const old = path.join(server.home, 'place', '.holdfast-unfinished-00');
      const young = path.join(server.home, 'place', '.holdfast-unfinished-01');
      await using storage = await openOn(server);
      await storage.put('a', pattern(10));
      for (const file of [old, young]) await writeFile(file, 'x');
      await utimes(old, 1_700_000_000, 1_700_000_000);
      assert.deepEqual(await namesIn(storage, ''), ['a']);
      await storage.put('b', pattern(10));
      assert.deepEqual((await readdir(path.dirname(old))).toSorted(), [
        path.basename(young),
        'a',
        'b',
      ]);
      await rejectsWith(storage.put('.holdfast-unfinished-2', pattern(10)), 'input/invalid');
      await rejectsWith(storage.put('line\nbreak', pattern(10)), 'input/invalid');
    }));
});

describe('FTP, encryption', { concurrency: false, skip: missing }, () => {
  for (const [encryption, scheme] of [
    ['explicit', 'ftpes'],
    ['implicit', 'ftps'],
  ] as const) {
    test(`${encryption} TLS trusts only what it is told to`, () =>
      withServer({ encryption }, async (server) => {
        const attempt = async (query: string): Promise<void> => {
          await using storage = await openOn(server, { scheme, query });
          await storage.put('a', pattern(100_000));
          assert.deepEqual(await storage.read('a'), pattern(100_000));
        };
        const certificate = new X509Certificate(await readFile(server.certificate));
        await attempt(`?ca-file=${server.certificate}`);
        await attempt(`?certificate-fingerprint=${certificate.fingerprint256}`);
        await rejectsWith(attempt(''), 'storage/untrusted');
        await rejectsWith(
          attempt(`?certificate-fingerprint=${'ab'.repeat(32)}`),
          'storage/untrusted',
        );
      }));

    test(`an expired certificate is refused with ${encryption} TLS`, () =>
      withServer({ encryption, expiredCertificate: true }, async (server) => {
        await using storage = await openOn(server, {
          scheme,
          query: `?ca-file=${server.certificate}`,
        });
        const failure = await failureOf(storage.stat('a'));
        assert.ok(hasCode(failure, 'storage/untrusted'), String(failure));
        assert.match(failure.message, /expired/u);
      }));
  }

  test('TLS as Duplicati writes it', () =>
    withServer({ encryption: 'explicit' }, async (server) => {
      for (const words of ['use-ssl=true', 'ftp-encryption-mode=Explicit', 'encryption=explicit']) {
        await using storage = await openOn(server, {
          query: `?${words}&ca-file=${server.certificate}`,
        });
        await storage.put('a', pattern(10));
      }
    }));

  test('a server that demands TLS is told of, and one that has none', async () => {
    await withServer({ encryption: 'explicit' }, async (server) => {
      await using storage = await openOn(server);
      const failure = await failureOf(storage.stat('a'));
      assert.ok(hasCode(failure, 'storage/access-denied'), String(failure));
      assert.match(failure.hint ?? '', /ftpes/u);
    });
    await withServer({}, async (server) => {
      await using explicit = await openOn(server, { scheme: 'ftpes' });
      await rejectsWith(explicit.stat('a'), 'storage/untrusted');
      await using implicit = await openOn(server, { scheme: 'ftps' });
      await rejectsWith(implicit.stat('a'), 'storage/untrusted');
    });
  });
});
