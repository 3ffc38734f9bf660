import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';

import { systemClock } from '../../base/clock.ts';
import { AppError } from '../../base/errors.ts';
import { HttpClient } from './http-client.ts';
import { requestToken } from './oauth-grants.ts';

test('no answer to a sign-in says anything of an object', async () => {
  let status = 200;
  const server = createServer((_, response) => response.writeHead(status).end('<html></html>'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await using http = new HttpClient({ connections: 1, environment: {} });
  const endpoint = {
    http,
    clock: systemClock,
    url: `http://127.0.0.1:${port}/token`,
    service: 'Somewhere',
    signInHint: 'Sign in again',
  };
  try {
    for (status of [200, 302, 400, 401, 403, 404, 409, 410, 412, 413, 416, 429, 500, 507]) {
      await assert.rejects(requestToken(endpoint, {}, {}), (error) => {
        assert.ok(error instanceof AppError);
        assert.match(error.code, /^storage\/(?:access-denied|unavailable)$/u, String(status));
        return true;
      });
    }
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
