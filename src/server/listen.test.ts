import assert from 'node:assert/strict';
import { request } from 'node:http';
import { describe, test } from 'node:test';

import { Hono } from 'hono';

import { hostNamesOf, listen, parseListen } from './listen.ts';

describe('where a server listens', () => {
  test('is read from a text', () => {
    assert.deepEqual(parseListen('127.0.0.1:8200'), { host: '127.0.0.1', port: 8200 });
    assert.deepEqual(parseListen('[::1]:80'), { host: '::1', port: 80 });
    assert.deepEqual(parseListen(':8200'), { host: '0.0.0.0', port: 8200 });
    assert.deepEqual(parseListen('*:8200'), { host: '0.0.0.0', port: 8200 });
    assert.deepEqual(parseListen('8200'), { host: '127.0.0.1', port: 8200 });
    assert.deepEqual(parseListen('nas.example:1'), { host: 'nas.example', port: 1 });
    for (const text of ['', 'nas', 'nas:', '1:2:3', ':70000', 'http://x:80'])
      assert.throws(() => parseListen(text), /is no address to listen at/u, text);
  });

  test('decides by which names it may be called', () => {
    assert.deepEqual(hostNamesOf({ host: '127.0.0.2' })?.includes('127.0.0.2'), true);
    assert.deepEqual(hostNamesOf({ host: '::1' })?.includes('[::1]'), true);
    assert.equal(hostNamesOf({ host: '0.0.0.0' }), undefined);
  });

  test('is told if it is taken', async () => {
    await using first = await listen(new Hono(), { host: '127.0.0.1', port: 0 });
    await assert.rejects(
      listen(new Hono(), first.address),
      new RegExp(
        `Cannot listen at "127\\.0\\.0\\.1:${first.address.port}": another program does`,
        'u',
      ),
    );
  });
});

test('a server answers what it was asked before it ends', async () => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<string>();
  const app = new Hono().get('/', async ({ text }) => {
    asked.resolve();
    return text(await answer.promise);
  });
  const server = await listen(app, { host: '127.0.0.1', port: 0 });
  const got = new Promise<string>((resolve, reject) => {
    request(server.url, (incoming) => {
      incoming.setEncoding('utf8').once('data', resolve);
    })
      .once('error', reject)
      .end();
  });
  await asked.promise;
  const ended = server[Symbol.asyncDispose]();
  await assert.rejects(fetch(server.url));
  answer.resolve('done');
  assert.equal(await got, 'done');
  await ended;
});
