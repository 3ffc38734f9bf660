import { createHash } from 'node:crypto';

import { AppError } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import type { StorageOption } from './option-schema.ts';
import { requireScheme, withoutPar2 } from './schemes.ts';
import { shownAddress } from './shown-address.ts';

/** The parts of `scheme://[user[:password]@]host[:port]/path?option=value&…`, percent-decoded. */
export interface DestinationUrl {
  readonly scheme: string;
  readonly user?: string;
  readonly password?: Secret;
  /** As written, lower case not enforced; an IPv6 address without its brackets. */
  readonly host?: string;
  readonly port?: number;
  /** With its leading slash; empty when there is none. */
  readonly path: string;
  /** Any of them may be a secret: only the driver's list of options tells. */
  readonly options: ReadonlyMap<string, Secret>;
}

const shape =
  /^(?<scheme>[a-z][a-z0-9+.-]*):\/\/(?<authority>[^/?]*)(?<path>[^?]*)(?:\?(?<query>.*))?$/isu;

/** `file:/x`: more likely a URL of another program than a path. */
const halfUrl = /^(?<scheme>[a-z][a-z0-9+.-]+):/iu;

/** How restic writes destinations, as URLs: what stands before the path, and the path. */
const halfUrls: readonly (readonly [form: RegExp, scheme: string])[] = [
  [/^s3:(?!\/\/)(?:(?:https:\/\/)?(?<rest>[^:]+(?::[0-9]+\/.*)?))$/iu, 's3'],
  [/^s3:http:\/\/(?<rest>.+)$/iu, 's3+http'],
  [/^sftp:(?!\/\/)(?<place>[^:/]+):(?<path>.*)$/iu, 'sftp'],
  [/^(?<scheme>b2|azure|gs|swift):(?!\/\/)(?<place>[^:/]+):(?<path>.*)$/iu, ''],
];

/** Schemes whose address is no host: all that follows the slashes is the path. */
const withoutHost: ReadonlySet<string> = new Set(['rclone', 'tahoe']);

/**
 * Parses a destination. A text without a scheme is a path and means `file://`; nothing in it is decoded. Throws `input/usage`; what
 * the error says never holds the password or the value of an option.
 */
export function parseDestinationUrl(text: string): DestinationUrl {
  if (text === '') throw new AppError('input/usage', 'The destination is empty');
  if (!text.isWellFormed())
    throw new AppError('input/usage', 'The destination holds bytes that are not UTF-8', {
      hint: 'Rename the directory, or name a link to it',
    });
  const groups = shape.exec(completed(text))?.groups;
  if (groups === undefined) return parsePath(text);
  const scheme = (groups['scheme'] ?? '').toLowerCase();
  const [authority, path] = split(
    withoutPar2(scheme) ?? scheme,
    groups['authority'] ?? '',
    groups['path'] ?? '',
  );
  return {
    scheme,
    ...parseAuthority(authority, scheme),
    path: decode(path, `the path of the ${scheme} URL`),
    options: parseQuery(groups['query'] ?? ''),
  };
}

/** `s3:host/bucket` and the like with the slashes that they lack. */
function completed(text: string): string {
  for (const [form, known] of halfUrls) {
    const groups = form.exec(text)?.groups;
    if (groups === undefined) continue;
    if (known === 's3' || known === 's3+http') return `${known}://${groups['rest']}`;
    const scheme = known === '' ? groups['scheme'] : known;
    // One slash is relative to the directory of the login, two are absolute.
    return `${scheme}://${groups['place']}/${groups['path']}`;
  }
  return text;
}

/** `host::module/path` names a module of an rsync daemon; it is handed on as a path that begins with `::`. */
function split(scheme: string, authority: string, path: string): readonly [string, string] {
  if (withoutHost.has(scheme)) return ['', `${authority}${path}`];
  const daemon = scheme === 'rsync' ? authority.lastIndexOf('::') : -1;
  // Within brackets the colons are those of an address.
  if (daemon < 0 || authority.indexOf(']', daemon) >= 0) return [authority, path];
  return [authority.slice(0, daemon), `${authority.slice(daemon)}${path}`];
}

/** The URL for people and logs: without the password, with `***` for every option that is secret or unknown. */
export function printDestinationUrl(
  url: DestinationUrl,
  schema: readonly StorageOption[] = [],
): string {
  return printed(url, schema, () => '***');
}

/**
 * The same as a key by which something of the destination is remembered: remotes of rclone that only differ in their options, of which any
 * may be a secret, are told apart, and so are secrets that say which account is meant.
 */
export function keyOfDestination(url: DestinationUrl, schema: readonly StorageOption[]): string {
  const marked = (hidden: string): string => `***${markOf(hidden)}`;
  const places = new Set(schema.flatMap(({ name, place }) => (place === true ? [name] : [])));
  return printed(url, schema, marked, (name, value) => (places.has(name) ? marked(value) : '***'));
}

function printed(
  url: DestinationUrl,
  schema: readonly StorageOption[],
  hide: (remoteOptions: string) => string,
  secret: (option: string, value: string) => string = () => '***',
): string {
  const user = url.user === undefined ? '' : `${encodeURIComponent(url.user)}@`;
  const host = url.host?.includes(':') === true ? `[${url.host}]` : (url.host ?? '');
  const port = url.port === undefined ? '' : `:${url.port}`;
  const path = withoutRemoteOptions(url, hide).split('/').map(encodePart).join('/');
  const isPublic = (name: string): boolean =>
    schema.some((option) => option.name === name && option.kind !== 'secret');
  const options = Array.from(
    url.options,
    ([name, value]) =>
      `${encodeURIComponent(name)}=${isPublic(name) ? encodeURIComponent(shownValue(value.reveal())) : secret(name, value.reveal())}`,
  );
  return `${url.scheme}://${user}${host}${port}${path}${options.length === 0 ? '' : '?'}${options.join('&')}`;
}

/** Enough to tell a few places apart, and too little to try passwords on. */
function markOf(hidden: string): string {
  return createHash('sha256').update(hidden).digest('hex').slice(0, 4);
}

function parsePath(text: string): DestinationUrl {
  const scheme = halfUrl.exec(text)?.groups?.['scheme'];
  if (scheme !== undefined) {
    throw new AppError('input/usage', `The destination begins with "${scheme}:" but is no URL`, {
      hint: `Write "${scheme}://…" for a URL, or "./${scheme}:…" for a path`,
    });
  }
  if (text.startsWith('par2+/')) {
    throw new AppError('input/usage', 'The destination begins with "par2+" but is no URL', {
      hint: 'Write par2+file:///path for recovery files beside each object, or "./par2+/…" for a path',
    });
  }
  return { scheme: 'file', path: text, options: new Map() };
}

function parseAuthority(
  text: string,
  scheme: string,
): Pick<DestinationUrl, 'user' | 'password' | 'host' | 'port'> {
  // A password may hold an unencoded "@", a host name cannot.
  const at = text.lastIndexOf('@');
  const [user, ...password] = at < 0 ? [] : text.slice(0, at).split(':');
  const place =
    /^(?:\[(?<address>[0-9a-f:.]+(?:%[a-z0-9._~-]+)?)\]|(?<host>[^:[\]]*))(?::(?<port>[0-9]*))?$/iu.exec(
      text.slice(at + 1),
    );
  const digits = place?.groups?.['port'] ?? '';
  const port = digits === '' ? undefined : Number(digits);
  if (place === null || (port !== undefined && (port < 1 || port > 65_535))) {
    // Of a mistyped scheme nobody knows what should follow it.
    requireScheme(scheme);
    throw new AppError('input/usage', `The ${scheme} URL has a host or port that cannot be read`, {
      hint: 'Write user:password@host:port, with "/", "?", "@" and ":" in user and password as %2F, %3F, %40 and %3A',
    });
  }
  const host =
    // RFC 6874 writes the percent sign before the name of a link (`fe80::1%25eth0`) as one.
    place.groups?.['address']?.replace(/%25(?=.)/u, '%') ??
    decode(place.groups?.['host'] ?? '', `the host of the ${scheme} URL`);
  return {
    ...(user !== undefined &&
      user !== '' && { user: decode(user, `the user of the ${scheme} URL`) }),
    ...(password.length > 0 && {
      password: new Secret(decode(password.join(':'), `the password of the ${scheme} URL`)),
    }),
    ...(host !== '' && { host }),
    ...(port !== undefined && { port }),
  };
}

function parseQuery(query: string): ReadonlyMap<string, Secret> {
  const options = new Map<string, Secret>();
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decode(equals < 0 ? pair : pair.slice(0, equals), 'an option name in the URL');
    // An option without a value is one that is switched on.
    const value =
      equals < 0 ? 'true' : decode(pair.slice(equals + 1), `the option "${name}" in the URL`);
    if (options.has(name))
      throw new AppError('input/usage', `The option "${name}" is given twice in the URL`);
    options.set(name, new Secret(value));
  }
  return options;
}

function decode(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    throw new AppError(
      'input/usage',
      `Cannot read ${what}: "%" is not followed by two hexadecimal digits of UTF-8 text`,
      {
        hint: 'Write a percent sign as %25',
        cause: error,
      },
    );
  }
}

/** The value of an option that is no secret itself; an address may hold one. */
function shownValue(text: string): string {
  return text.includes('://') ? shownAddress(text) : text;
}

/** The path of a URL without the options that a remote of rclone may carry before its colon (`remote,pass=…:path`). */
function withoutRemoteOptions(
  { scheme, path }: DestinationUrl,
  hide: (options: string) => string,
): string {
  if ((withoutPar2(scheme) ?? scheme) !== 'rclone') return path;
  // How the values are quoted is for rclone to know: what is between the first comma and the last colon is left out.
  const [, name, rest = ''] = /^(:?[^,:/]*),(?:.*(:[^:]*)|.*)$/su.exec(path) ?? [];
  if (name === undefined) return path;
  return `${name},${hide(path.slice(name.length + 1, path.length - rest.length))}${rest}`;
}

/** Only what would be read differently is encoded, so that paths stay readable. */
function encodePart(part: string): string {
  return part.replaceAll(/[%?#\p{Cc}]/gu, encodeURIComponent);
}
