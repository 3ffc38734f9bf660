import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { channelSchema } from '../configuration/channel-schema.ts';
import { AppError } from '../base/errors.ts';
import { channelSchemes, channelTypeOf } from './channel-type.ts';
import { settingsFromUrl } from './channel-url.ts';

const cases: readonly (readonly [url: string, settings: Readonly<Record<string, unknown>>])[] = [
  // As Shoutrrr's documentation writes them.
  [
    'smtp://me:p%40ss@mail.test:2525/?from=a@x.test&to=b@y.test,c@z.test&encryption=ExplicitTLS&auth=Login',
    {
      type: 'mail',
      host: 'mail.test',
      port: 2525,
      encryption: 'starttls',
      user: 'me',
      password: 'p@ss',
      authentication: 'login',
      from: 'a@x.test',
      to: ['b@y.test', 'c@z.test'],
    },
  ],
  ['discord://token@id', { type: 'discord', url: 'https://discord.com/api/webhooks/id/token' }],
  [
    'gotify://gotify.example.com:443/path/to/AzyoeNS.D4iJLVa/?title=Great+News&priority=1',
    {
      type: 'gotify',
      server: 'https://gotify.example.com:443/path/to',
      token: 'AzyoeNS.D4iJLVa',
      priority: 1,
      subject: 'Great News',
    },
  ],
  [
    'mattermost://me@host/token/town',
    { type: 'mattermost', url: 'https://host/hooks/token', channel: 'town', username: 'me' },
  ],
  [
    'matrix://:secret@host:8448/?rooms=!id:host,',
    { type: 'matrix', server: 'https://host:8448', token: 'secret', room: '!id:host' },
  ],
  [
    'matrix://:secret@host/?rooms=alias&disabletls=yes',
    { type: 'matrix', server: 'http://host', token: 'secret', room: '#alias:host' },
  ],
  [
    'pushover://shoutrrr:apiToken@userKey/?devices=a,b&priority=1',
    { type: 'pushover', token: 'apiToken', user: 'userKey', device: 'a,b', priority: 1 },
  ],
  [
    'rocketchat://me@host/id/token/@somebody',
    {
      type: 'rocketchat',
      url: 'https://host/hooks/id/token',
      channel: '@somebody',
      username: 'me',
    },
  ],
  [
    'slack://hook:WNA3PBYV6-F20DUQND3RQ-Webc4MAvoacrpPakR8phF0zi@webhook?color=good&botname=x',
    {
      type: 'slack',
      url: 'https://hooks.slack.com/services/WNA3PBYV6/F20DUQND3RQ/Webc4MAvoacrpPakR8phF0zi',
    },
  ],
  ['slack://A/B/C', { type: 'slack', url: 'https://hooks.slack.com/services/A/B/C' }],
  [
    'slack://xoxb:123-456-abc@C001CH4NN3L',
    { type: 'slack', token: 'xoxb-123-456-abc', channel: 'C001CH4NN3L' },
  ],
  [
    'telegram://110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw@telegram?chats=@mychannel,-100:7&notification=no',
    {
      type: 'telegram',
      token: '110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw',
      chats: ['@mychannel', '-100'],
      silent: true,
    },
  ],
  [
    'teams://group@tenant/altId/owner?host=org.webhook.office.com',
    {
      type: 'teams',
      url: 'https://org.webhook.office.com/webhookb2/group@tenant/IncomingWebhook/altId/owner',
    },
  ],
  [
    'ntfy://:tk_abc@ntfy.test/alerts?priority=high&tags=a,b',
    {
      type: 'ntfy',
      server: 'https://ntfy.test',
      topic: 'alerts',
      token: 'tk_abc',
      priority: 4,
      tags: ['a', 'b'],
    },
  ],
  [
    'generic://example.com/{{job}}?@acceptLanguage=tlh-Piqd&template=json&a=b&_title=c',
    {
      type: 'webhook',
      url: 'https://example.com/{{job}}?a=b&title=c',
      headers: { 'accept-language': 'tlh-Piqd' },
      body: '{"title":"{{title}}","message":"{{text}}"}',
    },
  ],
  [
    'generic+https://example.com/api/v1/postStuff',
    { type: 'webhook', url: 'https://example.com/api/v1/postStuff' },
  ],
  // As Apprise's documentation writes them.
  ['discord://id/token', { type: 'discord', url: 'https://discord.com/api/webhooks/id/token' }],
  ['gotifys://host/token', { type: 'gotify', server: 'https://host', token: 'token' }],
  ['mmost://host:80/key', { type: 'mattermost', url: 'http://host:80/hooks/key' }],
  [
    'mmosts://host/key?channel=c',
    { type: 'mattermost', url: 'https://host/hooks/key', channel: 'c' },
  ],
  [
    'matrixs://token@host/#room',
    { type: 'matrix', server: 'https://host', token: 'token', room: '#room:host' },
  ],
  ['ntfy://topic', { type: 'ntfy', topic: 'topic' }],
  [
    'ntfys://me:pw@host/topic',
    { type: 'ntfy', server: 'https://host', topic: 'topic', user: 'me', password: 'pw' },
  ],
  ['pagerduty://key@other', { type: 'pagerduty', routingKey: 'key' }],
  [
    'pagerduty://key?region=eu',
    { type: 'pagerduty', routingKey: 'key', server: 'https://events.eu.pagerduty.com' },
  ],
  [
    'pover://user@token/DEVICE',
    { type: 'pushover', token: 'token', user: 'user', device: 'DEVICE' },
  ],
  [
    'rockets://id%2Ftoken@host/#general',
    { type: 'rocketchat', url: 'https://host/hooks/id/token', channel: '#general' },
  ],
  [
    'tgram://123456:abc-DEF/12315/-99',
    { type: 'telegram', token: '123456:abc-DEF', chats: ['12315', '-99'] },
  ],
  [
    'workflows://host:443/wf/sig',
    {
      type: 'teams',
      url: 'https://host:443/workflows/wf/triggers/manual/paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=sig',
    },
  ],
  [
    'mailtos://me:pw@x.test?to=b@y.test&name=Backup',
    {
      type: 'mail',
      host: 'x.test',
      encryption: 'starttls',
      user: 'me',
      password: 'pw',
      from: '"Backup" <me@x.test>',
      to: ['b@y.test'],
    },
  ],
  [
    'mailto://me:pw@x.test:587?smtp=mail.x.test&mode=ssl',
    {
      type: 'mail',
      host: 'mail.x.test',
      encryption: 'tls',
      user: 'me',
      password: 'pw',
      from: 'me@x.test',
      to: ['me@x.test'],
    },
  ],
  ['syslog://', { type: 'syslog' }],
  ['syslog://local3', { type: 'syslog', facility: 'local3' }],
  ['rsyslog://host:1514/cron', { type: 'syslog', address: 'udp://host:1514', facility: 'cron' }],
  // Ours.
  ['syslog+tls://host', { type: 'syslog', address: 'tls://host' }],
  [
    'hc://hc-ping.com/key/{{job}}?create=1&timeout=10',
    {
      type: 'healthchecks',
      url: 'https://hc-ping.com/key/{{job}}',
      create: true,
      timeout: '10s',
    },
  ],
  [
    'hc://5a1f1b2c-0000-4000-8000-000000000000',
    { type: 'healthchecks', url: 'https://hc-ping.com/5a1f1b2c-0000-4000-8000-000000000000' },
  ],
  [
    'healthchecks+http://host:8000/ping/abc',
    { type: 'healthchecks', url: 'http://host:8000/ping/abc' },
  ],
  ['kuma://host/token', { type: 'uptime-kuma', url: 'https://host/api/push/token' }],
  ['uptime-kuma+https://host/api/push/t', { type: 'uptime-kuma', url: 'https://host/api/push/t' }],
  [
    'loki://me:pw@host?tenant=t',
    { type: 'loki', url: 'https://host', tenant: 't', user: 'me', password: 'pw' },
  ],
  [
    'zabbix://host:10051/web?key=k',
    { type: 'zabbix', server: 'host:10051', host: 'web', key: 'k' },
  ],
  ['https://x.test/a?title=b', { type: 'webhook', url: 'https://x.test/a?title=b' }],
  [
    'smtps://mail.test/?from=a@x.test&to=b@y.test&verify=no&output=failures',
    {
      type: 'mail',
      host: 'mail.test',
      encryption: 'tls',
      from: 'a@x.test',
      to: ['b@y.test'],
      insecure: true,
      output: 'failures',
    },
  ],
];

describe('addresses of channels', () => {
  for (const [url, settings] of cases) {
    test(url, () => {
      const found = settingsFromUrl('ops', url);
      assert.deepEqual({ ...found }, settings);
      const checked = channelSchema.safeParse(found);
      assert.ok(checked.success, JSON.stringify(checked.error?.issues));
      assert.equal(channelTypeOf({ type: 'url', url }), found.type);
    });
  }

  for (const [url, sentence] of [
    ['nonsense', /is not a URL$/u],
    ['ntfi://host/topic-secret', /unknown scheme "ntfi"; did you mean "ntfy"\?$/u],
    ['gotify://host', /is not complete$/u],
    ['slack://a-secret/b', /is not complete$/u],
    ['telegram://secret@telegram?chats=a', /is not complete$/u],
    ['smtp://me:secret@host/?to=a@b.c', /is not complete$/u],
    [
      'smtp://host/?form=a@b.c&from=a@b.c&to=a@b.c',
      /unknown option "form"; did you mean "from"\?$/u,
    ],
    ['smtp://host/?from=a@b.c&to=secret', /A mail address of the channel "ops" is not one$/u],
    ['smtp://host/?from=a@b.c&to=a@b.c&encryption=secret', /"encryption" .* is one of/u],
    ['smtp://host:99999/?from=a@b.c&to=a@b.c', /is not a host with a port$/u],
    ['ntfy://host/topic?priority=9', /a number from 1 to 5/u],
    ['matrix://me:secret@host/!room:host', /cannot sign in to Matrix by user and password$/u],
    ['syslog://secret-host', /unknown facility/u],
  ] as const) {
    test(`not ${url}`, () => {
      assert.throws(
        () => settingsFromUrl('ops', url),
        (error) => {
          assert.ok(error instanceof AppError);
          assert.equal(error.code, 'input/invalid');
          assert.match(error.message, sentence);
          assert.ok(!error.message.includes('secret'));
          return true;
        },
      );
    });
  }

  test('whatever is written after a scheme is settings or a clear error', () => {
    const scheme = fc.constantFrom(...Object.keys(channelSchemes));
    fc.assert(
      fc.property(scheme, fc.string({ unit: 'binary' }), (name, rest) => {
        try {
          settingsFromUrl('ops', `${name}://${rest}`);
        } catch (error) {
          assert.ok(error instanceof AppError && error.code === 'input/invalid', String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
});
