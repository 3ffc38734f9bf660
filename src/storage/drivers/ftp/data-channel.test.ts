import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';

import { type FTPContext, FTPError } from 'basic-ftp';

import { openDataChannel } from './data-channel.ts';

// All that is used of the control connection: where the server is.
const context = { socket: { remoteAddress: '127.0.0.1' } } as FTPContext;
const refusal = (code: number): FTPError =>
  new FTPError({ code, message: `${code} EPSV: Address already in use` });

void test('a server whose port was taken a moment ago is asked for another', async () => {
  const server = createServer((socket) => socket.end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  let asked = 0;
  const channel = await openDataChannel(context, 'extended', async () => {
    if (++asked < 3) throw refusal(425);
    return `229 Entering Extended Passive Mode (|||${port}|)`;
  });
  await channel.prepared;
  assert.equal(asked, 3);
  channel.destroy();
  server.close();
});

void test('a server that has no port at all is believed in the end, and any other refusal at once', async () => {
  for (const [code, times] of [
    [425, 5],
    [500, 1],
  ] as const) {
    let asked = 0;
    const opening = openDataChannel(context, 'extended', async () => {
      asked++;
      throw refusal(code);
    });
    await assert.rejects(opening, { code });
    assert.equal(asked, times);
  }
});
