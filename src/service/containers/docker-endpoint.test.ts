import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { test } from 'node:test';

import { temporaryDirectory } from '#test/support/temporary-directory.ts';

import { findDockerEndpoint } from './docker-endpoint.ts';

const find = (address: string | undefined, environment: Record<string, string> = {}) =>
  findDockerEndpoint({ address, environment });

test('sockets and ports', async () => {
  assert.equal((await find('unix:///run/my%20docker.sock')).socketPath, '/run/my docker.sock');
  assert.equal((await find('/run/other.sock')).socketPath, '/run/other.sock');
  assert.deepEqual(await find('tcp://proxy'), {
    address: 'tcp://proxy:2375',
    origin: 'http://proxy:2375',
    host: 'proxy',
  });
  assert.equal((await find('tcp://[::1]:99')).origin, 'http://[::1]:99');
});

test('the environment counts without an address only', async () => {
  const environment = { DOCKER_HOST: 'tcp://one:1', CONTAINER_HOST: 'unix:///two.sock' };
  assert.equal((await find(undefined, environment)).address, 'tcp://one:1');
  assert.equal((await find('', { CONTAINER_HOST: 'unix:///two.sock' })).socketPath, '/two.sock');
  assert.equal((await find('/run/three.sock', environment)).socketPath, '/run/three.sock');
});

test('the socket of a user is found', async () => {
  await using directory = await temporaryDirectory();
  const socket = path.join(directory.path, 'docker.sock');
  const server = createServer().listen(socket);
  await new Promise((resolve) => server.once('listening', resolve));
  try {
    const found = await find(undefined, { XDG_RUNTIME_DIR: directory.path });
    // A machine with an engine of its own has that one.
    assert.match(found.socketPath ?? '', /docker\.sock$|podman\.sock$/u);
  } finally {
    server.close();
  }
});

test('certificates come from a directory or from files', async () => {
  await using directory = await temporaryDirectory();
  const of = (name: string): string => path.join(directory.path, name);
  for (const name of ['ca', 'cert', 'key', 'other']) await writeFile(of(`${name}.pem`), name);
  const tls = { ca: 'ca', certificate: 'cert', key: 'key' };
  const byDirectory = await find(`tcp://host?tls=${directory.path}`);
  assert.equal(byDirectory.origin, 'https://host:2376');
  assert.deepEqual(byDirectory.tls, tls);
  assert.deepEqual((await find(`tcp://host?tls=${directory.path}&ca=${of('other.pem')}`)).tls, {
    ...tls,
    ca: 'other',
  });
  const environment = {
    DOCKER_HOST: 'tcp://host:2376',
    DOCKER_TLS_VERIFY: '1',
    DOCKER_CERT_PATH: directory.path,
  };
  assert.deepEqual((await find(undefined, environment)).tls, tls);
  await assert.rejects(find(`tcp://host?ca=${of('missing.pem')}`), {
    code: 'input/invalid',
    message: /^Cannot read ".*missing\.pem" for the container engine at "tcp:\/\/host": /u,
  });
});

for (const wrong of ['docker', 'ssh://host', 'tcp://', 'unix://'])
  test(`"${wrong}" is no address`, () =>
    assert.rejects(find(wrong), {
      code: 'input/invalid',
      message: /is not the address of a container engine/u,
    }));
