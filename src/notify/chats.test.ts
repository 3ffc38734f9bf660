import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { channelContext } from '#test/support/channel-context.ts';
import { type Answer, recordingHttp, type RecordedRequest } from '#test/support/recording-http.ts';
import { reportOf } from '#test/support/sample-reports.ts';
import { assertProblem, bodyOf, type Json, send } from '#test/support/sent-report.ts';
import { AppError } from '../base/errors.ts';
import type { ChannelSettings } from '../model/channel.ts';
import { openChannel } from './open-channel.ts';

// None of these services can be had here: the servers answer what their documentation says, and look at what it asks for.

const evil = reportOf('failed', {
  job: 'a<b>&"*_`@everyone',
  title: '<!channel> @all *x*: failed',
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
