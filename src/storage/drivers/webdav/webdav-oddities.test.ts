import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { openForTest } from '#test/contract/network-contract.ts';
import { storageContract } from '#test/contract/storage-contract.ts';
import {
  type Oddities,
  type OddWebdav,
  oddUser,
  oddWebdav,
} from '#test/servers/simulators/odd-webdav.ts';
import { namesIn, pattern, rejectsWith, sourceOf } from '#test/support/storage-samples.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import type { Storage } from '../../storage.ts';

const mebibyte = 1024 ** 2;

function open(
  server: OddWebdav,
  options: Readonly<Record<string, string | number>> = {},
): Promise<Storage> {
  return openForTest(`webdav://localhost:${server.port}/base/dir`, {}, { attempts: 1, ...options });
}

/** A storage whose server ends with it. */
async function withServer(oddities: Oddities): Promise<Storage> {
  const server = await oddWebdav(oddities);
  const storage = await open(server, oddities.digest === undefined ? {} : oddUser);
  const end = storage[Symbol.asyncDispose].bind(storage);
  return Object.assign(storage, {
    [Symbol.asyncDispose]: async () => {
      await end();
      await server[Symbol.asyncDispose]();
    },
  });
}

storageContract('WebDAV by a server that ignores ranges, lengths and conditions', () =>
  withServer({
    ignoresRange: true,
    hidesLength: true,
    ignoresOverwrite: true,
    wantsPath: true,
    wholeUrls: true,
    redirectsDirectories: true,
  }),
);

storageContract('WebDAV by a server with short-lived SHA-256 nonces', () =>
  withServer({ digest: { algorithm: 'SHA-256-sess', uses: 40 } }),
);

describe('Digest', () => {
  test('no password is shown, no upload is sent twice, and a nonce is used again', async () => {
    await using server = await oddWebdav({ digest: { algorithm: 'MD5', uses: 1000 } });
    await using storage = await open(server, oddUser);
    await storage.put('a', sourceOf([pattern(1000), pattern(2000)]));
    assert.deepEqual(await namesIn(storage, ''), ['a']);
    const withoutAnswer = server.requests.filter(
      ({ authorization }) => authorization === undefined,
    );
    assert.deepEqual(
      withoutAnswer.map(({ method }) => method),
      ['PROPFIND'],
    );
    assert.ok(
      server.requests.every(({ authorization = 'Digest' }) => authorization.startsWith('Digest')),
    );
    assert.equal(server.requests.filter(({ method }) => method === 'PUT').length, 1);
  });

  test('the next nonce is taken when the server announces it', async () => {
    await using server = await oddWebdav({
      digest: { algorithm: 'SHA-256', uses: 3, announcesNext: true },
    });
    await using storage = await open(server, oddUser);
    for (let round = 0; round < 10; round++) await storage.put(`a${round}`, pattern(10));
    const withoutAnswer = server.requests.filter(
      ({ authorization }) => authorization === undefined,
    );
    assert.equal(withoutAnswer.length, 1);
    assert.equal(server.requests.filter(({ method }) => method === 'PUT').length, 10);
  });

  test('a wrong password is tried once', async () => {
    await using server = await oddWebdav({ digest: { algorithm: 'MD5', uses: 1000 } });
    await using storage = await open(server, { ...oddUser, password: 'wrong' });
    await rejectsWith(storage.read('a'), 'storage/access-denied');
    const tried = server.requests.filter(({ authorization }) => authorization !== undefined);
    assert.ok(tried.length <= 2, `${tried.length} attempts`);
  });

  test('a server that is never content ends the call', async () => {
    await using server = await oddWebdav({ digest: { algorithm: 'MD5', uses: 0 } });
    await using storage = await open(server, oddUser);
    await rejectsWith(storage.read('a'), 'storage/access-denied');
  });

  test('whoever speaks Digest is not talked into Basic', async () => {
    await using server = await oddWebdav({ digest: { algorithm: 'MD5', uses: 1000 } });
    await using storage = await open(server, oddUser);
    await storage.put('a', pattern(10));
    server.oddities.instead = (_, response) => {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="lions"' }).end();
      return true;
    };
    await rejectsWith(storage.read('a'), 'storage/access-denied');
    assert.ok(
      server.requests.every(({ authorization = 'Digest' }) => authorization.startsWith('Digest')),
    );
  });
});

test('a token is sent as it is, and nothing else', async () => {
  await using server = await oddWebdav();
  await using storage = await open(server, { token: 'abc', headers: 'X-One,1,X-Two,2' });
  await storage.put('a', pattern(10));
  assert.ok(server.requests.every(({ authorization }) => authorization === 'Bearer abc'));
});

describe('listings', () => {
  const listings: Readonly<Record<string, (xml: string) => string>> = {
    'that break off in the middle': (xml) => xml.slice(0, xml.length * 0.7),
    'that break off before the last tag': (xml) => xml.slice(0, -'</multistatus>'.length),
    'that are empty': () => '',
    'that are a page for people': () => '<html><body>Log in!</body></html>',
    'with an entity bomb': (xml) =>
      xml
        .replace(
          '\n',
          '<!DOCTYPE m [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        )
        .replace('/base', '&b;'),
    'with an entity that nobody has declared': (xml) => xml.replace('/base', '&file;'),
    'with a piece that has no end': (xml) => xml.replace('/base', 'x'.repeat(3 * mebibyte)),
    'with a comment that has no end': (xml) =>
      xml.replace('"DAV:">', `"DAV:"><!--${'x'.repeat(3 * mebibyte)}`),
    'nested without end': (xml) => xml.replace('<propstat>', '<a>'.repeat(100_000)),
    'in another encoding': (xml) => xml.replace('1.0"', '1.0" encoding="iso-8859-1"'),
    'of another directory': (xml) => xml.replaceAll('/base/dir', '/other'),
    'with an entry that failed': (xml) =>
      xml.replace(
        '</multistatus>',
        '<response><href>/base/dir/z</href><status>HTTP/1.1 500 x</status></response></multistatus>',
      ),
    'with an entry without its size': (xml) =>
      xml.replaceAll(/<getcontentlength>.*?<\/getcontentlength>/gu, ''),
    'with a size that is none': (xml) =>
      xml.replace(/<getcontentlength>[0-9]/u, '<getcontentlength>-'),
  };
  const reasons: Readonly<Record<string, RegExp>> = {
    'with an entity bomb': /declares a document type/u,
    'with a piece that has no end': /pieces is too long/u,
    'with a comment that has no end': /pieces is too long/u,
    'nested without end': /nested too deeply/u,
    'in another encoding': /encoded in "iso-8859-1"/u,
    'that are a page for people': /no multi-status document/u,
    'with an entry that failed': /status 500 for "\/base\/dir\/z"/u,
  };
  for (const [kind, rewrite] of Object.entries(listings)) {
    test(`${kind} are errors, not shorter listings`, async () => {
      await using server = await oddWebdav();
      await using storage = await open(server);
      for (const name of ['a', 'b', 'c']) await storage.put(name, pattern(10));
      server.oddities.rewrite = rewrite;
      await assert.rejects(namesIn(storage, ''), (error) => {
        assert.ok(hasCode(error, 'storage/unavailable'), String(error));
        assert.match(error.message, reasons[kind] ?? /./u);
        return true;
      });
      delete server.oddities.rewrite;
      assert.deepEqual(await namesIn(storage, ''), ['a', 'b', 'c']);
    });
  }

  test('an answer without an end is not waited for', { timeout: 60_000 }, async () => {
    await using server = await oddWebdav();
    await using storage = await open(server);
    await storage.put('a', pattern(10));
    let isOver = false;
    server.oddities.instead = (_, response) => {
      response.writeHead(207);
      response.write('<?xml version="1.0"?><multistatus xmlns="DAV:"><!--');
      const more = (): void => {
        if (!isOver) response.write('x'.repeat(100_000), () => setImmediate(more));
      };
      response.once('close', () => (isOver = true));
      more();
      return true;
    };
    await assert.rejects(namesIn(storage, ''), /pieces is too long/u);
  });

  test('a proxy that says 404 of everything makes no object missing', async () => {
    await using server = await oddWebdav();
    await using storage = await open(server);
    await storage.put('a', pattern(10));
    server.oddities.instead = (_, response) => {
      response.writeHead(404).end('404 page not found');
      return true;
    };
    await rejectsWith(storage.read('a'), 'storage/unavailable');
    await rejectsWith(storage.stat('a'), 'storage/unavailable');
    await rejectsWith(storage.delete('a'), 'storage/unavailable');
    await rejectsWith(namesIn(storage, ''), 'storage/unavailable');
    delete server.oddities.instead;
    await rejectsWith(storage.read('b'), 'storage/not-found');
  });

  test('an answer that names nothing is no empty directory', async () => {
    await using server = await oddWebdav();
    {
      await using storage = await open(server);
      await storage.put('a/b', pattern(10));
    }
    await using storage = await open(server);
    const rewritten = '<multistatus xmlns="DAV:"></multistatus>';
    server.oddities.rewrite = () => rewritten;
    await rejectsWith(namesIn(storage, ''), 'storage/unavailable');
    await rejectsWith(namesIn(storage, 'a/'), 'storage/unavailable');
    // Of one level alone: some servers leave the directory itself out.
    let questions = 0;
    server.oddities.rewrite = (xml) => (questions++ === 0 ? rewritten : xml);
    assert.deepEqual(await namesIn(storage, ''), []);
  });

  test('a directory that its own listing calls missing is missing', async () => {
    await using server = await oddWebdav();
    await using storage = await open(server);
    await storage.put('a', pattern(10));
    server.oddities.rewrite = () =>
      '<multistatus xmlns="DAV:"><response><href>/base/dir/</href><status>HTTP/1.1 404 Not Found</status></response></multistatus>';
    await rejectsWith(namesIn(storage, ''), 'storage/unavailable');
  });

  for (const status of [400, 403, 405]) {
    test(`a refusal with ${status} below what is no WebDAV is an error, not an empty listing`, async () => {
      await using server = await oddWebdav({
        instead(request, response) {
          response.writeHead(request.url?.startsWith('/base/dir') === true ? status : 404).end();
          return true;
        },
      });
      await using storage = await open(server);
      await rejectsWith(namesIn(storage, ''), 'storage/access-denied');
      await rejectsWith(namesIn(storage, 'a/'), 'storage/access-denied');
      await rejectsWith(storage.stat('a'), 'storage/access-denied');
      await rejectsWith(storage.delete('a'), 'storage/access-denied');
    });
  }

  test('an answer cut by the connection is an error', async () => {
    await using server = await oddWebdav();
    await using storage = await open(server);
    await storage.put('a', pattern(10));
    server.oddities.instead = (_, response) => {
      response.writeHead(207, { 'content-length': '5000' });
      response.write('<?xml version="1.0"?><multistatus xmlns="DAV:">', () => response.destroy());
      return true;
    };
    await rejectsWith(namesIn(storage, ''), 'storage/unavailable');
  });

  test('entries that are gone, deeper, or not ours to name are left out', async () => {
    await using server = await oddWebdav();
    await using storage = await open(server);
    await storage.put('a', pattern(10));
    const odd = [
      '/base/dir/gone',
      '/base/dir/x/deeper',
      '/base/dir/%FF',
      '/base/dir/a%2Fb',
      '/base/dir/a',
    ]
      .map((href) => {
        const status = href.endsWith('gone')
          ? '<status>HTTP/1.1 404 Not Found</status>'
          : '<propstat><prop><getcontentlength>1</getcontentlength></prop><status>HTTP/1.1 200 OK</status></propstat>';
        return `<response><href>${href}</href>${status}</response>`;
      })
      .join('');
    server.oddities.rewrite = (xml) => xml.replace('</multistatus>', `${odd}</multistatus>`);
    assert.deepEqual(await namesIn(storage, ''), ['a']);
  });
});

describe('answers', () => {
  test('a page for people is no confirmation', async () => {
    await using server = await oddWebdav();
    await using storage = await open(server);
    await storage.put('a/a', pattern(10));
    server.oddities.instead = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Log in!</html>');
      return true;
    };
    for (const name of ['a/b', 'b', 'b/c', 'a/b/c'])
      for (const size of [10, 100_000, 2 * mebibyte])
        await rejectsWith(storage.put(name, pattern(size)), 'storage/access-denied');
    await rejectsWith(storage.delete('a/a'), 'storage/access-denied');
  });

  for (const method of ['PUT', 'MOVE', 'DELETE']) {
    test(`a ${method} that is answered with 200 is looked after`, async () => {
      await using server = await oddWebdav();
      await using storage = await open(server);
      await storage.put('a', pattern(10));
      const methods: string[] = [];
      server.oddities.instead = (request, response) => {
        methods.push(request.method ?? '');
        if (request.method !== method) return false;
        response.writeHead(200).end();
        return true;
      };
      await rejectsWith(
        method === 'DELETE' ? storage.delete('a') : storage.put('b', pattern(10)),
        'storage/unavailable',
      );
      // The same from a server that has done it.
      server.oddities.instead = (request, response) => {
        const writeHead = response.writeHead.bind(response);
        response.writeHead = (status: number, ...rest: never[]) =>
          writeHead(request.method === method && status < 300 ? 200 : status, ...rest);
        return false;
      };
      await storage.put('b', pattern(10));
      await storage.put('b', pattern(20));
      await storage.put('c/d', pattern(10));
      await storage.delete('a');
      assert.deepEqual((await namesIn(storage, '')).toSorted(), ['b', 'c/d']);
      assert.deepEqual(await storage.read('b'), pattern(20));
    });
  }

  test('a failure inside of a multi-status is a failure', async () => {
    await using server = await oddWebdav();
    await using storage = await open(server);
    await storage.put('a', pattern(10));
    for (const method of ['MOVE', 'DELETE']) {
      server.oddities.instead = (request, response) => {
        if (request.method !== method) return false;
        response
          .writeHead(207)
          .end(
            '<multistatus xmlns="DAV:"><response><href>/x</href><status>HTTP/1.1 423 Locked</status></response></multistatus>',
          );
        return true;
      };
      await assert.rejects(
        method === 'MOVE' ? storage.put('b', pattern(10)) : storage.delete('a'),
        (error) => error instanceof AppError && error.code !== 'storage/not-found',
      );
    }
    delete server.oddities.instead;
    assert.deepEqual(await namesIn(storage, ''), ['a']);
  });

  test('an upload that the server shortens is noticed', async () => {
    await using server = await oddWebdav({ drops: 1 });
    await using storage = await open(server);
    await rejectsWith(storage.put('a', pattern(2 * mebibyte)), 'storage/unavailable');
    assert.deepEqual(await namesIn(storage, ''), []);
  });

  test('a server that wants to be left alone says for how long', async () => {
    await using server = await oddWebdav();
    await using storage = await open(server);
    server.oddities.instead = (_, response) => {
      response.writeHead(503, { 'retry-after': '7' }).end();
      return true;
    };
    await assert.rejects(
      storage.read('a'),
      (error) => hasCode(error, 'storage/unavailable') && error.details['retryAfter'] === 7000,
    );
  });

  for (const [locks, tokens] of [
    ['has no locks', undefined],
    ['does not keep to its locks', '<opaquelocktoken:1>'],
  ] as const) {
    test(`directories that were made stay on a server that ${locks}`, async () => {
      await using server = await oddWebdav();
      const taken: unknown[] = [];
      server.oddities.instead = ({ method, headers }, response) => {
        if (tokens === undefined || (method !== 'LOCK' && method !== 'UNLOCK')) return false;
        if (method === 'UNLOCK') taken.push(headers['lock-token']);
        response.writeHead(method === 'LOCK' ? 200 : 204, { 'lock-token': tokens }).end();
        return true;
      };
      await using storage = await open(server);
      await storage.put('a', pattern(10));
      await storage.delete('a');
      server.requests.splice(0);
      await storage.removeMade?.();
      const removed = server.requests.filter(({ method }) => method === 'DELETE');
      // What it has tried with goes again.
      assert.ok(
        removed.every(({ path }) => path.split('/').at(-2)?.startsWith('.holdfast')),
        JSON.stringify(removed),
      );
      assert.equal(removed.length, tokens === undefined ? 0 : 1);
      assert.deepEqual(taken, tokens === undefined ? [] : [tokens, tokens]);
      await storage.put('a', pattern(10));
      assert.deepEqual(await namesIn(storage, ''), ['a']);
    });
  }

  test('the reason that a server gives is passed on', async () => {
    await using server = await oddWebdav();
    await using storage = await open(server);
    server.oddities.instead = (_, response) => {
      response.writeHead(507, {
        'content-type': 'application/xml; charset=utf-8',
        'content-length': '110',
      });
      response.end(
        '<d:error xmlns:d="DAV:" xmlns:s="http://s/"><s:message>Quota of 5 GB\nreached</s:message></d:error>'.padEnd(
          110,
        ),
      );
      return true;
    };
    await assert.rejects(
      storage.put('a', pattern(10)),
      (error) =>
        hasCode(error, 'storage/out-of-space') && error.message.includes('(Quota of 5 GB reached)'),
    );
  });

  test('what is compressed without having been asked for is refused', async () => {
    await using server = await oddWebdav();
    await using storage = await open(server);
    server.oddities.instead = (_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': '3' }).end('abc');
      return true;
    };
    await rejectsWith(storage.read('a'), 'storage/unavailable');
  });
});
