import type { CallOptions } from '../../../base/call-options.ts';
import type { Clock } from '../../../base/clock.ts';
import { AppError } from '../../../base/errors.ts';
import { failureOf } from '../../../base/process.ts';
import { type DatabaseAddress, serverName } from '../database-url.ts';
import {
  findTool,
  runTool,
  throwIfFailed,
  type ToolEnvironment,
  type ToolRunner,
  withoutSecret,
} from '../tool-runner.ts';
import { waitForServer } from '../wait-for-server.ts';

/** A server of PostgreSQL that answers, and the programs that speak to it. */
export interface PostgresqlServer {
  readonly address: DatabaseAddress;
  readonly tools: ToolRunner;
  /** For people. */
  readonly name: string;
  /** A database that one can connect to. */
  readonly entrance: string;
  /** `server_version_num`: 150020 for 15.20, 90624 for 9.6.24. */
  readonly version: number;
  /** With the password; what programs say is in English. */
  readonly environment: ToolEnvironment;
}

/** How to reach a server. */
export type ServerRequest = {
  readonly tools: ToolRunner;
  readonly clock: Clock;
  readonly wait: number;
} & ({ readonly address: DatabaseAddress } | { readonly target: DatabaseAddress });

/** What makes a connection of libpq fail although the server may be there a moment later; said by libpq itself, or by a server that starts. */
const mayPass =
  /connection refused|timeout expired|timed out|could not connect|could not translate host name|no such file or directory|connection reset|closed the connection|no route to host|network is unreachable|starting up|shutting down|in recovery mode|too many clients|temporary failure/iu;

/**
 * Waits until a server answers, and asks for its version.
 *
 * @param database to connect to; several are tried in order, for servers where one of them is missing
 * @throws AppError `database/unavailable` when the time is over; `database/failed` for what waiting cannot mend: a wrong password, a database that is not
 * there; `database/unsupported` without psql
 */
export async function openPostgresqlServer(
  { tools, clock, wait, ...request }: ServerRequest,
  databases: readonly string[],
  { signal }: CallOptions = {},
): Promise<PostgresqlServer> {
  const address = 'address' in request ? request.address : request.target;
  if (address.parameters.has('sslpassword')) {
    throw new AppError(
      'input/usage',
      'The URL has "sslpassword", which would be seen by everybody on the machine',
      {
        hint: 'Use a key without a passphrase that only this account can read',
      },
    );
  }
  const psql = await findTool(tools, ['psql']);
  const { password } = address;
  const server = {
    address,
    tools,
    name: serverName(address, tools.serverName),
    environment: {
      LC_ALL: 'C',
      PGAPPNAME: 'holdfast',
      ...(password !== undefined && { PGPASSWORD: password.reveal() }),
      ...(!address.parameters.has('connect_timeout') && {
        PGCONNECT_TIMEOUT: String(Math.max(2, Math.min(10, Math.ceil(wait / 1000)))),
      }),
    },
  };
  const found = await waitForServer(
    async (left) => {
      for (const [index, database] of databases.entries()) {
        const argv = [psql, ...quiet, '-c', "SELECT current_setting('server_version_num')"];
        argv.push(`--dbname=${connectionUri(server.address, database)}`);
        const end = await runTool(tools, argv, server.environment, {
          signal,
          timeLimit: left + 5000,
        });
        const failure = failureOf(end);
        if (failure === undefined)
          return { answer: { version: Number(end.output.toString().trim()), entrance: database } };
        const words = withoutSecret(
          end.timedOut ? 'it took too long' : end.lastWords || failure,
          password,
        );
        if (end.timedOut || mayPass.test(words)) return { notYet: words };
        const isLast = index === databases.length - 1;
        if (!isLast && /database ".*" does not exist/u.test(words)) continue;
        throw new AppError(
          'database/failed',
          `Cannot connect to "${database}" on "${server.name}": ${words}`,
        );
      }
      return { notYet: 'there is no database to connect to' };
    },
    { server: server.name, wait, clock, signal },
  );
  return { ...server, ...found };
}

const quiet = ['--no-psqlrc', '--no-password', '--quiet', '--no-align', '--tuples-only'];

/** What libpq takes as the name of a database: everything of the address besides the password. */
export function connectionUri(address: DatabaseAddress, database: string): string {
  const { user, server, parameters } = address;
  const query = [...parameters]
    .filter(([name]) => name !== 'dbname')
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join('&');
  // Several hosts with their ports stay readable; a socket's directory needs to be encoded.
  const hosts = server.startsWith('/') ? encodeURIComponent(server) : server;
  const account = user === undefined ? '' : `${encodeURIComponent(user)}@`;
  return `postgresql://${account}${hosts}/${encodeURIComponent(database)}${query === '' ? '' : `?${query}`}`;
}

/** The first column of what a query gives. @throws AppError `database/failed` */
export async function queryPostgresql(
  server: PostgresqlServer,
  database: string,
  sql: string,
  what: string,
  { signal }: CallOptions = {},
): Promise<readonly string[]> {
  const psql = await findTool(server.tools, ['psql']);
  const argv = [psql, ...quiet, '--record-separator-zero', '--set=ON_ERROR_STOP=1', '--file=-'];
  argv.push(`--dbname=${connectionUri(server.address, database)}`);
  const end = await runTool(
    server.tools,
    argv,
    { ...server.environment, PGCLIENTENCODING: 'UTF8' },
    { signal, input: sql },
  );
  throwIfFailed('psql', end, { what, secret: server.address.password });
  return end.output.toString().split('\0').slice(0, -1);
}

/** A name in SQL. */
export const quoteIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** A text in SQL, whatever `standard_conforming_strings` says. */
export function quoteText(text: string): string {
  const quoted = `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`;
  return text.includes('\\') ? ` E${quoted}` : quoted;
}

/** Those to which one can connect, without templates and without `postgres`, which is there to be connected to. */
export const listDatabasesSql =
  "SELECT datname FROM pg_catalog.pg_database WHERE datallowconn AND NOT datistemplate AND datname <> 'postgres' ORDER BY datname";

/** 15 for 150020, 9.6 for 90624. */
export const majorOf = (version: number): string =>
  version >= 100_000
    ? String(Math.trunc(version / 10_000))
    : `${Math.trunc(version / 10_000)}.${Math.trunc(version / 100) % 100}`;
