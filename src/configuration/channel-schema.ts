import { z } from 'zod';

import { didYouMean } from '../base/did-you-mean.ts';
import { syslogFacilities } from '../model/channel.ts';
import type { ChannelSettings } from '../model/channel.ts';
import { duration, secretValue, size, strictObject } from './schema/values.ts';

const text = z.string().min(1);
const flag = z.boolean();

/** Text or list of texts; a comma parts them in a text: addresses and chats have none in them. */
const list = z
  .union([
    text.transform((value) =>
      value
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    ),
    z.array(text),
  ])
  .pipe(z.array(text).min(1));

/** A public address, without secrets. */
const webAddress = z
  .string()
  .regex(/^https?:\/\/[^\s/]/iu, { error: 'An address begins with https:// or http://' });

const portNumber = z.int().min(1).max(65_535);

/** `ops@example.org` or `Operations <ops@example.org>`; no line breaks, which would begin another header. */
const mailAddress = z
  .string()
  .regex(/^(?:[^\s<>@,]+@[^\s<>@,]+|[^<>\r\n]*<[^\s<>@,]+@[^\s<>@,]+>)$/u, {
    error: 'A mail address is written name@host or Name <name@host>',
  });

const mailAddresses = list.pipe(z.array(mailAddress));

const base = {
  enabled: flag.exactOptional(),
  subject: text.exactOptional(),
  output: z.enum(['never', 'failures', 'always']).exactOptional(),
  timeout: duration.exactOptional(),
};

const http = {
  ...base,
  caFile: text.exactOptional(),
  insecure: flag.exactOptional(),
  proxy: secretValue.exactOptional(),
};

const digest = strictObject({
  at: z
    .string()
    .regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/u, { error: 'A time of the day is written HH:MM' }),
  days: z
    .array(z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']))
    .min(1)
    .exactOptional(),
  only: flag.exactOptional(),
});

const types = [
  strictObject({ type: z.literal('url').default('url'), ...base, url: secretValue }),
  strictObject({
    type: z.literal('mail'),
    ...base,
    host: text,
    port: portNumber.exactOptional(),
    encryption: z.enum(['tls', 'starttls', 'opportunistic', 'none']).exactOptional(),
    user: text.exactOptional(),
    password: secretValue.exactOptional(),
    authentication: z.enum(['plain', 'login', 'cram-md5', 'xoauth2']).exactOptional(),
    oauth: strictObject({
      clientId: text,
      clientSecret: secretValue,
      refreshToken: secretValue,
      tokenUrl: webAddress,
    }).exactOptional(),
    from: mailAddress,
    to: mailAddresses,
    cc: mailAddresses.exactOptional(),
    bcc: mailAddresses.exactOptional(),
    replyTo: mailAddress.exactOptional(),
    helloName: text.exactOptional(),
    format: z.enum(['both', 'text']).exactOptional(),
    attach: size.exactOptional(),
    digest: digest.exactOptional(),
    caFile: text.exactOptional(),
    insecure: flag.exactOptional(),
  }),
  strictObject({
    type: z.literal('webhook'),
    ...http,
    url: secretValue,
    method: z.enum(['GET', 'POST', 'PUT', 'PATCH']).exactOptional(),
    headers: z.record(text, secretValue).exactOptional(),
    body: z.string().exactOptional(),
    contentType: text.exactOptional(),
    secret: secretValue.exactOptional(),
    signatureHeader: text.exactOptional(),
    user: text.exactOptional(),
    password: secretValue.exactOptional(),
    token: secretValue.exactOptional(),
  }),
  strictObject({
    type: z.literal('healthchecks'),
    ...http,
    url: secretValue,
    create: flag.exactOptional(),
  }),
  strictObject({ type: z.literal('uptime-kuma'), ...http, url: secretValue }),
  strictObject({
    type: z.literal('ntfy'),
    ...http,
    server: webAddress.exactOptional(),
    topic: secretValue,
    token: secretValue.exactOptional(),
    user: text.exactOptional(),
    password: secretValue.exactOptional(),
    priority: z.int().min(1).max(5).exactOptional(),
    tags: list.exactOptional(),
    click: text.exactOptional(),
  }),
  strictObject({
    type: z.literal('gotify'),
    ...http,
    server: webAddress,
    token: secretValue,
    priority: z.int().min(0).max(10).exactOptional(),
  }),
  strictObject({
    type: z.literal('slack'),
    ...http,
    url: secretValue.exactOptional(),
    token: secretValue.exactOptional(),
    channel: text.exactOptional(),
    server: webAddress.exactOptional(),
  }).refine(
    ({ url, token, channel }) =>
      url === undefined
        ? token !== undefined && channel !== undefined
        : token === undefined && channel === undefined,
    { error: 'Slack needs either the "url" of an incoming webhook or a "token" with a "channel"' },
  ),
  strictObject({
    type: z.literal('discord'),
    ...http,
    url: secretValue,
    username: text.exactOptional(),
    avatarUrl: webAddress.exactOptional(),
    thread: text.exactOptional(),
  }),
  strictObject({
    type: z.literal('telegram'),
    ...http,
    token: secretValue,
    chats: z.union([z.int().transform((id) => [String(id)]), list]),
    thread: z.int().exactOptional(),
    silent: flag.exactOptional(),
    server: webAddress.exactOptional(),
  }),
  strictObject({
    type: z.literal('matrix'),
    ...http,
    server: webAddress,
    token: secretValue,
    room: z
      .string()
      .regex(/^[!#]\S+$/u, { error: 'A room is written !id:server or #alias:server' }),
  }),
  strictObject({ type: z.literal('teams'), ...http, url: secretValue }),
  strictObject({
    type: z.literal('pushover'),
    ...http,
    token: secretValue,
    user: secretValue,
    device: text.exactOptional(),
    sound: text.exactOptional(),
    priority: z.int().min(-2).max(2).exactOptional(),
    server: webAddress.exactOptional(),
  }),
  strictObject({
    type: z.literal('pagerduty'),
    ...http,
    routingKey: secretValue,
    severity: z.enum(['critical', 'error', 'warning', 'info']).exactOptional(),
    server: webAddress.exactOptional(),
  }),
  strictObject({
    type: z.literal('mattermost'),
    ...http,
    url: secretValue,
    channel: text.exactOptional(),
    username: text.exactOptional(),
    iconUrl: webAddress.exactOptional(),
  }),
  strictObject({
    type: z.literal('rocketchat'),
    ...http,
    url: secretValue,
    channel: text.exactOptional(),
    username: text.exactOptional(),
  }),
  strictObject({
    type: z.literal('loki'),
    ...http,
    url: secretValue,
    labels: z
      .record(
        z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/u, {
          error: 'A label has letters, digits and "_", and does not begin with a digit',
        }),
        z.string(),
      )
      .exactOptional(),
    tenant: text.exactOptional(),
    user: text.exactOptional(),
    password: secretValue.exactOptional(),
  }),
  strictObject({
    type: z.literal('zabbix'),
    ...base,
    server: text,
    host: text.exactOptional(),
    key: text.exactOptional(),
  }),
  strictObject({
    type: z.literal('syslog'),
    ...base,
    address: z
      .string()
      .regex(/^(?:unix:\/\/\/.+|(?:udp|tcp|tls):\/\/[^\s/]+)$/u, {
        error:
          'An address of syslog is written unix:///dev/log, udp://host, tcp://host or tls://host',
      })
      .exactOptional(),
    facility: z.enum(syslogFacilities).exactOptional(),
    application: z
      .string()
      .regex(/^[\x21-\x7e]{1,48}$/u, { error: 'The name of an application has no spaces' })
      .exactOptional(),
    caFile: text.exactOptional(),
    insecure: flag.exactOptional(),
  }),
  strictObject({
    type: z.literal('script'),
    ...base,
    command: z.union([text, z.array(text).min(1)]),
    environment: z.record(text, secretValue).exactOptional(),
  }),
] as const;

/** What `type` may be. */
const typeNames = types.map(({ shape }) => {
  const type = shape.type;
  return type instanceof z.ZodDefault ? 'url' : type.value;
});

/** A channel: its URL as a text, or an object. Without `type` the object is that of a URL. */
export const channelSchema: z.ZodType<ChannelSettings> = z
  .union([
    text.transform((url): ChannelSettings => ({ type: 'url', url })),
    z.discriminatedUnion('type', types, {
      error: (issue) => (issue.code === 'invalid_union' ? unknownType(issue.input) : undefined),
    }),
  ])
  .meta({
    description:
      'Where to tell it: a URL such as ntfy://ntfy.sh/topic or smtps://user:password@host/?from=a@b.c&to=d@e.f, or an object with a "type"',
  });

function unknownType(input: unknown): string {
  const type = typeof input === 'object' && input !== null && 'type' in input ? input.type : '';
  const name = typeof type === 'string' ? type : JSON.stringify(type);
  const nearest = didYouMean(name, typeNames);
  return `There is no type of channel "${name}"${nearest === undefined ? `: it is one of ${typeNames.join(', ')}` : `; did you mean "${nearest}"?`}`;
}
