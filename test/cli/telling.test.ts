import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { test } from 'node:test';

import { freePort } from '../servers/server.ts';
import { recordingHttp } from '../support/recording-http.ts';
import { serviceMachine, until } from '../support/service-process.ts';

test('holdfast server tells of runs, also by a channel that comes up late, and tries channels', async () => {
  let isDown = true;
  await using hooks = await recordingHttp(({ path }) =>
    path.startsWith('/ping') && isDown ? { status: 503 } : { body: 'OK' },
  );
  const told = (path: string): readonly string[] =>
    hooks.requests
      .filter((request) => request.path === path)
      .map(({ headers }) => headers['x-holdfast-event'] ?? '');
  await using machine = await serviceMachine();
  await writeFile(machine.of('token'), 'a-hidden-token\n');
  await writeFile(machine.of('broken'), '');
  await machine.configure(`
channels:
  ops: { type: webhook, url: '${hooks.address}/ops', token: { file: token } }
  all: { type: webhook, url: '${hooks.address}/all', body: '{{title}}', contentType: text/plain }
  monitor: '${hooks.address.replace('http', 'healthchecks+http')}/ping/8c7d3f60'
settings:
  notify: [ops, { channel: all, on: [started, succeeded, failed] }, monitor]
jobs:
  probe:
    kind: commands
    commands: [{ name: look, command: 'test ! -e ${machine.of('broken')}' }]
    schedule: '@every 2s'
`);
  const listen = `127.0.0.1:${await freePort()}`;
  const server = await machine.serve('--listen', listen);
  await until(() => Promise.resolve(told('/ops').includes('failed')), server.log);
  await until(() => Promise.resolve(told('/all').includes('failed')), server.log);
  assert.equal(told('/all')[0], 'started');
  const first = hooks.requests.find(({ path }) => path === '/ops');
  assert.equal(first!.headers['authorization'], 'Bearer a-hidden-token');
  assert.equal((first!.json() as { job: string }).job, 'probe');

  // The first success is news; the next are not.
  await rm(machine.of('broken'));
  isDown = false;
  await until(() => Promise.resolve(told('/ops').includes('recovered')), server.log);
  await until(() =>
    Promise.resolve(told('/all').filter((event) => event === 'succeeded').length > 1),
  );
  assert.equal(told('/ops').filter((event) => event !== 'failed').length, 1);
  await until(() =>
    Promise.resolve(hooks.requests.some(({ path }) => path.startsWith('/ping/8c7d3f60?rid='))),
  );

  const token = (await readFile(machine.of('state/api-token'), 'utf8')).trim();
  const tried = await fetch(`http://${listen}/api/v1/channels/ops/test`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
  });
  assert.equal(tried.status, 200, await tried.text());
  const titles = hooks.requests.filter(({ path }) => path === '/ops').map(({ body }) => body);
  assert.ok(titles.some((body) => body.includes('test of this channel')));

  await server.end('SIGTERM');
  assert.doesNotMatch(server.log(), /a-hidden-token/u);
  const { output } = await machine.run('notify', 'outbox', '--json');
  assert.doesNotMatch(output, /"givenUp":true/u);
});
