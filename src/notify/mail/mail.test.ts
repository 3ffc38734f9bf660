import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

import { channelContext } from '#test/support/channel-context.ts';
import { recordingHttp } from '#test/support/recording-http.ts';
import { reportOf } from '#test/support/sample-reports.ts';
import { type EximServer, noExim, startExim } from '#test/servers/exim.ts';
import { hasCode } from '../../base/errors.ts';
import type { SettingsOf } from '../channel.ts';
import { open } from './mail.ts';

type Settings = SettingsOf<'mail'>;

const openMail = (settings: Partial<Settings> & Pick<Settings, 'host' | 'port'>) =>
  open(
    'ops',
    { type: 'mail', from: 'Backups <backup@x.test>', to: ['ops@y.test'], ...settings },
    channelContext(),
    {},
  );

const header = (mail: string, name: string): string | undefined =>
  new RegExp(`^${name}: (.*(?:\\r?\\n[ \\t].*)*)`, 'imu')
    .exec(mail)?.[1]
    ?.replaceAll(/\r?\n\s*/gu, ' ');

const decoded = (mail: string): string =>
  Buffer.from(
    mail
      .replaceAll(/=\r?\n/gu, '')
      .replaceAll(/=([0-9A-F]{2})/gu, (_, hex: string) =>
        String.fromCharCode(Number.parseInt(hex, 16)),
      ),
    'latin1',
  ).toString('utf8');

const skip = noExim();

describe('mail through a real server', { skip }, () => {
  let exim: EximServer;
  let reach: { host: string; port: number; user: string; password: string; caFile: string };
  before(async () => {
    exim = await startExim();
    const { port, user, password, certificate } = exim;
    reach = { host: 'localhost', port, user, password, caFile: certificate };
  });
  after(() => exim[Symbol.asyncDispose]());

  for (const authentication of [undefined, 'plain', 'login', 'cram-md5'] as const) {
    test(`STARTTLS with ${authentication ?? 'what is offered'}`, async () => {
      await exim.clear();
      await using channel = await openMail({ ...reach, ...(authentication && { authentication }) });
      assert.match(await channel.send(reportOf('failed')), /^250 /u);
      const [mail] = await exim.waitForMails(1);
      assert.match(mail!, /with esmtpsa/u, 'encrypted and signed in');
    });
  }

  test('TLS from the first byte', async () => {
    await exim.clear();
    await using channel = await openMail({ ...reach, port: exim.smtpsPort, encryption: 'tls' });
    await channel.send(reportOf('failed'));
    assert.match((await exim.waitForMails(1))[0]!, /with esmtpsa/u);
  });

  test('what a mail says', async () => {
    await exim.clear();
    await using channel = await openMail({
      ...reach,
      to: ['ops@y.test', 'Chief <chief@y.test>'],
      bcc: ['hidden@y.test'],
    });
    const report = reportOf('failed', { title: 'dokumente: Sicherung fehlgeschlagen – ö' });
    await channel.send(report);
    const mails = await exim.waitForMails(3);
    assert.deepEqual(
      mails.map((each) => header(each, 'Envelope-to') ?? '').toSorted((a, b) => (a < b ? -1 : 1)),
      ['chief@y.test', 'hidden@y.test', 'ops@y.test'],
    );
    const [mail] = mails;
    assert.equal(header(mail!, 'To'), 'ops@y.test, Chief <chief@y.test>');
    assert.equal(header(mail!, 'From'), 'Backups <backup@x.test>');
    assert.equal(header(mail!, 'Auto-Submitted'), 'auto-generated');
    assert.equal(header(mail!, 'Date'), 'Sun, 01 Nov 2026 09:00:00 +0000');
    assert.match(header(mail!, 'Message-ID') ?? '', /^<[0-9a-f]{32}@nas\.example\.org>$/u);
    assert.match(header(mail!, 'Subject') ?? '', /^=\?UTF-8\?/u);
    assert.match(mail!, /text\/plain; charset=utf-8/u);
    assert.match(mail!, /text\/html; charset=utf-8/u);
    assert.ok(!/^Bcc:/imu.test(mail!));
    const text = decoded(mail!);
    assert.match(text, /Sicherung fehlgeschlagen – ö/u);
    assert.match(text, /Started: +2026-11-01 09:58:25/u, 'in the zone of the report');
    assert.ok(!text.includes('This is a test\r\n  '), 'no output unless it is asked for');
  });

  test('the same report again is the same mail; those of a job make a thread', async () => {
    await exim.clear();
    await using channel = await openMail(reach);
    await channel.send(reportOf('failed'));
    await channel.send(reportOf('failed'));
    await channel.send(reportOf('recovered'));
    const mails = await exim.waitForMails(3);
    assert.equal(new Set(mails.map((mail) => header(mail, 'Message-ID'))).size, 2);
    assert.equal(new Set(mails.map((mail) => header(mail, 'References'))).size, 1);
  });

  test('a wrong password', async () => {
    await using channel = await openMail({ ...reach, password: 'wrong-password' });
    await assert.rejects(channel.send(reportOf('failed')), (error) => {
      assert.ok(hasCode(error, 'notify/refused'));
      assert.match(error.message, /does not accept the user and password \(535 /u);
      assert.ok(!error.message.includes('wrong-password'));
      return true;
    });
  });

  test('recipients who are put off or refused', async () => {
    await exim.clear();
    await using deferred = await openMail({ ...reach, to: ['temp@y.test'] });
    await assert.rejects(deferred.send(reportOf('failed')), { code: 'notify/failed' });
    await using refused = await openMail({ ...reach, to: ['reject@y.test'] });
    await assert.rejects(refused.send(reportOf('failed')), {
      code: 'notify/refused',
      message: /550 no such user/u,
    });
    await using mixed = await openMail({ ...reach, to: ['a@y.test', 'temp@y.test'] });
    await assert.rejects(mixed.send(reportOf('failed')), {
      code: 'notify/failed',
      message: /not for temp@y\.test \(451 /u,
    });
    assert.equal(header((await exim.waitForMails(1))[0]!, 'Envelope-to'), 'a@y.test');
    await assert.rejects(mixed.send(reportOf('failed')), (error) => {
      assert.ok(hasCode(error, 'notify/failed') && error.details['partial'] === true);
      return true;
    });
    assert.equal((await exim.mails()).length, 1, 'who has it does not get it again');
  });

  test('without a user any encryption is better than none', async () => {
    await exim.clear();
    await using channel = await openMail({
      host: '127.0.0.1',
      port: exim.port,
      to: ['x@open.test'],
    });
    await channel.send(reportOf('missed'));
    assert.match((await exim.waitForMails(1))[0]!, /with esmtps +\(TLS/u);
  });

  test('none at all, if that is wanted', async () => {
    await exim.clear();
    await using channel = await openMail({
      host: '127.0.0.1',
      port: exim.port,
      to: ['x@open.test'],
      encryption: 'none',
    });
    await channel.send(reportOf('missed'));
    assert.match((await exim.waitForMails(1))[0]!, /with esmtp \(Exim/u);
  });

  test('a password does not go to a server that nobody vouches for', async () => {
    const { port, user, password } = reach;
    await using channel = await open(
      'ops',
      { type: 'mail', host: 'localhost', port, user, password, from: 'a@x.test', to: ['b@y.test'] },
      channelContext(),
      {},
    );
    await assert.rejects(channel.send(reportOf('failed')), {
      code: 'notify/failed',
      message: /the server signed its certificate itself/u,
    });
  });

  test('a digest has every report', async () => {
    await exim.clear();
    await using channel = await openMail(reach);
    const reports = [
      reportOf('succeeded', { id: 'a', job: 'pictures', title: 'pictures: backup succeeded' }),
      reportOf('failed', { id: 'b' }),
    ];
    await channel.sendDigest!(reports);
    const text = decoded((await exim.waitForMails(1))[0]!);
    assert.match(text, /Subject: Backup digest of nas\.example\.org: 1 bad, 1 good/u);
    assert.match(text, /pictures: backup succeeded[^]*documents: backup failed/u);
  });

  test('what the steps printed, if it is let out', async () => {
    await exim.clear();
    await using channel = await openMail({ ...reach, output: 'failures', attach: '1k' });
    const report = reportOf('failed');
    const [step] = report.run!.steps;
    const output = `first line\n${'x'.repeat(5000)}\nlast line\n`;
    await channel.send({ ...report, run: { ...report.run!, steps: [{ ...step!, output }] } });
    const [mail] = await exim.waitForMails(1);
    assert.match(decoded(mail!), /Output:\r?\nfirst line/u);
    const attached = /filename=documents-.*\.log\r?\n\r?\n([^]*?)\r?\n--/u.exec(mail!)?.[1];
    const log = Buffer.from(attached!, 'base64').toString('utf8');
    assert.ok(log.length === 1024 && log.includes('last line') && !log.includes('first line'));
  });
});

/** For what exim does not do: a server that is told what to answer. */
async function scripted(
  options: SMTPServerOptions,
): Promise<AsyncDisposable & { readonly port: number; readonly mails: string[] }> {
  const mails: string[] = [];
  const server = new SMTPServer({
    hideSTARTTLS: true,
    allowInsecureAuth: true,
    onData(stream, _session, callback) {
      let mail = '';
      stream.on('data', (piece: Buffer) => (mail += piece.toString()));
      stream.on('end', () => {
        mails.push(mail);
        callback();
      });
    },
    ...options,
  });
  server.on('error', () => undefined);
  const port = await new Promise<number>((resolve) => {
    const listener = server.listen(0, '127.0.0.1', () => {
      const address = listener.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
  return {
    port,
    mails,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
}

describe('mail through servers that behave otherwise', () => {
  const credentials = { host: '127.0.0.1', user: 'bk', password: 'tokentoken' };

  test('no STARTTLS where it is required: nothing is sent', async () => {
    let signedIn = false;
    await using server = await scripted({
      onAuth(_auth, _session, callback) {
        signedIn = true;
        callback(null, { user: 'bk' });
      },
    });
    await using channel = await openMail({ ...credentials, port: server.port });
    await assert.rejects(channel.send(reportOf('failed')), { code: 'notify/failed' });
    assert.ok(!signedIn);
    await using opportunistic = await openMail({
      ...credentials,
      port: server.port,
      encryption: 'opportunistic',
    });
    await opportunistic.send(reportOf('failed'));
    assert.ok(signedIn);
  });

  test('XOAUTH2', async () => {
    await using server = await scripted({
      authMethods: ['XOAUTH2'],
      onAuth({ method, accessToken }, _session, callback) {
        assert.equal(method, 'XOAUTH2');
        if (accessToken === 'tokentoken') callback(null, { user: 'bk' });
        else callback(null, { data: { status: '401', schemes: 'bearer' } });
      },
    });
    const settings = { ...credentials, port: server.port, encryption: 'none' } as const;
    await using channel = await openMail({ ...settings, authentication: 'xoauth2' });
    await channel.send(reportOf('failed'));
    assert.equal(server.mails.length, 1);
    await using wrong = await openMail({
      ...settings,
      authentication: 'xoauth2',
      password: 'expired-token',
    });
    await assert.rejects(wrong.send(reportOf('failed')), { code: 'notify/refused' });
  });

  test('XOAUTH2 with a refresh token', async () => {
    await using tokens = await recordingHttp(({ body }) =>
      new URLSearchParams(body).get('refresh_token') === 'refresh-token'
        ? { body: '{"access_token":"fresh-token","token_type":"Bearer","expires_in":3600}' }
        : { status: 400, body: '{"error":"invalid_grant","error_description":"no: other-token"}' },
    );
    await using server = await scripted({
      authMethods: ['XOAUTH2'],
      onAuth({ accessToken }, _session, callback) {
        if (accessToken === 'fresh-token') callback(null, { user: 'bk' });
        else callback(null, { data: { status: '401', schemes: 'bearer' } });
      },
    });
    const settings = (refreshToken: string) => ({
      host: '127.0.0.1',
      port: server.port,
      encryption: 'none' as const,
      user: 'bk',
      oauth: {
        clientId: 'client',
        clientSecret: 'client-secret',
        refreshToken,
        tokenUrl: `${tokens.address}/token`,
      },
    });
    await using channel = await openMail(settings('refresh-token'));
    await channel.send(reportOf('failed'));
    assert.equal(server.mails.length, 1);
    const form = new URLSearchParams(tokens.requests[0]!.body);
    assert.deepEqual(
      ['grant_type', 'client_id', 'client_secret'].map((key) => form.get(key)),
      ['refresh_token', 'client', 'client-secret'],
    );
    await using revoked = await openMail(settings('other-token'));
    await assert.rejects(revoked.send(reportOf('failed')), (error) => {
      assert.ok(hasCode(error, 'notify/refused'));
      assert.ok(!error.message.includes('other-token'), error.message);
      return true;
    });
  });

  test('a server that cannot check passwords just now is tried again', async () => {
    await using server = await scripted({
      onAuth(_auth, _session, callback) {
        callback(
          Object.assign(new Error('Temporary authentication failure'), { responseCode: 454 }),
        );
      },
    });
    await using channel = await openMail({ ...credentials, port: server.port, encryption: 'none' });
    await assert.rejects(channel.send(reportOf('failed')), { code: 'notify/failed' });
  });

  test('a server that repeats the password', async () => {
    await using server = await scripted({
      onAuth({ password }, _session, callback) {
        callback(Object.assign(new Error(`No: ${String(password)}`), { responseCode: 535 }));
      },
    });
    await using channel = await openMail({ ...credentials, port: server.port, encryption: 'none' });
    await assert.rejects(channel.send(reportOf('failed')), {
      code: 'notify/refused',
      message: /No: \[secret\]/u,
    });
  });

  test('a server that says nothing, and one that is not there', async () => {
    await using server = await scripted({ onConnect: () => undefined });
    await using silent = await openMail({ host: '127.0.0.1', port: server.port, timeout: '1s' });
    await assert.rejects(silent.send(reportOf('failed')), {
      code: 'notify/failed',
      message: /does not answer/u,
    });
    await using nobody = await openMail({ host: '127.0.0.1', port: 1 });
    await assert.rejects(nobody.send(reportOf('failed')), {
      code: 'notify/failed',
      message: /nothing answers at that address/u,
    });
  });

  test('an abort', async () => {
    const connected = Promise.withResolvers<void>();
    await using server = await scripted({ onConnect: () => connected.resolve() });
    await using channel = await openMail({ host: '127.0.0.1', port: server.port });
    const controller = new AbortController();
    const sending = channel.send(reportOf('failed'), controller);
    await connected.promise;
    controller.abort(new Error('enough'));
    await assert.rejects(sending, /enough/u);
  });

  test('a user without a password', async () => {
    await assert.rejects(openMail({ host: 'x', port: 25, user: 'bk' }), { code: 'input/invalid' });
  });
});
