import { didYouMean } from '../../base/did-you-mean.ts';
import { AppError } from '../../base/errors.ts';
import { Secret } from '../../base/secret.ts';

export const databaseKinds = [
  'postgresql',
  'mariadb',
  'mysql',
  'sqlite',
  'redis',
  'mongodb',
] as const;
export type DatabaseKind = (typeof databaseKinds)[number];

/** A server, or one of its databases, as a URL names it. */
export interface DatabaseAddress {
  readonly kind: DatabaseKind;
  /** As it was written, for protocols that have several (`rediss`, `mongodb+srv`). */
  readonly scheme: string;
  readonly user: string | undefined;
  readonly password: Secret | undefined;
  /** Host and port as they were written, decoded; may be several with commas; empty for the default of the tools, which is a socket most often. */
  readonly server: string;
  /** `undefined`: all of the server. The path of the file for SQLite. */
  readonly database: string | undefined;
  readonly parameters: ReadonlyMap<string, string>;
}

const schemes: Readonly<Record<string, DatabaseKind>> = {
  postgresql: 'postgresql',
  postgres: 'postgresql',
  mariadb: 'mariadb',
  mysql: 'mysql',
  sqlite: 'sqlite',
  sqlite3: 'sqlite',
  redis: 'redis',
  rediss: 'redis',
  mongodb: 'mongodb',
  'mongodb+srv': 'mongodb',
};

/** Whether a text is meant to be the URL of a database, perhaps with a slip of the pen, rather than a path or a destination. */
export function isDatabaseUrl(text: string): boolean {
  const scheme = /^([a-z][a-z0-9+]*):\/\//u.exec(text)?.[1];
  return (
    scheme !== undefined &&
    (Object.hasOwn(schemes, scheme) || didYouMean(scheme, Object.keys(schemes)) !== undefined)
  );
}

/**
 * Reads `postgresql://user:password@host:port/name?parameter=value` and the like; parts may be left out. User, password and name
 * may be percent-encoded. What is wrong is told without the password.
 *
 * @throws AppError `input/usage`
 */
export function parseDatabaseUrl(text: string): DatabaseAddress {
  const match =
    /^([a-zA-Z][a-zA-Z0-9+]*):\/\/(?:([^/?]*)@)?([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/su.exec(text);
  const scheme = match?.[1]?.toLowerCase() ?? '';
  const kind = Object.hasOwn(schemes, scheme) ? schemes[scheme] : undefined;
  if (match === null || kind === undefined) {
    const near = didYouMean(scheme, Object.keys(schemes));
    throw new AppError(
      'input/usage',
      scheme === ''
        ? 'The address of a database is no URL'
        : `There is no kind of database "${scheme}"`,
      {
        hint:
          near === undefined
            ? `Write one of ${databaseKinds.map((name) => `${name}://`).join(', ')}`
            : `Did you mean "${near}://"?`,
      },
    );
  }
  const [, , userInfo, server = '', name = '', query = ''] = match;
  const colon = userInfo?.indexOf(':') ?? -1;
  const user = userInfo === undefined || colon < 0 ? userInfo : userInfo.slice(0, colon);
  const parameters = new Map<string, string>();
  for (const part of query.split('&')) {
    if (part === '') continue;
    const [parameter = '', ...value] = part.split('=');
    parameters.set(decoded(parameter, 'parameter'), decoded(value.join('='), 'parameter'));
  }
  const password =
    colon < 0 ? parameters.get('password') : decoded(userInfo!.slice(colon + 1), 'password');
  parameters.delete('password');
  return {
    kind,
    scheme,
    user: user === undefined || user === '' ? undefined : decoded(user, 'user'),
    password: password === undefined || password === '' ? undefined : new Secret(password),
    server: decoded(server, 'host'),
    database: databaseOf(kind, server, name),
    parameters,
  };
}

/** The address of a file that is a database, or a dump of one that is loaded by being put into its place. */
export function fileAddress(kind: 'sqlite' | 'redis', file: string): DatabaseAddress {
  return {
    kind,
    scheme: kind,
    user: undefined,
    password: undefined,
    server: '',
    database: file,
    parameters: new Map(),
  };
}

/** `sqlite:///a/b` is absolute, `sqlite://a/b` relative to where the program was started, as in other programs. */
function databaseOf(kind: DatabaseKind, server: string, name: string): string | undefined {
  if (kind === 'sqlite') {
    const file = server === '' ? `/${name}` : `${server}/${name}`.replace(/\/$/u, '');
    if (name === '' && server === '') {
      throw new AppError('input/usage', 'The URL of the SQLite database names no file', {
        hint: 'Write sqlite:///path/to/file with three slashes',
      });
    }
    return decoded(file, 'path');
  }
  return name === '' ? undefined : decoded(name, 'name of the database');
}

function decoded(text: string, what: string): string {
  try {
    const result = decodeURIComponent(text);
    if (!result.includes('\0')) return result;
  } catch {
    // Told below.
  }
  throw new AppError('input/usage', `The ${what} in the URL of the database cannot be read`, {
    hint: 'Write "%25" for "%", "%2F" for "/", "%40" for "@", "%3F" for "?"',
  });
}

/** Host and port of an address with one server; an IPv6 address stands in brackets. */
export function hostAndPort({ server }: DatabaseAddress): {
  readonly host: string | undefined;
  readonly port: string | undefined;
} {
  const match = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d*))?$/u.exec(server);
  if (match === null) {
    throw new AppError('input/usage', `"${server}" is no host with a port`, {
      hint: 'Write HOST, HOST:PORT or [IPV6]:PORT',
    });
  }
  return { host: (match[1] ?? match[2]) || undefined, port: match[3] || undefined };
}

/** Refuses parameters of a URL that a kind of database does not have. @throws AppError `input/usage` */
export function checkParameters(
  { kind, parameters }: DatabaseAddress,
  known: readonly string[],
): void {
  for (const name of parameters.keys()) {
    if (known.includes(name)) continue;
    const near = didYouMean(name, known);
    throw new AppError('input/usage', `"${kind}://" has no parameter "${name}"`, {
      hint: near === undefined ? `It has: ${known.join(', ')}` : `Did you mean "${near}"?`,
    });
  }
}

/** The same address with another password where it has none of its own. */
export function withPassword(
  address: DatabaseAddress,
  password: Secret | undefined,
): DatabaseAddress {
  return address.password === undefined && password !== undefined
    ? { ...address, password }
    : address;
}

/** The server for people and in paths of snapshots, without secrets; one without a name of its own may have that of its container. */
export function serverName({ server, parameters }: DatabaseAddress, container?: string): string {
  if (server !== '') return server;
  const host = parameters.get('host') ?? '';
  return container ?? (host !== '' && !host.startsWith('/') ? host : 'localhost');
}
