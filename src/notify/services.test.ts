import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { channelContext } from '#test/support/channel-context.ts';
import { type Answer, recordingHttp, type RecordedRequest } from '#test/support/recording-http.ts';
import { reportOf } from '#test/support/sample-reports.ts';
import { AppError, type ErrorCode } from '../base/errors.ts';
import type { ChannelSettings } from '../model/channel.ts';
import type { Report } from '../model/report.ts';
import { openChannel } from './open-channel.ts';

// None of these services can be had here: the servers answer what their documentation says, and look at what it asks for.

/** Sends one report; what was sent, and what was said or thrown. */
async function send(
  settingsAt: (address: string) => ChannelSettings,
  report: Report,
  answer: Answer | ((request: RecordedRequest) => Answer) = {},
): Promise<{ requests: readonly RecordedRequest[]; said: string; problem: AppError | undefined }> {
  await using server = await recordingHttp(typeof answer === 'function' ? answer : () => answer);
  await using channel = await openChannel('ops', settingsAt(server.address), channelContext());
  try {
    const said = await channel.send(report);
    return { requests: server.requests, said, problem: undefined };
  } catch (error) {
    assert.ok(error instanceof AppError, String(error));
    return { requests: server.requests, said: '', problem: error };
  }
}

const assertProblem = (problem: AppError | undefined, code: ErrorCode, text: RegExp): void => {
  assert.equal(problem?.code, code);
  assert.match(problem!.message, text);
};

const evil = reportOf('failed', {
  job: 'a<b>&"*_`@everyone',
  title: '<!channel> @all *x*: failed',
});

type Json = Readonly<Record<string, unknown>>;
const bodyOf = (request: RecordedRequest | undefined): Json => request!.json() as Json;

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
    const { requests } = await send(
      (address) => ({ ...at(address), output: 'always' }) as ChannelSettings,
      { ...report, run: { ...report.run!, steps: [{ ...step!, output }] } },
    );
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

describe('Slack', () => {
  test('an incoming webhook; nobody is called', async () => {
    const { requests } = await send(
      (address) => ({ type: 'slack', url: `${address}/services/T00000000/B00000000/secrethook` }),
      evil,
      { body: 'ok' },
    );
    const { text, attachments } = bodyOf(requests[0]);
    assert.equal(text, '&lt;!channel&gt; @all *x*: failed');
    const [attachment] = attachments as Json[];
    assert.equal(attachment!['color'], '#d13438');
    assert.ok(!JSON.stringify(attachment).includes('<!channel>'));
    assert.deepEqual((attachment!['fields'] as Json[])[0], {
      title: 'Job',
      value: 'a&lt;b&gt;&amp;"*_`@everyone',
      short: true,
    });
  });

  test('a webhook that was removed', async () => {
    const { problem } = await send(
      (address) => ({ type: 'slack', url: `${address}/services/T00000000/B00000000/secrethook` }),
      evil,
      { status: 404, body: 'no_service' },
    );
    assertProblem(problem, 'notify/refused', /does not know that address \(no_service\)$/u);
    assert.ok(!problem!.message.includes('secrethook'));
  });

  test('the Web API: its errors come with status 200', async () => {
    const at = (address: string): ChannelSettings => ({
      type: 'slack',
      token: 'xoxb-secret',
      channel: 'C1',
      server: `${address}/api`,
    });
    const good = await send(at, evil, { body: '{"ok":true,"ts":"1"}' });
    assert.equal(good.requests[0]!.path, '/api/chat.postMessage');
    assert.equal(good.requests[0]!.headers['authorization'], 'Bearer xoxb-secret');
    assert.equal(bodyOf(good.requests[0])['channel'], 'C1');
    const wrong = await send(at, evil, { body: '{"ok":false,"error":"invalid_auth"}' });
    assertProblem(wrong.problem, 'notify/refused', /Slack refuses it .*invalid_auth/u);
    const busy = await send(at, evil, { body: '{"ok":false,"error":"internal_error"}' });
    assertProblem(busy.problem, 'notify/failed', /internal_error/u);
  });
});

describe('Discord', () => {
  const at = (address: string): ChannelSettings => ({
    type: 'discord',
    url: `${address}/api/webhooks/123456789/secret-token`,
    thread: '42',
  });

  test('one embed within the limits', async () => {
    const long = reportOf('failed', { job: 'x'.repeat(2000), title: '*'.repeat(300) });
    for (const report of [evil, long]) {
      const { requests } = await send(at, report, { body: '{}' });
      assert.equal(
        requests[0]!.path,
        '/api/webhooks/123456789/secret-token?wait=true&thread_id=42',
      );
      const { embeds, allowed_mentions: mentions } = bodyOf(requests[0]);
      assert.deepEqual(mentions, { parse: [] });
      const [embed] = embeds as Json[];
      const fields = embed!['fields'] as { name: string; value: string }[];
      assert.ok(String(embed!['title']).length <= 256 && fields.length <= 25);
      for (const { name, value } of fields) assert.ok(name.length <= 256 && value.length <= 1024);
      assert.ok(JSON.stringify(embed).length < 6000);
    }
  });

  test('too fast', async () => {
    const { problem } = await send(at, evil, {
      status: 429,
      body: '{"message":"You are being rate limited.","retry_after":1.5}',
    });
    assertProblem(problem, 'notify/failed', /fewer messages/u);
    assert.equal(problem!.details['retryAfter'], 1500);
  });
});

describe('Telegram', () => {
  const at = (address: string): ChannelSettings => ({
    type: 'telegram',
    token: '123456:secret-token',
    chats: ['-100', '@ops'],
    server: address,
  });

  test('each chat', async () => {
    const { requests } = await send(at, evil, { body: '{"ok":true,"result":{}}' });
    assert.deepEqual(
      requests.map((request) => [request.path, bodyOf(request)['chat_id']]),
      [
        ['/bot123456:secret-token/sendMessage', '-100'],
        ['/bot123456:secret-token/sendMessage', '@ops'],
      ],
    );
    const { text, parse_mode: mode, disable_notification: silent } = bodyOf(requests[0]);
    assert.equal(mode, 'HTML');
    assert.equal(silent, false);
    assert.match(String(text), /^<b>&lt;!channel&gt; @all \*x\*: failed<\/b>\n\nJob: a&lt;b&gt;/u);
    const good = await send(at, reportOf('succeeded'), { body: '{"ok":true}' });
    assert.equal(bodyOf(good.requests[0])['disable_notification'], true);
  });

  test('one chat that fails does not keep it from the others, and the others do not get it twice', async () => {
    let isDown = true;
    await using server = await recordingHttp((request) => {
      if (bodyOf(request)['chat_id'] === '-100' && isDown)
        return {
          status: 400,
          body: '{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}',
        };
      return { body: '{"ok":true}' };
    });
    await using channel = await openChannel('ops', at(server.address), channelContext());
    await assert.rejects(channel.send(evil), (error) => {
      assert.ok(error instanceof AppError);
      assertProblem(error, 'notify/refused', /chat not found/u);
      assert.match(error.hint ?? '', /write to the bot first/u);
      return true;
    });
    isDown = false;
    await channel.send(evil);
    const chats = server.requests.map((request) => bodyOf(request)['chat_id']);
    assert.deepEqual(chats, ['-100', '@ops', '-100']);
  });

  test('a wrong token, which is not told', async () => {
    const { problem } = await send(at, evil, {
      status: 401,
      body: '{"ok":false,"error_code":401,"description":"Unauthorized: bot123456:secret-token"}',
    });
    assertProblem(problem, 'notify/refused', /does not accept the credentials/u);
    assert.ok(!problem!.message.includes('secret-token'));
  });
});

describe('Matrix', () => {
  const answers = (request: RecordedRequest): Answer =>
    request.path.startsWith('/_matrix/client/v3/directory/room/')
      ? { body: '{"room_id":"!id:host","servers":["host"]}' }
      : { body: '{"event_id":"$x"}' };

  test('the alias of a room; the same transaction for the same report', async () => {
    await using server = await recordingHttp(answers);
    await using channel = await openChannel(
      'ops',
      { type: 'matrix', server: server.address, token: 'syt_secret', room: '#ops:host' },
      channelContext(),
    );
    await channel.send(evil);
    await channel.send(evil);
    const [lookup, first, second] = server.requests;
    assert.equal(lookup!.path, '/_matrix/client/v3/directory/room/%23ops%3Ahost');
    assert.equal(first!.method, 'PUT');
    assert.match(
      first!.path,
      /^\/_matrix\/client\/v3\/rooms\/!id%3Ahost\/send\/m\.room\.message\/[0-9a-f]{32}$/u,
    );
    assert.equal(second!.path, first!.path);
    assert.equal(first!.headers['authorization'], 'Bearer syt_secret');
    const { msgtype, format, formatted_body: html } = bodyOf(first);
    assert.deepEqual([msgtype, format], ['m.text', 'org.matrix.custom.html']);
    assert.match(String(html), /^<strong>&lt;!channel&gt;/u);
  });

  test('its errors', async () => {
    const at = (address: string): ChannelSettings => ({
      type: 'matrix',
      server: address,
      token: 'syt_secret',
      room: '!id:host',
    });
    const token = await send(at, evil, {
      status: 401,
      body: '{"errcode":"M_UNKNOWN_TOKEN","error":"Unknown token"}',
    });
    assertProblem(token.problem, 'notify/refused', /does not accept the token/u);
    const limit = await send(at, evil, {
      status: 429,
      body: '{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":2000}',
    });
    assert.equal(limit.problem?.details['retryAfter'], 2000);
  });
});

test('Teams: an adaptive card', async () => {
  const { requests, problem } = await send(
    (address) => ({ type: 'teams', url: `${address}/workflows/x?sig=secret-signature` }),
    evil,
    { status: 400, body: 'bad secret-signature' },
  );
  const { type, attachments } = bodyOf(requests[0]);
  assert.equal(type, 'message');
  const [attachment] = attachments as { contentType: string; content: Json }[];
  assert.equal(attachment!.contentType, 'application/vnd.microsoft.card.adaptive');
  assert.equal(attachment!.content['type'], 'AdaptiveCard');
  const [title, facts] = attachment!.content['body'] as Json[];
  assert.deepEqual(
    [title!['type'], title!['color'], facts!['type']],
    ['TextBlock', 'attention', 'FactSet'],
  );
  assert.match(String(title!['text']), /\\\*x\\\*/u);
  assertProblem(problem, 'notify/refused', /\(bad \[secret\]\)/u);
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

test('Mattermost', async () => {
  const { requests } = await send(
    (address) => ({
      type: 'mattermost',
      url: `${address}/hooks/secretkey`,
      channel: 'town',
      username: 'bk',
    }),
    evil,
    { body: 'ok' },
  );
  const { channel, username, attachments } = bodyOf(requests[0]);
  assert.deepEqual([channel, username], ['town', 'bk']);
  assert.ok(!/@(?:all|everyone)/u.test(JSON.stringify(attachments)), 'nobody is called');
});

test('Rocket.Chat', async () => {
  const at = (address: string): ChannelSettings => ({
    type: 'rocketchat',
    url: `${address}/hooks/id/secrettoken`,
    username: 'bk',
  });
  const { requests } = await send(at, evil, { body: '{"success":true}' });
  assert.equal(bodyOf(requests[0])['alias'], 'bk');
  const { problem } = await send(at, evil, { body: '{"success":false,"error":"invalid-channel"}' });
  assertProblem(problem, 'notify/refused', /invalid-channel/u);
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

test('a URL with options of its own', async () => {
  await using server = await recordingHttp();
  const url = `generic://127.0.0.1:${server.port}/x?disabletls=yes&template=json`;
  await using channel = await openChannel(
    'ops',
    { type: 'url', url, subject: '{result}' },
    channelContext(),
  );
  assert.equal(channel.address, `webhook at 127.0.0.1:${server.port}`);
  await channel.send(reportOf('failed'));
  assert.equal(bodyOf(server.requests[0])['title'], 'documents: backup failed');
});
