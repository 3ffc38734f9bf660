import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { systemClock } from '../base/clock.ts';
import { Secret } from '../base/secret.ts';
import { Feed } from '../service/feed.ts';
import { silentLog } from '../service/log.ts';
import type { RunEvent } from '../service/run-event.ts';
import { JobStatuses } from '../service/status/job-statuses.ts';
import { catalogOfRuns } from '#test/support/catalog-of-runs.ts';
import { startHttpServer } from './start-http-server.ts';

const TOKEN = 'token-of-the-test-0123456789';

test('the server ends although somebody listens to what happens', async () => {
  await using kept = await catalogOfRuns(systemClock);
  const { catalog } = kept;
  const clock = systemClock;
  const server = await startHttpServer({
    catalog,
    clock,
    statuses: new JobStatuses({ catalog, clock, timeZone: 'UTC', hostName: 'host' }),
    feed: new Feed<RunEvent>(),
    log: silentLog,
    version: '1.2.3',
    hostName: 'host',
    token: new Secret(TOKEN),
    listen: '127.0.0.1:0',
  });
  const headers = { authorization: `Bearer ${TOKEN}` };
  const events = await fetch(`${server.url}/api/v1/events`, { headers });
  const reader = events.body!.getReader();
  assert.match(Buffer.from((await reader.read()).value ?? []).toString(), /event: ready/u);
  const ended = server[Symbol.asyncDispose]().then(() => 'ended');
  // In order, not cut off when the grace is over.
  assert.equal((await reader.read()).done, true);
  assert.equal(await Promise.race([ended, sleep(4000, 'late', { ref: false })]), 'ended');
});

test('on the machine itself it answers under the names of the machine itself', async () => {
  await using kept = await catalogOfRuns(systemClock);
  const { catalog } = kept;
  const clock = systemClock;
  const context = {
    catalog,
    clock,
    statuses: new JobStatuses({ catalog, clock, timeZone: 'UTC', hostName: 'host' }),
    feed: new Feed<RunEvent>(),
    log: silentLog,
    version: '1.2.3',
    hostName: 'host',
    token: new Secret(TOKEN),
  };
  await using own = await startHttpServer({ ...context, listen: '127.0.0.1:0' });
  await using open = await startHttpServer({ ...context, listen: ':0' });
  const statusOf = (port: number, host: string): Promise<number> =>
    new Promise((resolve, reject) => {
      request({ port, host: '127.0.0.1', path: '/healthz', headers: { host } }, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      })
        .once('error', reject)
        .end();
    });
  assert.equal(await statusOf(own.address.port, `localhost:${own.address.port}`), 200);
  assert.equal(await statusOf(own.address.port, 'evil.example'), 421);
  assert.equal(await statusOf(open.address.port, 'nas.example'), 200);
});
