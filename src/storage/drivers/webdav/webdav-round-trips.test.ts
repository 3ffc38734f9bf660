import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';

import { openForTest } from '#test/contract/network-contract.ts';
import {
  type Oddities,
  type OddWebdav,
  oddUser,
  oddWebdav,
} from '#test/servers/simulators/odd-webdav.ts';
import { namesIn, pattern, rejectsWith } from '#test/support/storage-samples.ts';
import type { Storage } from '../../storage.ts';

const mebibyte = 1024 ** 2;

interface Scene extends AsyncDisposable {
  readonly server: OddWebdav;
  readonly storage: Storage;
  /** What was asked by a call, as "METHOD /path". */
  asked(call: () => Promise<unknown>): Promise<string[]>;
}

async function scene(oddities: Oddities = {}): Promise<Scene> {
  const server = await oddWebdav(oddities);
  const options = oddities.digest === undefined ? {} : oddUser;
  const url = `webdav://localhost:${server.port}/base`;
  const storage = await openForTest(url, {}, { attempts: 1, ...options });
  return {
    server,
    storage,
    async asked(call) {
      const before = server.requests.length;
      await call();
      return server.requests
        .slice(before)
        .map(({ method, path }) => `${method} ${path.replace(/unfinished-[0-9a-f]+/u, '…')}`);
    },
    async [Symbol.asyncDispose]() {
      await storage[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

test('one question is enough to learn how the server wants to be answered', async () => {
  await using at = await scene({ digest: { algorithm: 'MD5', uses: 1000 } });
  await rejectsWith(at.storage.stat('a'), 'storage/not-found');
  assert.equal(
    at.server.requests.filter(({ authorization }) => authorization === undefined).length,
    1,
  );
  assert.equal(at.server.requests.length, 3, 'the question, the object, and whether all is there');
});

test('directories that are prepared, or were listed, are not made by a put', async () => {
  await using at = await scene();
  await at.storage.prepare?.(['a/', 'b/c/']);
  const directories = ['MKCOL /base/a/', 'MKCOL /base/b/', 'MKCOL /base/b/c/'];
  for (const made of directories)
    assert.ok(
      at.server.requests.some(({ method, path }) => `${method} ${path}` === made),
      made,
    );
  const put = (name: string): Promise<string[]> =>
    at.asked(() => at.storage.put(name, pattern(10)));
  assert.deepEqual(await put('a/x'), ['PUT /base/a/.holdfast-…', 'MOVE /base/a/.holdfast-…']);
  await using next = await openForTest(`webdav://localhost:${at.server.port}/base`, {}, {});
  const before = at.server.requests.length;
  assert.deepEqual(await namesIn(next, 'a/'), ['a/x']);
  // It looks whether the place is there at the same time, and does not wait for that.
  while (!at.server.requests.slice(before).some(({ path }) => path === '/base'))
    await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(await at.asked(() => next.put('a/y', pattern(10))), [
    'PUT /base/a/.holdfast-…',
    'MOVE /base/a/.holdfast-…',
  ]);
});

test('preparing never fails', async () => {
  await using at = await scene({
    instead(request, response) {
      if (request.method !== 'MKCOL') return false;
      response.writeHead(403).end();
      return true;
    },
  });
  await at.storage.prepare?.(['a/']);
  await rejectsWith(at.storage.put('a/x', pattern(10)), 'storage/access-denied');
});

test('something small is sent while its directory is made, and again if it came too early', async () => {
  const held: ServerResponse[] = [];
  await using at = await scene();
  await at.storage.put('first', pattern(10));
  at.server.oddities.instead = (request, response) => {
    if (request.method !== 'MKCOL' || held.length > 0) return false;
    // Answered only after something was sent.
    held.push(response);
    return true;
  };
  const storing = at.storage.put('a/x', pattern(10));
  while (!at.server.requests.some(({ method, path }) => method === 'PUT' && path.includes('/a/')))
    await new Promise((resolve) => setTimeout(resolve, 5));
  // Another writer has made it.
  await fetch(`http://localhost:${at.server.port}/base/a/`, { method: 'MKCOL' });
  held[0]?.writeHead(405).end();
  await storing;
  assert.deepEqual(await namesIn(at.storage, 'a/'), ['a/x']);
});

test('something large is sent to the directory above while its own is made', async () => {
  await using at = await scene();
  await at.storage.put('a/x', pattern(10));
  const asked = await at.asked(() => at.storage.put('a/b/y', pattern(2 * mebibyte)));
  assert.deepEqual(asked.toSorted(), [
    'MKCOL /base/a/b/',
    'MOVE /base/a/.holdfast-…',
    'PROPFIND /base/a/.holdfast-…',
    'PUT /base/a/.holdfast-…',
  ]);
  assert.deepEqual((await namesIn(at.storage, '')).toSorted(), ['a/b/y', 'a/x']);
  assert.deepEqual(await at.storage.read('a/b/y'), pattern(2 * mebibyte));
});

test('nothing large is sent to the base for a directory below, where few would see what is left of it', async () => {
  await using at = await scene();
  await at.storage.put('first', pattern(10));
  const asked = await at.asked(() => at.storage.put('a/y', pattern(2 * mebibyte)));
  assert.deepEqual(
    asked.filter((line) => line.startsWith('PUT')),
    ['PUT /base/a/.holdfast-…'],
  );
});

test('only what is replaced costs a look', async () => {
  await using at = await scene();
  await at.storage.put('x', pattern(10));
  assert.deepEqual(await at.asked(() => at.storage.put('y', pattern(10))), [
    'PUT /base/.holdfast-…',
    'MOVE /base/.holdfast-…',
  ]);
  assert.deepEqual(await at.asked(() => at.storage.put('x', pattern(20))), [
    'PUT /base/.holdfast-…',
    'MOVE /base/.holdfast-…',
    'PROPFIND /base/x',
    'MOVE /base/.holdfast-…',
  ]);
  assert.deepEqual(await at.storage.read('x'), pattern(20));
});

test('nothing is left where the directory could not be made', async () => {
  await using at = await scene();
  await at.storage.put('a/x', pattern(10));
  const before = at.server.requests.length;
  for (const size of [2 * mebibyte, 10])
    await rejectsWith(at.storage.put('a/x/y', pattern(size)), 'storage/access-denied');
  await at.storage[Symbol.asyncDispose]();
  const requests = at.server.requests.slice(before);
  const begun = requests.filter(({ method }) => method === 'PUT');
  const ended = new Set(
    requests.filter(({ method }) => method === 'DELETE').map(({ path }) => path),
  );
  assert.ok(begun.length >= 2);
  for (const { path } of begun) assert.ok(ended.has(path), path);
});

test('what was stored a moment ago is deleted without a look, and anything else is not', async () => {
  await using at = await scene();
  await at.storage.put('a/x', pattern(10));
  const remove = (name: string): Promise<string[]> => at.asked(() => at.storage.delete(name));
  assert.deepEqual(await remove('a/x'), ['DELETE /base/a/x']);
  assert.deepEqual(await namesIn(at.storage, ''), []);
  assert.deepEqual((await remove('a'))[0], 'PROPFIND /base/a');
  await at.storage.put('a/y', pattern(10));
  await using other = await openForTest(`webdav://localhost:${at.server.port}/base`, {}, {});
  assert.deepEqual(await at.asked(() => other.delete('a/y')), [
    'PROPFIND /base/a/y',
    'DELETE /base/a/y',
  ]);
  await at.storage.delete('a/y');
});
