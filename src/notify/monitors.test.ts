import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { reportOf } from '#test/support/sample-reports.ts';
import { assertProblem, bodyOf, type Json, send } from '#test/support/sent-report.ts';
import type { ChannelSettings } from '../model/channel.ts';

// None of these services can be had here: the servers answer what their documentation says, and look at what it asks for.

const evil = reportOf('failed', {
  job: 'a<b>&"*_`@everyone',
  title: '<!channel> @all *x*: failed',
});

describe('healthchecks', () => {
  const at = (address: string): ChannelSettings => ({
    type: 'healthchecks',
    url: `${address}/ping/8c7d3f60-1111-4222-8333-444455556666`,
  });

  test('start, success, failure and exit status, with one id for a run', async () => {
    const paths: string[] = [];
    const run = reportOf('failed').run!;
    const [step] = run.steps;
    for (const report of [
      reportOf('started', { run }),
      reportOf('succeeded', { run }),
      reportOf('failed', { run: { ...run, steps: [{ ...step!, exitStatus: 11 }] } }),
      reportOf('failed', { run: { ...run, steps: [] } }),
      reportOf('skipped', { run }),
    ]) {
      const { requests } = await send(at, report, { body: 'OK' });
      assert.equal(requests[0]!.method, 'POST');
      paths.push(requests[0]!.path.replace('/ping/8c7d3f60-1111-4222-8333-444455556666', ''));
    }
    const [signals, ids] = [
      paths.map((path) => path.split('?')[0]),
      new Set(paths.map((path) => path.split('?')[1])),
    ];
    assert.deepEqual(signals, ['/start', '', '/11', '/fail', '/log']);
    assert.equal(ids.size, 1);
    assert.match(
      [...ids][0]!,
      /^rid=[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/u,
    );
  });

  test('a slug made from the job, made if it is not there', async () => {
    const { requests } = await send(
      (address) => ({ type: 'healthchecks', url: `${address}/key/{{job}}`, create: true }),
      reportOf('succeeded', { job: 'My.Documents' }),
    );
    assert.match(requests[0]!.path, /^\/key\/my-documents\?rid=.*&create=1$/u);
  });

  test('at most 100,000 bytes of output, the last', async () => {
    const report = reportOf('failed');
    const [step] = report.run!.steps;
    const output = `${'ä'.repeat(100_000)}the end`;
    const { requests } = await send((address) => ({ ...at(address), output: 'always' }), {
      ...report,
      run: { ...report.run!, steps: [{ ...step!, output }] },
    });
    const { length } = Buffer.from(requests[0]!.body);
    assert.ok(length <= 100_000 && length > 99_990, String(length));
    assert.ok(requests[0]!.body.endsWith('the end\n'));
  });

  test('checks that there are not', async () => {
    for (const answer of [
      { status: 404, body: 'not found' },
      { status: 200, body: 'OK (not found)' },
    ])
      assertProblem(
        (await send(at, reportOf('succeeded'), answer)).problem,
        'notify/refused',
        /there is no such check/u,
      );
    const limited = await send(at, reportOf('succeeded'), { body: 'OK (rate limited)' });
    assertProblem(limited.problem, 'notify/failed', /fewer messages/u);
  });
});

describe('Uptime Kuma', () => {
  const at = (address: string): ChannelSettings => ({
    type: 'uptime-kuma',
    url: `${address}/api/push/tokentoken?status=up&msg=OK&ping=`,
  });

  test('up and down, with the duration', async () => {
    const good = await send(at, reportOf('succeeded'), { body: '{"ok":true}' });
    assert.equal(good.requests[0]!.method, 'GET');
    assert.equal(
      good.requests[0]!.path,
      '/api/push/tokentoken?status=up&msg=documents%3A+backup+succeeded&ping=95000',
    );
    const bad = await send(at, reportOf('failed'), { body: '{"ok":true}' });
    assert.match(bad.requests[0]!.path, /\?status=down&msg=.*nothing\+has\+failed&ping=95000$/u);
    const missed = await send(at, reportOf('missed'), { body: '{"ok":true}' });
    assert.match(missed.requests[0]!.path, /\?status=down&msg=.*&ping=$/u);
  });

  test('nothing at the start', async () => {
    const { requests, said } = await send(at, reportOf('started'));
    assert.deepEqual(requests, []);
    assert.equal(said, 'Nothing to send for "started"');
  });

  test('a monitor that there is not; its token is not told', async () => {
    const answer = {
      status: 404,
      body: '{"ok":false,"msg":"Monitor not found or not active. tokentoken"}',
    };
    const { problem } = await send(at, reportOf('failed'), answer);
    assertProblem(problem, 'notify/refused', /no such monitor.*\[secret\]/u);
  });
});

describe('ntfy', () => {
  test('as JSON, with priority, tags and token', async () => {
    const { requests } = await send(
      (address) => ({ type: 'ntfy', server: address, topic: 'alerts', token: 'tk_secret' }),
      reportOf('failed'),
      { body: '{"id":"x"}' },
    );
    const [request] = requests;
    assert.equal(request!.path, '/');
    assert.equal(request!.headers['authorization'], 'Bearer tk_secret');
    const { topic, title, message, priority, tags } = bodyOf(request);
    assert.deepEqual(
      [topic, title, priority, tags],
      ['alerts', 'documents: backup failed', 4, ['rotating_light']],
    );
    assert.match(String(message), /^Job: documents\nOutcome: failed\n/u);
  });

  test('user and password; a message that is no attachment', async () => {
    const report = reportOf('failed');
    const [step] = report.run!.steps;
    const { requests } = await send(
      (address) => ({
        type: 'ntfy',
        server: address,
        topic: 't',
        user: 'mé',
        password: 'p:w',
        output: 'always',
      }),
      { ...report, run: { ...report.run!, steps: [{ ...step!, output: 'ö'.repeat(10_000) }] } },
    );
    const [request] = requests;
    const basic = Buffer.from('mé:p:w').toString('base64');
    assert.equal(request!.headers['authorization'], `Basic ${basic}`);
    assert.ok(Buffer.byteLength(String(bodyOf(request)['message'])) <= 4096);
  });

  test('a wrong token', async () => {
    const { problem } = await send(
      (address) => ({ type: 'ntfy', server: address, topic: 't', token: 'tk_secret' }),
      reportOf('failed'),
      { status: 403, body: '{"code":40301,"http":403,"error":"forbidden"}' },
    );
    assertProblem(problem, 'notify/refused', /does not accept the credentials \(.*forbidden/u);
  });
});

test('Gotify', async () => {
  const { requests } = await send(
    (address) => ({ type: 'gotify', server: `${address}/sub/`, token: 'AppToken' }),
    reportOf('failed'),
    { body: '{"id":1}' },
  );
  const [request] = requests;
  assert.equal(request!.path, '/sub/message');
  assert.equal(request!.headers['x-gotify-key'], 'AppToken');
  const { title, priority } = bodyOf(request);
  assert.deepEqual([title, priority], ['documents: backup failed', 8]);
});

describe('Pushover', () => {
  const at = (address: string): ChannelSettings => ({
    type: 'pushover',
    token: 'app-token',
    user: 'user-key',
    server: address,
    priority: 2,
  });

  test('a form within the limits', async () => {
    const { requests } = await send(at, reportOf('failed', { job: 'ö'.repeat(900) }), {
      body: '{"status":1,"request":"x"}',
    });
    assert.equal(requests[0]!.path, '/1/messages.json');
    const form = new URLSearchParams(requests[0]!.body);
    assert.deepEqual(
      ['token', 'user', 'priority', 'retry', 'expire', 'timestamp'].map((key) => form.get(key)),
      ['app-token', 'user-key', '2', '60', '3600', '1793523600'],
    );
    assert.ok(Buffer.byteLength(form.get('message') ?? '') <= 1024);
  });

  test('what it refuses', async () => {
    const { problem } = await send(at, evil, {
      status: 400,
      body: '{"user":"invalid","errors":["user identifier is invalid"],"status":0}',
    });
    assertProblem(problem, 'notify/refused', /user identifier is invalid/u);
  });
});

describe('PagerDuty', () => {
  const at = (address: string): ChannelSettings => ({
    type: 'pagerduty',
    routingKey: 'R'.repeat(32),
    server: address,
  });
  const answer = {
    status: 202,
    body: '{"status":"success","message":"Event processed","dedup_key":"x"}',
  };

  test('one incident for each job', async () => {
    const events: Json[] = [];
    for (const event of ['failed', 'missed', 'recovered'] as const)
      events.push(bodyOf((await send(at, reportOf(event), answer)).requests[0]));
    assert.deepEqual(
      events.map((event) => event['event_action']),
      ['trigger', 'trigger', 'resolve'],
    );
    assert.equal(new Set(events.map((event) => event['dedup_key'])).size, 1);
    assert.equal(events[0]!['routing_key'], 'R'.repeat(32));
    const { summary, source, severity, component } = events[0]!['payload'] as Json;
    assert.deepEqual(
      [summary, source, severity, component],
      ['documents: backup failed', 'nas.example.org', 'error', 'documents'],
    );
  });

  test('a wrong key', async () => {
    const { problem } = await send(at, reportOf('failed'), {
      status: 400,
      body: '{"status":"invalid event","errors":["Invalid routing key"]}',
    });
    assertProblem(problem, 'notify/refused', /Invalid routing key/u);
  });

  test('nothing for what is neither good nor bad', async () => {
    assert.deepEqual((await send(at, reportOf('started'), answer)).requests, []);
  });
});

test('Loki', async () => {
  const { requests } = await send(
    (address) => ({
      type: 'loki',
      url: address,
      labels: { site: 'home' },
      tenant: 't',
      user: 'u',
      password: 'pass',
    }),
    reportOf('failed'),
    { status: 204 },
  );
  const [request] = requests;
  assert.equal(request!.path, '/loki/api/v1/push');
  assert.equal(request!.headers['x-scope-orgid'], 't');
  const [stream] = bodyOf(request)['streams'] as { stream: Json; values: [string, string][] }[];
  assert.equal(stream!.stream['site'], 'home');
  assert.equal(stream!.values[0]![0], '1793523600000000000');
  assert.equal((JSON.parse(stream!.values[0]![1]) as Json)['result'], 'ERROR');
});
