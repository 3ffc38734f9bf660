import { isIP } from 'node:net';

import { AppError } from '../../../base/errors.ts';
import type { Secret } from '../../../base/secret.ts';
import { defineDriver } from '../../driver.ts';
import { withoutEffect } from '../../foreign-option.ts';
import { HttpClient } from '../../network/http-client.ts';
import { tlsOptions, tlsTrust } from '../../network/tls.ts';
import { Authentication, type AuthenticationKind } from './authentication.ts';
import { parseHeaders } from './extra-headers.ts';
import { encodePath, partsOfPath } from './resource-path.ts';
import { WebdavClient } from './webdav-client.ts';
import { WebdavStorage } from './webdav-storage.ts';

/** Also behind the name of a library, as in `lftp+webdavs`. */
const encrypted = /^(?:.*\+)?(?:webdavs|davs|https)$/u;

/** More than the calls that are made at once, for listings and for what is cleaned up beside them. */
const connections = 48;

export const webdavDriver = defineDriver({
  scheme: 'webdav',
  title: 'WebDAV server',
  urlForms: [
    'webdavs://[user[:password]@]host[:port]/path',
    'webdav://[user[:password]@]host[:port]/path',
    'https://[user[:password]@]host[:port]/path',
    'http://[user[:password]@]host[:port]/path',
  ],
  testedAgainst: 'Apache mod_dav, rclone serve webdav',
  options: [
    { name: 'host', kind: 'string', help: 'Name or address of the server', required: true },
    { name: 'port', kind: 'number', help: 'Port of the server (80, with TLS 443)' },
    { name: 'path', kind: 'string', help: 'Directory on the server', default: '/' },
    {
      name: 'tls',
      kind: 'boolean',
      help: 'Whether the connection is encrypted, as with webdavs://',
      default: 'no',
      aliases: ['use-ssl'],
    },
    { name: 'user', kind: 'string', help: 'Name of the user', aliases: ['auth-username'] },
    {
      name: 'password',
      kind: 'secret',
      help: 'Password of the user',
      aliases: ['auth-password'],
      environment: ['BACKEND_PASSWORD', 'FTP_PASSWORD'],
    },
    {
      name: 'authentication',
      kind: 'choice',
      choices: ['auto', 'basic', 'digest', 'bearer'],
      help: 'How the server is told who we are: as it asks for, or in one way only',
      default: 'auto',
    },
    { name: 'token', kind: 'secret', help: 'Token that is sent instead of user and password' },
    {
      name: 'headers',
      kind: 'secret',
      help: 'Further headers of every request, as "NAME,VALUE,NAME,VALUE"',
      aliases: ['webdav-headers'],
    },
    {
      name: 'force-digest-authentication',
      kind: 'boolean',
      help: 'The same as authentication=digest',
      default: 'no',
    },
    {
      name: 'integrated-authentication',
      kind: 'boolean',
      help: 'Not supported: the login of a Windows session',
      default: 'no',
    },
    ...tlsOptions,
    withoutEffect(
      'use-extended-propfind',
      'the properties that are needed are asked for by name, as every server understands it',
    ),
    withoutEffect('use-legacy-parsing', 'there is one way to read listings'),
    withoutEffect('debug-propfind-file', 'listings are not written to a file'),
  ],
  fromUrl({ scheme, host, port, user, password, path }) {
    if (host === undefined) {
      throw new AppError('input/usage', 'The WebDAV URL names no server', {
        hint: 'Write webdavs://user@host/path',
      });
    }
    return {
      host,
      path,
      ...(encrypted.test(scheme) && { tls: true }),
      ...(port !== undefined && { port }),
      ...(user !== undefined && { user }),
      ...(password !== undefined && { password }),
    };
  },
  async open(options, { clock, environment, warn, signal }) {
    const { host, tls, user, password, token, path } = options;
    if (options['integrated-authentication']) {
      throw new AppError(
        'input/usage',
        'The option "integrated-authentication" cannot be used: there is no login of a Windows session to send',
        {
          hint: 'Give user and password; the server must accept Basic over TLS, or Digest',
        },
      );
    }
    const kind = kindOf({ ...options, forced: options['force-digest-authentication'] });
    const name = isIP(host) === 6 ? `[${host}]` : host;
    const port = options.port ?? (tls ? 443 : 80);
    const origin = originOf(tls, name, port);
    const base = partsOfPath(path);
    const location = `${tls ? 'webdavs' : 'webdav'}://${new URL(origin).host}/${base.join('/')}`;
    const trust = tls ? await tlsTrust(options, { host, port, signal }) : {};
    const authentication = new Authentication({
      kind,
      user,
      password,
      token,
      isEncrypted: tls,
      onPlainPassword: () => {
        if (isLoopback(host)) return;
        warn(
          new AppError(
            'storage/untrusted',
            `The password for "${host}" is sent over a connection that is not encrypted`,
            {
              hint: 'Use webdavs://, if the server knows TLS',
            },
          ),
        );
      },
    });
    const client = new WebdavClient(
      new HttpClient({ trust, connections, environment }),
      { origin, entrance: base.length === 0 ? '/' : encodePath(base, 'collection') },
      authentication,
      parseHeaders(options.headers),
    );
    return new WebdavStorage(client, { location, base, clock });
  },
});

function originOf(tls: boolean, host: string, port: number): string {
  const text = `${tls ? 'https' : 'http'}://${host}:${port}`;
  if (Number.isInteger(port) && URL.canParse(text)) return new URL(text).origin;
  throw new AppError('input/usage', `"${host}" with port ${port} is not the address of a server`);
}

function kindOf({
  authentication,
  forced,
  user,
  password,
  token,
}: {
  readonly authentication: AuthenticationKind;
  readonly forced: boolean;
  readonly user: string | undefined;
  readonly password: Secret | undefined;
  readonly token: Secret | undefined;
}): AuthenticationKind {
  if (forced && authentication !== 'auto' && authentication !== 'digest')
    throw new AppError(
      'input/usage',
      'The options "force-digest-authentication" and "authentication" contradict each other',
    );
  const kind = forced ? 'digest' : authentication;
  if (token !== undefined) {
    if (kind === 'auto' || kind === 'bearer') return 'bearer';
    throw new AppError('input/usage', `The option "token" is not for authentication=${kind}`);
  }
  if (kind === 'bearer')
    throw new AppError(
      'input/usage',
      'The option "token" is missing, which authentication=bearer sends',
    );
  if (user === undefined && (kind !== 'auto' || password !== undefined))
    throw new AppError('input/usage', 'The option "user" is missing', {
      hint: 'Write it before the host: webdavs://user@host/path',
    });
  if (user !== undefined && password === undefined)
    throw new AppError('input/usage', 'The option "password" is missing', {
      hint: 'Give it with "password-file", "password-command" or the variable HOLDFAST_WEBDAV_PASSWORD',
    });
  return kind;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.[0-9]+){3}$/u.test(host);
}
