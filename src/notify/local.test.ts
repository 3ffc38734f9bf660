import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import path from 'node:path';
import { describe, test } from 'node:test';
import { createServer as createSecure } from 'node:tls';

import { testCertificate } from '#test/servers/certificate.ts';
import { channelContext } from '#test/support/channel-context.ts';
import { reportOf } from '#test/support/sample-reports.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { hasCode } from '../base/errors.ts';
import type { ChannelSettings } from '../model/channel.ts';
import type { Report } from '../model/report.ts';
import { openChannel } from './open-channel.ts';

async function send(
  settings: ChannelSettings,
  report: Report = reportOf('failed'),
): Promise<string> {
  await using channel = await openChannel(
    'ops',
    settings,
    channelContext({ environment: process.env }),
  );
  return await channel.send(report);
}

/** Listens, takes one connection, resolves with what it was sent until its end. */
async function listening(
  server: Server,
  { reply, isSecure = false }: { readonly reply?: Uint8Array; readonly isSecure?: boolean } = {},
): Promise<{ readonly port: number; readonly content: Promise<Buffer> } & AsyncDisposable> {
  const content = Promise.withResolvers<Buffer>();
  server.on(isSecure ? 'secureConnection' : 'connection', (socket) => {
    const pieces: Buffer[] = [];
    socket.on('error', () => undefined);
    socket.on('data', (piece: Buffer) => pieces.push(piece));
    socket.on('end', () => {
      content.resolve(Buffer.concat(pieces));
      socket.end(reply);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    content: content.promise,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
      }),
  };
}

const expected =
  /^<163>1 2026-11-01T09:00:00\.000Z nas\.example\.org holdfast \d+ failed - \ufeffdocuments: backup failed; Outcome: failed; /u;

describe('syslog', () => {
  test('by UDP', async () => {
    const socket = createSocket('udp4');
    try {
      socket.bind(0, '127.0.0.1');
      await once(socket, 'listening');
      const received = once(socket, 'message');
      await send({
        type: 'syslog',
        address: `udp://127.0.0.1:${socket.address().port}`,
        facility: 'local4',
      });
      const [content] = (await received) as [Buffer];
      assert.match(content.toString('utf8'), expected);
    } finally {
      socket.close();
    }
  });

  test('by TCP, octets counted', async () => {
    await using server = await listening(createServer({ allowHalfOpen: true }));
    await send({ type: 'syslog', address: `tcp://127.0.0.1:${server.port}`, facility: 'local4' });
    const [, length, text] = /^(\d+) (.*)$/su.exec((await server.content).toString('utf8')) ?? [];
    assert.equal(Buffer.byteLength(text!), Number(length));
    assert.match(text!, expected);
  });

  test('by TLS, to a server that is known', async () => {
    await using directory = await temporaryDirectory();
    const { certificate, key } = await testCertificate(directory.path);
    const identity = { cert: await readFile(certificate), key: await readFile(key) };
    await using server = await listening(createSecure(identity), { isSecure: true });
    const settings = {
      type: 'syslog',
      address: `tls://127.0.0.1:${server.port}`,
      facility: 'local4',
    } as const;
    await assert.rejects(send(settings), {
      code: 'notify/failed',
      message: /the server signed its certificate itself/u,
    });
    await send({ ...settings, caFile: certificate });
    assert.match((await server.content).toString('utf8').replace(/^\d+ /u, ''), expected);
  });

  test('into the socket of this machine', async () => {
    await using directory = await temporaryDirectory();
    const socket = path.join(directory.path, 'log');
    const python = `import socket,sys
s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("ready",flush=True)
sys.stdout.buffer.write(s.recv(65536))`;
    const receiver = spawn('python3', ['-c', python, socket]);
    try {
      const output: Buffer[] = [];
      receiver.stdout.on('data', (piece: Buffer) => output.push(piece));
      await once(receiver.stdout, 'data');
      const ended = once(receiver, 'close');
      assert.equal(
        await send({ type: 'syslog', address: `unix://${socket}` }),
        'Given to the local log',
      );
      await ended;
      assert.match(
        Buffer.concat(output).toString('utf8'),
        /^ready\n<27>\w{3} +\d+ [\d:]+ holdfast: documents: backup failed; Outcome: failed; Host: nas/u,
      );
    } finally {
      receiver.kill('SIGKILL');
    }
  });

  test('where nobody listens', async () => {
    await assert.rejects(send({ type: 'syslog', address: 'tcp://127.0.0.1:1' }), {
      code: 'notify/failed',
      message: 'Cannot send to "ops" by tcp://127.0.0.1:1: nothing answers at that address',
    });
    await assert.rejects(send({ type: 'syslog', address: 'unix:///nowhere/log' }), {
      code: 'notify/failed',
    });
  });
});

describe('scripts', () => {
  test('get the report on their input and the most important in their environment', async () => {
    const command =
      'read -r report; echo "$HOLDFAST_EVENT $HOLDFAST_JOB $HOLDFAST_RESULT $EXTRA"; echo "$report" | head -c 30';
    const said = await send({ type: 'script', command, environment: { EXTRA: 'yes' } });
    assert.equal(said, 'failed documents ERROR yes {"version":1,"id":"run1-failed');
  });

  test('arguments are not for a shell', async () => {
    assert.equal(await send({ type: 'script', command: ['printf', '%s', '$HOME; x'] }), '$HOME; x');
  });

  test('a failure, in which secrets are masked', async () => {
    const settings = {
      type: 'script',
      command: 'echo "no: $TOKEN" >&2; exit 3',
      environment: { TOKEN: 'secret-token' },
    } as const;
    await assert.rejects(send(settings), (error) => {
      assert.ok(hasCode(error, 'notify/failed'));
      assert.match(error.message, /it ended with status 3: no: \[secret\]$/u);
      return true;
    });
  });

  test('one that hangs is ended', async () => {
    await assert.rejects(send({ type: 'script', command: ['sleep', '60'], timeout: '1s' }), {
      code: 'notify/failed',
      message: /took too long/u,
    });
  });

  test('one that reads nothing is fine', async () => {
    assert.equal(await send({ type: 'script', command: ['true'] }), 'It ended with status 0');
  });
});

describe('Zabbix', () => {
  const reply = (info: string): Buffer => {
    const body = Buffer.from(JSON.stringify({ response: 'success', info }));
    const header = Buffer.alloc(13);
    header.write('ZBXD\u0001', 'latin1');
    header.writeUInt32LE(body.length, 5);
    return Buffer.concat([header, body]);
  };

  test('a value for a trapper item, by the protocol as it is documented', async () => {
    const good = reply('processed: 1; failed: 0; total: 1; seconds spent: 0.000055');
    await using server = await listening(createServer({ allowHalfOpen: true }), { reply: good });
    const settings = {
      type: 'zabbix',
      server: `127.0.0.1:${server.port}`,
      key: 'backup[{{job}}]',
    } as const;
    assert.match(await send(settings), /^processed: 1; failed: 0/u);
    const content = await server.content;
    assert.equal(content.toString('latin1', 0, 5), 'ZBXD\u0001');
    assert.equal(content.readUInt32LE(5), content.length - 13);
    const sent = JSON.parse(content.toString('utf8', 13)) as {
      request: string;
      data: { host: string; key: string; value: string }[];
    };
    assert.equal(sent.request, 'sender data');
    assert.equal(sent.data[0]!.key, 'backup[documents]');
    assert.equal((JSON.parse(sent.data[0]!.value) as { result: string }).result, 'ERROR');
  });

  test('an item that there is not', async () => {
    const bad = reply('processed: 0; failed: 1; total: 1; seconds spent: 0.000055');
    await using server = await listening(createServer({ allowHalfOpen: true }), { reply: bad });
    await assert.rejects(send({ type: 'zabbix', server: `127.0.0.1:${server.port}` }), {
      code: 'notify/refused',
      message: /no trapper item "holdfast\.report" of the host "nas\.example\.org"/u,
    });
  });
});
