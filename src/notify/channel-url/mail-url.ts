import { AppError } from '../../base/errors.ts';
import type { MailChannel } from '../../model/channel.ts';
import { hostAndPort } from '../host-and-port.ts';
import { badUrl, type UrlParts } from './url-parts.ts';

/** Stands for no port: nobody listens to mail there. */
const unsaid = 65_535;

const form = 'smtp://user:password@host:port/?from=a@b.c&to=d@e.f';

const encryptions: Readonly<Record<string, MailChannel['encryption'] | 'default'>> = {
  auto: 'default',
  tls: 'tls',
  ssl: 'tls',
  implicittls: 'tls',
  starttls: 'starttls',
  explicittls: 'starttls',
  opportunistic: 'opportunistic',
  none: 'none',
  insecure: 'none',
};

const authentications: Readonly<Record<string, MailChannel['authentication'] | 'default'>> = {
  plain: 'plain',
  login: 'login',
  crammd5: 'cram-md5',
  'cram-md5': 'cram-md5',
  oauth2: 'xoauth2',
  xoauth2: 'xoauth2',
  unknown: 'default',
  none: 'default',
};

/** `smtp://` and `smtps://` as Shoutrrr writes them, `mailto://` and `mailtos://` as Apprise does, where the recipients may stand in the path. */
export function mailFromUrl(name: string, parts: UrlParts): MailChannel {
  const { scheme, user, password, query, path } = parts;
  const byApprise = scheme.startsWith('mailto');
  const server = query.get('smtp') ?? parts.host;
  if (server === '') throw badUrl(name, form);
  const { host, port } = hostAndPort(server, unsaid);
  const own = user === undefined || user.includes('@') ? user : `${user}@${domainOf(parts.host)}`;
  const from = query.get('from', 'fromaddress') ?? (byApprise ? own : undefined);
  const to =
    query.list('to', 'toaddresses') ??
    (path.length > 0 ? path : byApprise && from !== undefined ? [from] : undefined);
  if (from === undefined || to === undefined) throw badUrl(name, form);
  for (const address of [from, ...to]) checkAddress(name, address);
  const encryption = encryptionOf(name, parts);
  const authentication = chosen(name, 'auth', query.get('auth'), authentications);
  const helloName = query.get('helo', 'ehlo');
  const cc = query.list('cc');
  const bcc = query.list('bcc');
  const replyTo = query.get('reply', 'replyto');
  return {
    type: 'mail',
    host,
    ...(port !== unsaid && { port }),
    ...(encryption !== undefined && { encryption }),
    ...(user !== undefined && { user: query.get('user') ?? user }),
    ...(password !== undefined && { password }),
    ...(authentication !== undefined && { authentication }),
    from: named(from, query.get('fromname', 'name')),
    to,
    ...(cc !== undefined && { cc }),
    ...(bcc !== undefined && { bcc }),
    ...(replyTo !== undefined && { replyTo }),
    ...(helloName !== undefined && { helloName }),
  };
}

function encryptionOf(name: string, { scheme, query }: UrlParts): MailChannel['encryption'] {
  const said = chosen(name, 'encryption', query.get('encryption', 'mode'), encryptions);
  if (said !== undefined) return said;
  if (query.flag('usestarttls', 'starttls') === false) return 'none';
  if (scheme === 'smtps') return 'tls';
  return scheme === 'mailtos' ? 'starttls' : undefined;
}

function chosen<Value extends string | undefined>(
  name: string,
  option: string,
  text: string | undefined,
  table: Readonly<Record<string, Value | 'default'>>,
): Value | undefined {
  if (text === undefined) return undefined;
  const key = text.toLowerCase();
  if (!Object.hasOwn(table, key)) {
    throw new AppError(
      'input/invalid',
      `The option "${option}" of the channel "${name}" is one of ${Object.keys(table).join(', ')}`,
    );
  }
  const value = table[key];
  return value === 'default' ? undefined : value;
}

const domainOf = (host: string): string => host.replace(/:\d+$/u, '');

/** Quotes in a name would end it. */
const named = (address: string, name: string | undefined): string =>
  name === undefined || address.includes('<')
    ? address
    : `"${name.replaceAll(/["\\\r\n]/gu, '')}" <${address}>`;

function checkAddress(name: string, address: string): void {
  if (/^(?:[^\s<>@,]+@[^\s<>@,]+|[^<>\r\n]*<[^\s<>@,]+@[^\s<>@,]+>)$/u.test(address)) return;
  throw new AppError('input/invalid', `A mail address of the channel "${name}" is not one`, {
    hint: 'Write name@host',
  });
}
