import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import path from 'node:path';
import { describe, test } from 'node:test';

import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { openDockerClient } from './docker-client.ts';

/** An engine that answers to wishes to run a command with these statuses in turn, about a container of a state. A real one is too seldom that busy. */
async function engine(statuses: readonly number[], state: string) {
  const stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory());
  const asked: number[] = [];
  const server = createServer((request, response) => {
    const answer = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    request.resume();
    if (request.url?.endsWith('/exec') === true) {
      const status = statuses[Math.min(asked.length, statuses.length - 1)]!;
      asked.push(status);
      answer(status, status === 201 ? { Id: 'command' } : { message: 'container state improper' });
    } else if (request.url?.endsWith('/json') === true) {
      answer(200, { Id: 'web', Name: '/web', State: { Status: state }, Config: { Labels: {} } });
    } else answer(200, { ApiVersion: '1.41' });
  });
  const socket = path.join(directory.path, 'socket');
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  stack.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  const client = stack.use(
    await openDockerClient({ address: `unix://${socket}`, environment: {} }),
  );
  return { client, asked, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

const command = { command: ['true'], hasInput: false };

describe('a command in a container that the engine says not to run', () => {
  test('is tried again if it does run', async () => {
    await using one = await engine([500, 409, 201], 'running');
    assert.equal(await one.client.createCommand('web', command), 'command');
    assert.deepEqual(one.asked, [500, 409, 201]);
  });

  test('fails if it does not, or if the engine says so again and again', async () => {
    await using stopped = await engine([500], 'exited');
    await assert.rejects(stopped.client.createCommand('web', command), {
      code: 'container/failed',
    });
    assert.deepEqual(stopped.asked, [500]);
    await using busy = await engine([500], 'running');
    await assert.rejects(busy.client.createCommand('web', command), {
      code: 'container/failed',
      message: /container state improper/u,
    });
    assert.equal(busy.asked.length, 4);
  });

  test('fails at once if the engine refuses', async () => {
    await using one = await engine([403], 'running');
    await assert.rejects(one.client.createCommand('web', command), { code: 'container/failed' });
    assert.deepEqual(one.asked, [403]);
  });
});
