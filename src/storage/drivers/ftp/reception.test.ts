import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { suite, test } from 'node:test';

import { systemClock } from '../../../base/clock.ts';
import { Reception } from './reception.ts';
import { ConnectionFailure } from './translate-error.ts';

const content = Uint8Array.from({ length: 300_000 }, (_, index) => index % 251);

/** A connection over which `content` comes, and then nothing or the end. */
async function sending(
  reception: Reception,
  isDirect: boolean,
  ends: boolean,
  watched: 'early' | 'late' = 'early',
): Promise<AsyncDisposable & { readonly socket: Socket }> {
  const server = createServer((client) => {
    client.on('error', () => undefined);
    client.write(content);
    if (ends) client.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const socket: Socket = connect({
    port,
    host: '127.0.0.1',
    ...(isDirect && { onread: reception.onread }),
  });
  socket.on('error', () => undefined);
  if (watched === 'late') await once(socket, 'close');
  reception.watch(socket, isDirect);
  return {
    socket,
    async [Symbol.asyncDispose]() {
      socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

for (const isDirect of [true, false]) {
  void suite(`a reception, ${isDirect ? 'direct' : 'by pieces'}`, { timeout: 60_000 }, () => {
    void test('takes all there is, and notices the end', async () => {
      const reception = new Reception(content.length);
      await using _sender = await sending(reception, isDirect, true);
      await reception.complete;
      await reception.over;
      assert.deepEqual(reception.bytes, content);
    });

    void test('takes what was wanted, and nothing of what comes behind it', async () => {
      const reception = new Reception(1000);
      await using sender = await sending(reception, isDirect, false);
      await reception.complete;
      const { bytes } = reception;
      assert.deepEqual(bytes, content.subarray(0, 1000));
      // Whoever gets them may free them while more comes.
      bytes.buffer.transfer(0);
      await reception.over;
      // One that takes no notice of its being over is read to the end all the same.
      if (isDirect) return;
      while (sender.socket.bytesRead < content.length) await systemClock.sleep(1);
    });

    void test('notices an end that was there before it was looked for', async () => {
      if (!isDirect) return;
      const reception = new Reception(content.length + 1);
      await using _sender = await sending(reception, isDirect, true, 'late');
      await assert.rejects(reception.complete, ConnectionFailure);
      await reception.over;
    });

    void test('says that too little came', async () => {
      const reception = new Reception(content.length + 1);
      await using _sender = await sending(reception, isDirect, true);
      await assert.rejects(reception.complete, ConnectionFailure);
      await reception.over;
    });
  });
}
