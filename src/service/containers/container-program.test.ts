import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import path from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { promisify } from 'node:util';

import { noPodman, type PodmanServer, startPodman } from '#test/servers/podman.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { startContainerProgram } from './container-program.ts';
import { runInContainer } from './container-exec.ts';
import { type DockerClient, openDockerClient } from './docker-client.ts';

const skip = noPodman();

describe('programs in a container', { skip }, () => {
  let podman: PodmanServer;
  let client: DockerClient;

  before(async () => {
    podman = await startPodman();
    client = await openDockerClient({ address: podman.address, environment: {} });
    await podman.run({ name: 'box' });
  });
  after(async () => {
    await client[Symbol.asyncDispose]();
    await podman[Symbol.asyncDispose]();
  });

  test('output, errors and status come back', async () => {
    await using program = await startContainerProgram(client, 'box', [
      'sh',
      '-c',
      'echo out; echo wrong >&2; exit 3',
    ]);
    assert.equal(await text(program.output), 'out\n');
    const end = await program.ended;
    assert.deepEqual(end, { status: 3, killedBy: undefined, timedOut: false, lastWords: 'wrong' });
  });

  test('user, directory and environment', async () => {
    await using program = await startContainerProgram(
      client,
      'box',
      ['sh', '-c', 'id -u; pwd; printf %s "$GREETING"'],
      { user: '1234', directory: '/usr/lib', environment: { GREETING: 'a "b"\n$c' } },
    );
    assert.equal(await text(program.output), '1234\n/usr/lib\na "b"\n$c');
  });

  test('what does not fit in memory streams through both ways', async () => {
    await using program = await startContainerProgram(
      client,
      'box',
      ['sh', '-c', 'cat; echo end >&2'],
      {
        hasInput: true,
      },
    );
    const sent = createHash('sha256');
    const got = createHash('sha256');
    const pieces = 200;
    const reading = (async () => {
      for await (const piece of program.output) got.update(piece as Buffer);
    })();
    for (let index = 0; index < pieces; index++) {
      const piece = Buffer.alloc(100_003, index);
      sent.update(piece);
      if (!program.input.write(piece)) await once(program.input, 'drain');
    }
    program.input.end();
    await reading;
    assert.equal(got.digest('hex'), sent.digest('hex'));
    assert.deepEqual(await program.ended, {
      status: 0,
      killedBy: undefined,
      timedOut: false,
      lastWords: 'end',
    });
  });

  test('a program that is not there ends as in a shell', async () => {
    await using program = await startContainerProgram(client, 'box', ['no-such-program']);
    program.output.resume();
    assert.equal((await program.ended).status, 127);
  });

  test('a container that is not there or does not run is told', async () => {
    await podman.run({ name: 'off', stopped: true });
    await assert.rejects(startContainerProgram(client, 'nobody', ['true']), {
      code: 'container/failed',
      message: 'Cannot run a command in the container "nobody": there is no such container',
    });
    await assert.rejects(startContainerProgram(client, 'off', ['true']), {
      code: 'container/failed',
      message: /^Cannot run a command in the container "off": /u,
    });
  });

  test('a program that takes too long is ended, with its children', async () => {
    const printed: Buffer[] = [];
    const end = await runInContainer(client, 'box', 'echo begun; sleep 987 & sleep 988', {
      timeLimit: 200,
      onOutput: (piece) => printed.push(piece),
    });
    assert.equal(end.timedOut, true);
    assert.notEqual(end.status, 0);
    assert.match(Buffer.concat(printed).toString(), /^begun\n/u);
    assert.equal(await processes('sleep 98[78]'), 0);
  });

  test('an abort ends the program in the container too', async () => {
    const abort = new AbortController();
    await using program = await startContainerProgram(
      client,
      'box',
      ['sh', '-c', 'echo on; exec sleep 989'],
      {
        signal: abort.signal,
      },
    );
    await once(program.output, 'data');
    const reason = new Error('no more');
    abort.abort(reason);
    await assert.rejects(program.ended, reason);
    assert.equal(await processes('sleep 989'), 0);
  });

  test('leaving the block ends the program', async () => {
    {
      await using program = await startContainerProgram(client, 'box', [
        'sh',
        '-c',
        'echo on; exec sleep 990',
      ]);
      await once(program.output, 'data');
    }
    assert.equal(await processes('sleep 990'), 0);
  });

  test('the end of the container is not taken for a good end', async () => {
    await podman.run({ name: 'mortal' });
    await using program = await startContainerProgram(client, 'mortal', [
      'sh',
      '-c',
      'echo half; exec sleep 991',
    ]);
    const output = buffer(program.output).catch((error: unknown) => error);
    await once(program.output, 'data');
    await podman.remove('mortal');
    const end = await program.ended.catch((error: unknown) => error);
    const isToldFailed = end instanceof Error || (end as { status?: number }).status !== 0;
    assert.ok(isToldFailed, String(end));
    await output;
  });

  test('a connection that is cut is an error for the reader and the waiter', async () => {
    // Passes everything on until it is told to cut.
    const sockets: { destroy(): void }[] = [];
    const proxy = createServer({ allowHalfOpen: true }, (incoming) => {
      const outgoing = connect({ path: podman.socket, allowHalfOpen: true });
      sockets.push(incoming, outgoing);
      for (const side of [incoming, outgoing]) side.on('error', () => undefined);
      incoming.pipe(outgoing).pipe(incoming);
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    await using cut = await openDockerClient({
      address: `tcp://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
      environment: {},
    });
    const program = await startContainerProgram(cut, 'box', [
      'sh',
      '-c',
      'echo half; exec sleep 2',
    ]);
    const output = buffer(program.output);
    await once(program.output, 'data');
    proxy.close();
    for (const socket of sockets) socket.destroy();
    await assert.rejects(program.ended, { code: 'container/unavailable' });
    await assert.rejects(output, { code: 'container/unavailable' });
  });

  test('over TLS with certificates of both sides, input ends properly', async () => {
    await using directory = await temporaryDirectory();
    const of = (name: string): string => path.join(directory.path, name);
    await makeCertificates(directory.path);
    const [ca, cert, key] = await Promise.all(
      ['ca.pem', 'cert.pem', 'key.pem'].map((name) => readFile(of(name))),
    );
    const server = createTlsServer(
      { ca, cert, key, requestCert: true, allowHalfOpen: true },
      (incoming) => {
        const outgoing = connect({ path: podman.socket, allowHalfOpen: true });
        for (const side of [incoming, outgoing]) side.on('error', () => undefined);
        incoming.pipe(outgoing).pipe(incoming);
      },
    ).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = `tcp://localhost:${(server.address() as AddressInfo).port}`;
    try {
      await using secure = await openDockerClient({
        address: `${address}?tls=${directory.path}`,
        environment: {},
      });
      await using program = await startContainerProgram(secure, 'box', ['sha256sum'], {
        hasInput: true,
      });
      program.input.end('hello');
      assert.match(await text(program.output), /^2cf24dba5fb0/u);
      assert.equal((await program.ended).status, 0);
      await using stranger = await openDockerClient({
        address: `${address}?ca=${of('ca.pem')}`,
        environment: {},
      });
      await assert.rejects(stranger.list([]), { code: 'container/unavailable' });
      await using credulous = await openDockerClient({
        address: `${address}?tls`,
        environment: {},
      });
      await assert.rejects(credulous.list([]), { code: 'container/unavailable' });
    } finally {
      server.close();
    }
  });

  test('a proxy that forbids a call is told apart from an engine that fails', async () => {
    // As haproxy in front of a socket does.
    const proxy = createHttpServer((incoming, outgoing) => {
      const isAllowed = incoming.method === 'GET';
      outgoing.writeHead(isAllowed ? 200 : 403, { 'content-type': 'text/html' });
      outgoing.end(isAllowed ? '[]' : '<html><body><h1>403 Forbidden</h1></body></html>');
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const address = `tcp://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    try {
      await using limited = await openDockerClient({ address, environment: {} });
      assert.deepEqual(await limited.list([]), []);
      await assert.rejects(limited.stop('box', 1000), {
        code: 'container/failed',
        message: `Cannot stop the container "box": the container engine at "${address}" does not allow POST /containers`,
        hint: /CONTAINERS=1, POST=1/u,
      });
    } finally {
      proxy.close();
      proxy.closeAllConnections();
    }
  });

  async function processes(pattern: string): Promise<number> {
    const run = promisify(execFile);
    const count = await run('pgrep', ['-fc', pattern]).catch(
      (error: unknown) => error as { stdout: string },
    );
    return Number(count.stdout);
  }
});

test('an engine that is not there is told with its socket', async () => {
  await using client = await openDockerClient({
    address: 'unix:///nowhere/docker.sock',
    environment: {},
  });
  await assert.rejects(client.list([]), {
    code: 'container/unavailable',
    message:
      'Cannot list containers through the container engine at "/nowhere/docker.sock": there is no such socket',
  });
});

/** A CA and a certificate for `localhost` that serves both sides: `ca.pem`, `cert.pem`, `key.pem`. */
async function makeCertificates(directory: string): Promise<void> {
  const run = promisify(execFile);
  const openssl = (...parameters: string[]): Promise<unknown> =>
    run('openssl', parameters, { cwd: directory });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    'ca-key.pem',
    '-out',
    'ca.pem',
    '-subj',
    '/CN=Test CA',
  );
  await openssl(
    ...'req -x509 -keyout key.pem -out cert.pem -subj /CN=localhost'.split(' '),
    ...key,
    ...'-CA ca.pem -CAkey ca-key.pem -addext subjectAltName=DNS:localhost'.split(' '),
  );
}
