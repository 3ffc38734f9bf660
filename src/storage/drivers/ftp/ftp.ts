import { createSecureContext } from 'node:tls';

import { Client } from 'basic-ftp';

import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { defineDriver } from '../../driver.ts';
import { withoutEffect } from '../../foreign-option.ts';
import type { RawValue } from '../../option-schema.ts';
import { tlsOptions, type TlsSettings, tlsTrust } from '../../network/tls.ts';
import type { DataConnection } from './data-channel.ts';
import type { FtpEncryption, FtpSettings } from './ftp-settings.ts';
import { FtpStorage } from './ftp-storage.ts';
import { presentedAfterAuth } from './presented-certificate.ts';

/** Duplicati's words for the encryption. Its "Auto" would go on without when a server refuses; ours does not. */
const foreignEncryption: Readonly<Record<string, FtpEncryption>> = {
  None: 'none',
  Auto: 'explicit',
  Explicit: 'explicit',
  Implicit: 'implicit',
};

/** Duplicati's words for how data connections are made. */
const foreignDataConnection: Readonly<Record<string, DataConnection>> = {
  AutoPassive: 'automatic',
  EPSV: 'extended',
  PASV: 'passive',
  PASVEX: 'passive',
  AutoActive: 'active',
  PORT: 'active',
  EPRT: 'active',
};

/**
 * `ftp://`, `ftpes://` (TLS after `AUTH TLS`) and `ftps://` (TLS from the first byte, port 990: what lftp, duplicity and curl mean by
 * it). Duplicati writes both as `ftp://` with `ftp-encryption-mode`; its older `use-ssl` is explicit TLS.
 */
export const ftpDriver = defineDriver({
  scheme: 'ftp',
  title: 'FTP server, also with TLS (FTPS)',
  urlForms: [
    'ftpes://[user[:password]@]host[:port]/path',
    'ftps://[user[:password]@]host[:port]/path',
    'ftp://[user[:password]@]host[:port]/path',
    'ftp://host//absolute/path',
  ],
  testedAgainst: 'ProFTPD',
  options: [
    { name: 'host', kind: 'string', help: 'Name or address of the server', required: true },
    {
      name: 'port',
      kind: 'number',
      help: 'Its port (otherwise 21, or 990 for implicit TLS)',
    },
    {
      name: 'user',
      kind: 'string',
      help: 'Whom to log in as (otherwise anonymous)',
      aliases: ['auth-username', 'username'],
    },
    {
      name: 'password',
      kind: 'secret',
      help: 'Password of the user',
      aliases: ['auth-password'],
      environment: ['BACKEND_PASSWORD', 'FTP_PASSWORD'],
    },
    {
      name: 'path',
      kind: 'string',
      help: 'The directory, relative to that of the login unless it begins with a slash',
      default: '',
    },
    {
      name: 'absolute-path',
      kind: 'boolean',
      place: true,
      help: 'Take the path from the root of the server, not from the directory of the login',
      default: 'no',
      aliases: ['ftp-absolute-path'],
    },
    {
      name: 'encryption',
      kind: 'choice',
      help: 'TLS from the beginning (implicit), after the command AUTH TLS (explicit), or none; a scheme of ftps or ftpes says it too',
      choices: ['none', 'explicit', 'implicit'],
    },
    {
      name: 'data-connection',
      kind: 'choice',
      help: 'How transfers are connected: passive by EPSV or PASV, whichever the server knows (automatic), by one of them, or by the server to us (active)',
      choices: ['automatic', 'extended', 'passive', 'active'],
    },
    {
      name: 'ftp-encryption-mode',
      kind: 'choice',
      help: 'What Duplicati calls "encryption"',
      choices: ['None', 'Explicit', 'Implicit', 'Auto'],
    },
    { name: 'use-ssl', kind: 'boolean', help: 'What Duplicati calls explicit encryption' },
    {
      name: 'ftp-data-connection-type',
      kind: 'choice',
      help: 'What Duplicati calls "data-connection"',
      choices: ['AutoPassive', 'EPSV', 'PASV', 'PASVEX', 'AutoActive', 'PORT', 'EPRT'],
    },
    ...tlsOptions,
    withoutEffect(
      'ftp-ssl-protocols',
      'the newest version of TLS that both sides know is used, from 1.2 on',
    ),
    withoutEffect('ftp-upload-delay', 'an upload counts when the server has confirmed it'),
    withoutEffect('ftp-use-cwd-names', 'directories are always named with their whole path'),
    withoutEffect('disable-upload-verify', 'the size of every upload is compared'),
    withoutEffect(
      'ignore-pureftpd-limit-issue',
      'a listing that is cut short is noticed whatever the server is called',
    ),
    withoutEffect('ftp-log-to-console', 'what is said to the server is not logged'),
    withoutEffect('ftp-log-privateinfo-to-console', 'secrets are never logged'),
  ],
  fromUrl(url) {
    if (url.host === undefined) {
      throw new AppError('input/usage', `The ${url.scheme} URL names no host`, {
        hint: 'Write it as in ftpes://user@host/path',
      });
    }
    const scheme = url.scheme.replace(/^.*\+/u, '');
    const encryption = scheme === 'ftps' ? 'implicit' : scheme === 'ftpes' ? 'explicit' : undefined;
    return {
      host: url.host,
      // One slash is relative to the directory of the login, two are absolute.
      path: url.path.replace(/^\//u, ''),
      ...(url.port !== undefined && { port: url.port }),
      ...(url.user !== undefined && { user: url.user }),
      ...(url.password !== undefined && { password: url.password }),
      ...(encryption !== undefined && !url.options.has('encryption') && { encryption }),
    } satisfies Readonly<Record<string, RawValue>>;
  },
  async open(options, { clock, signal }) {
    const { host, user, password } = options;
    const encryption: FtpEncryption =
      options.encryption ??
      foreignEncryption[options['ftp-encryption-mode'] ?? ''] ??
      (options['use-ssl'] === true ? 'explicit' : 'none');
    const dataConnection: DataConnection =
      options['data-connection'] ??
      foreignDataConnection[options['ftp-data-connection-type'] ?? ''] ??
      'automatic';
    const port = options.port ?? (encryption === 'implicit' ? 990 : 21);
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      throw new AppError('input/usage', `The option "port" is no port: ${port}`);
    const directory = directoryOf(options.path, options['absolute-path']);
    for (const text of [user ?? '', password?.reveal() ?? '', directory]) {
      if (/[\r\n\0]/u.test(text))
        throw new AppError('input/usage', 'User, password and path of FTP cannot hold line breaks');
    }
    const trust =
      encryption === 'none' ? {} : await trustIn(options, { host, port, encryption, signal });
    return new FtpStorage(
      { host, port, user, password, encryption, dataConnection, trust, clock },
      { directory, location: locationOf({ host, port, user, encryption, directory }) },
    );
  },
});

/** Whom to trust, with the context for all connections. */
async function trustIn(
  settings: TlsSettings,
  {
    encryption,
    signal,
    ...server
  }: CallOptions & {
    readonly host: string;
    readonly port: number;
    readonly encryption: FtpEncryption;
  },
): Promise<FtpSettings['trust']> {
  const { checkServerIdentity, ...authorities } = await tlsTrust(settings, {
    ...server,
    signal,
    ...(encryption === 'explicit' && {
      presented: (call: CallOptions) => presentedAfterAuth(new Client(0), server, call),
    }),
  });
  return {
    secureContext: createSecureContext(authorities),
    ...(checkServerIdentity !== undefined && { checkServerIdentity }),
  };
}

function directoryOf(path: string, isAbsolute: boolean): string {
  return isAbsolute && !path.startsWith('/') ? `/${path}` : path;
}

function locationOf(place: {
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly encryption: FtpEncryption;
  readonly directory: string;
}): string {
  const scheme = { none: 'ftp', explicit: 'ftpes', implicit: 'ftps' }[place.encryption];
  const host = place.host.includes(':') ? `[${place.host}]` : place.host;
  const user = place.user === undefined ? '' : `${place.user}@`;
  return `${scheme}://${user}${host}:${place.port}/${place.directory}`;
}
