import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, test } from 'node:test';

import { channelContext } from '#test/support/channel-context.ts';
import { connectProxy } from '#test/support/connect-proxy.ts';
import { FakeClock } from '#test/support/fake-clock.ts';
import { recordingHttp } from '#test/support/recording-http.ts';
import { reportOf } from '#test/support/sample-reports.ts';
import { temporaryDirectory } from '#test/support/temporary-directory.ts';
import { testCertificate } from '#test/servers/certificate.ts';
import { hasCode } from '../../base/errors.ts';
import type { SettingsOf } from '../channel.ts';
import { open } from './webhook.ts';

const clock = new FakeClock(Date.UTC(2026, 0, 1));

const openWebhook = (settings: Omit<SettingsOf<'webhook'>, 'type'>) =>
  open('hook', { type: 'webhook', ...settings }, channelContext({ clock }), {});

describe('webhook', () => {
  test('sends the report as JSON', async () => {
    await using server = await recordingHttp(() => ({ status: 202, body: 'taken' }));
    await using channel = await openWebhook({ url: `${server.address}/x?a=b` });
    assert.equal(await channel.send(reportOf('failed')), '202: taken');
    const [request] = server.requests;
    assert.equal(request!.method, 'POST');
    assert.equal(request!.path, '/x?a=b');
    assert.equal(request!.headers['content-type'], 'application/json');
    assert.equal(request!.headers['x-holdfast-id'], 'run1-failed');
    assert.equal(request!.headers['x-holdfast-event'], 'failed');
    const document = request!.json() as Record<string, unknown>;
    assert.equal(document['job'], 'documents');
    assert.equal(document['result'], 'ERROR');
    assert.equal(document['duration'], 95);
    assert.equal(document['lastSuccess'], '2026-10-30T09:00:00.000Z');
    assert.ok(!request!.body.includes('"output"'), 'what the steps printed stays here');
  });

  test('signs', async () => {
    await using server = await recordingHttp();
    await using channel = await openWebhook({ url: server.address, secret: 'shared-secret' });
    await channel.send(reportOf('failed'));
    const [{ headers, body }] = server.requests as [(typeof server.requests)[0]];
    const seconds = Date.UTC(2026, 0, 1) / 1000;
    const code = createHmac('sha256', 'shared-secret').update(`${seconds}.${body}`).digest('hex');
    assert.equal(headers['x-holdfast-signature'], `t=${seconds},v1=${code}`);
  });

  test('templates, with headers and credentials', async () => {
    await using server = await recordingHttp();
    await using channel = await openWebhook({
      url: `${server.address}/{{job}}`,
      method: 'PUT',
      headers: { 'X-Key': 'k-123456' },
      token: 'tok-123456',
      body: '{"text":"{{title}}","bytes":{{bytes}},"problem":{{json problem}},"100%":"%PARSEDRESULT% %unknown%"}',
    });
    await channel.send(reportOf('failed', { title: 'a "quoted"\nö \\ title', job: 'my job/1' }));
    const [request] = server.requests;
    assert.equal(request!.method, 'PUT');
    assert.equal(request!.path, '/my%20job%2F1');
    assert.equal(request!.headers['x-key'], 'k-123456');
    assert.equal(request!.headers['authorization'], 'Bearer tok-123456');
    assert.deepEqual(request!.json(), {
      text: 'a "quoted"\nö \\ title',
      bytes: 5_678_901_234,
      problem: {
        code: 'storage/unavailable',
        message: 'This is a test: nothing has failed',
        hint: 'Nothing has to be done',
      },
      '100%': 'Error %unknown%',
    });
  });

  test('a form', async () => {
    await using server = await recordingHttp();
    await using channel = await openWebhook({
      url: server.address,
      contentType: 'application/x-www-form-urlencoded',
      body: 'message={{title}}&host={{host}}',
    });
    await channel.send(reportOf('failed', { title: 'a & b = c' }));
    assert.equal(new URLSearchParams(server.requests[0]!.body).get('message'), 'a & b = c');
  });

  test('a field that there is not', async () => {
    await assert.rejects(openWebhook({ url: 'https://x.test', body: '{{problem.mesage}}' }), {
      code: 'input/invalid',
      message: 'A report has no field "problem.mesage"; did you mean "problem.message"?',
    });
  });

  for (const [status, code] of [
    [400, 'notify/refused'],
    [401, 'notify/refused'],
    [302, 'notify/refused'],
    [429, 'notify/failed'],
    [503, 'notify/failed'],
  ] as const) {
    test(`status ${status}`, async () => {
      await using server = await recordingHttp(() => ({
        status,
        headers: { location: 'http://127.0.0.1:1/', 'retry-after': '7' },
        body: 'No: tok-123456',
      }));
      await using channel = await openWebhook({
        url: `${server.address}/secret-path`,
        token: 'tok-123456',
      });
      await assert.rejects(channel.send(reportOf('failed')), (error) => {
        assert.ok(hasCode(error, code));
        assert.match(
          error.message,
          /^Cannot send to "hook" by 127\.0\.0\.1:\d+: .*\(No: \[secret\]\)$/u,
        );
        assert.equal(error.details['retryAfter'], 7000);
        return true;
      });
      assert.equal(server.requests.length, 1);
    });
  }

  test('a server that does not answer, and one that is not there', async () => {
    await using server = await recordingHttp(() => undefined);
    await using channel = await openWebhook({ url: server.address, timeout: '1s' });
    await assert.rejects(channel.send(reportOf('failed')), {
      code: 'notify/failed',
      message: /the server took too long to answer/u,
    });
    await using nobody = await openWebhook({ url: 'http://127.0.0.1:1/secret-path' });
    await assert.rejects(nobody.send(reportOf('failed')), {
      code: 'notify/failed',
      message: 'Cannot send to "hook" by 127.0.0.1:1: nothing answers at that address',
    });
  });

  test('certificates', async () => {
    await using directory = await temporaryDirectory();
    const certificate = await testCertificate(directory.path);
    await using server = await recordingHttp(undefined, certificate);
    await using stranger = await openWebhook({ url: server.address });
    await assert.rejects(stranger.send(reportOf('failed')), {
      code: 'notify/failed',
      message: /the server signed its certificate itself/u,
    });
    await using known = await openWebhook({
      url: server.address,
      caFile: certificate.certificate,
    });
    await known.send(reportOf('failed'));
    await using trusting = await openWebhook({ url: server.address, insecure: true });
    await trusting.send(reportOf('failed'));
    assert.equal(server.requests.length, 2);
    await assert.rejects(openWebhook({ url: server.address, caFile: '/nowhere.pem' }), {
      code: 'input/invalid',
    });
  });

  test('what cannot be an address or a header', async () => {
    await assert.rejects(openWebhook({ url: 'ftp://secret-host/' }), {
      code: 'input/invalid',
      message: 'The URL of the channel "hook" is not a web address',
    });
    await assert.rejects(
      openWebhook({ url: 'https://x.test', headers: { 'X-Key': 'secret\r\nX-Other: 1' } }),
      { code: 'input/invalid', message: 'The header "X-Key" of the channel "hook" cannot be sent' },
    );
  });

  test('a proxy, of the channel or of the environment, unless the host is excepted', async () => {
    await using server = await recordingHttp();
    await using proxy = await connectProxy();
    const url = `http://hooks.test:${server.port}/x`;
    await using own = await openWebhook({ url, proxy: proxy.url });
    await own.send(reportOf('failed'));
    const openWith = (environment: Readonly<Record<string, string>>, at: string) =>
      open('hook', { type: 'webhook', url: at }, channelContext({ environment }), {});
    await using general = await openWith({ HTTP_PROXY: proxy.url }, url);
    await general.send(reportOf('failed'));
    assert.deepEqual(proxy.asked, Array(2).fill(`hooks.test:${server.port}`));
    const excepted = { http_proxy: proxy.url, no_proxy: 'example.org, 127.0.0.1' };
    await using direct = await openWith(excepted, server.address);
    await direct.send(reportOf('failed'));
    assert.equal(server.requests.length, 3);
    assert.equal(proxy.asked.length, 2);
    await assert.rejects(openWebhook({ url, proxy: 'socks5://secret@x' }), (error) => {
      assert.ok(hasCode(error, 'input/invalid') && !error.message.includes('secret'));
      return true;
    });
  });

  test('an abort', async () => {
    const controller = new AbortController();
    await using server = await recordingHttp(() => {
      controller.abort(new Error('enough'));
      return undefined;
    });
    await using channel = await openWebhook({ url: server.address });
    await assert.rejects(channel.send(reportOf('failed'), controller), /enough/u);
  });
});
