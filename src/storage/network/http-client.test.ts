import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { describe, test } from 'node:test';

import { pattern, rejectsWith } from '#test/support/storage-samples.ts';

import { hasCode } from '../../base/errors.ts';
import { watched } from '../call-watch.ts';
import { HttpClient } from './http-client.ts';

/** A server that does with each connection what a test wants. */
async function serving(
  serve: (socket: Socket) => void,
): Promise<{ readonly url: string } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return {
    url: `http://127.0.0.1:${address.port}/`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('HttpClient', () => {
  for (const body of [undefined, 'grant_type=refresh_token', pattern(100)]) {
    const title = `gives up on a server that does not answer a request with ${typeof body}`;
    test(title, { timeout: 60_000 }, async () => {
      await using server = await serving((socket) => socket.resume());
      await using client = new HttpClient({ connections: 1, environment: {}, patience: 1000 });
      const method = body === undefined ? 'GET' : 'POST';
      const request = { method, url: server.url, action: 'ask', ...(body && { body }) } as const;
      await rejectsWith(client.request(request), 'storage/unavailable');
    });
  }

  test('waits without end for an answer to a small body when others judge that', async () => {
    await using server = await serving((socket) => {
      // Longer than the grain of the timers.
      socket.once('data', () =>
        setTimeout(() => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'), 3000),
      );
    });
    await using client = new HttpClient({ connections: 1, environment: {}, patience: 0 });
    const body = pattern(10);
    const answer = await client.request({ method: 'PUT', url: server.url, action: 'store', body });
    await answer.discard();
    assert.equal(answer.status, 200);
  });

  test('a connection that is closed at once may want TLS', async () => {
    await using server = await serving((socket) => socket.once('data', () => socket.destroy()));
    await using client = new HttpClient({ connections: 1, environment: {} });
    await assert.rejects(
      client.request({ method: 'GET', url: server.url, action: 'ask' }),
      (error) => hasCode(error, 'storage/unavailable') && /expect TLS/u.test(error.hint ?? ''),
    );
  });

  test('leaves a connection alone that is not made yet', { timeout: 10_000 }, async () => {
    const closed = Promise.withResolvers<void>();
    await using server = await serving((socket) => {
      // It never begins with TLS.
      socket.resume().once('close', () => closed.resolve());
    });
    const reason = new Error('Stop');
    const controller = new AbortController();
    {
      await using client = new HttpClient({ connections: 1, environment: {} });
      const url = server.url.replace('http:', 'https:');
      const { signal } = controller;
      const request = client.request({ method: 'GET', url, action: 'ask', signal });
      setTimeout(() => controller.abort(reason), 200);
      await assert.rejects(request, reason);
    }
    await closed.promise;
  });

  test('tells the watch of a call what goes out and comes in', async () => {
    await using server = await serving((socket) => {
      let seen = 0;
      socket.on('data', (piece) => {
        seen += piece.length;
        if (seen < 2_000_000) return;
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n');
        for (let part = 0; part < 4; part++)
          setTimeout(() => socket.write(new Uint8Array(500)), 50 * part);
      });
    });
    await using client = new HttpClient({ connections: 1, environment: {} });
    let moved = 0;
    const watch = {
      silence: 1000,
      moved: () => void moved++,
      waits: <Result>(work: () => Promise<Result>) => work(),
    };
    await watched(watch, async () => {
      const body = pattern(2_000_000);
      const request = { method: 'PUT', url: server.url, action: 'store', body } as const;
      const answer = await client.request(request);
      assert.ok(moved >= 7, `${moved} pieces were seen going out`);
      moved = 0;
      await answer.read(2000);
      assert.ok(moved >= 3, `${moved} pieces were seen coming in`);
    });
  });

  test('waits for a server that takes a large body slowly', async () => {
    const body = pattern(24 * 1024 ** 2);
    await using server = await serving((socket) => {
      let seen = 0;
      socket.pause();
      // Longer than the patience, and than the grain of the timers.
      setTimeout(() => socket.resume(), 4000);
      socket.on('data', (piece) => {
        seen += piece.length;
        if (seen > body.byteLength) socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
      });
    });
    await using client = new HttpClient({ connections: 1, environment: {}, patience: 1000 });
    const answer = await client.request({ method: 'PUT', url: server.url, action: 'store', body });
    await answer.discard();
    assert.equal(answer.status, 200);
  });
});
