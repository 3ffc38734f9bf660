import { writeFile } from 'node:fs/promises';
import path from 'node:path';

import type { CallOptions } from '../../../base/call-options.ts';
import type { Clock } from '../../../base/clock.ts';
import { AppError } from '../../../base/errors.ts';
import { failureOf } from '../../../base/process.ts';
import { checkParameters, type DatabaseAddress, hostAndPort, serverName } from '../database-url.ts';
import {
  findTool,
  runTool,
  throwIfFailed,
  type ToolEnvironment,
  type ToolRunner,
  withoutSecret,
} from '../tool-runner.ts';
import { temporaryDirectory } from '../temporary-directory.ts';
import { waitForServer } from '../wait-for-server.ts';

/** A server of MariaDB or MySQL that answers, and how its programs are called. */
export interface MysqlServer {
  readonly address: DatabaseAddress;
  readonly tools: ToolRunner;
  readonly name: string;
  /** The client: `mariadb` or `mysql`. */
  readonly client: string;
  /** As the server says it: `10.11.19-MariaDB-…`, `8.4.2`. */
  readonly version: string;
  readonly isMariadb: boolean;
  readonly environment: ToolEnvironment;
  /** The command line of one of its programs, which reads the password from elsewhere. */
  command(program: string, ...more: readonly string[]): readonly string[];
}

/** Errors of clients that a moment may mend: no connection, lost, too many, shutting down. */
const mayPass = /\b(?:ERROR|error:) (?:1040|1053|1203|2002|2003|2005|2006|2012|2013|2026|2055)\b/u;

const parameters = [
  'socket',
  'ssl',
  'ssl-mode',
  'ssl-ca',
  'ssl-capath',
  'ssl-cert',
  'ssl-key',
  'ssl-verify-server-cert',
  'default-auth',
  'plugin-dir',
  'connect-timeout',
];

/** The programs of a kind, the best first. */
export const mysqlPrograms = (
  kind: DatabaseAddress['kind'],
  mariadb: string,
  mysql: string,
): readonly string[] => (kind === 'mysql' ? [mysql, mariadb] : [mariadb, mysql]);

/**
 * Waits until a server answers, and lets `work` speak to it. The password lies in a file that only this account can read, and goes with the end of the work; in a
 * container it is in the environment of the programs.
 *
 * @throws AppError `database/unavailable` when the time is over; `database/failed` for what waiting cannot mend; `database/unsupported` without a client
 */
export async function openMysqlServer(
  {
    address,
    tools,
    clock,
    wait,
    temporaryDirectory: parent,
  }: {
    readonly address: DatabaseAddress;
    readonly tools: ToolRunner;
    readonly clock: Clock;
    readonly wait: number;
    readonly temporaryDirectory?: string | undefined;
  },
  { signal }: CallOptions = {},
): Promise<MysqlServer & AsyncDisposable> {
  checkParameters(address, parameters);
  const client = await findTool(tools, mysqlPrograms(address.kind, 'mariadb', 'mysql'));
  const connection = connectionArguments(
    address,
    Math.max(2, Math.min(10, Math.ceil(wait / 1000))),
  );
  const secret = address.password;
  const file =
    secret !== undefined && tools.isLocal ? await optionFile(secret.reveal(), parent) : undefined;
  const environment: ToolEnvironment = {
    LC_ALL: 'C',
    ...(secret !== undefined && file === undefined && { MYSQL_PWD: secret.reveal() }),
  };
  const command = (program: string, ...more: readonly string[]): readonly string[] => [
    program,
    // It has to be the first.
    ...(file === undefined ? [] : [`--defaults-extra-file=${file.path}`]),
    ...connection,
    ...more,
  ];
  const name = serverName(address, tools.serverName);
  try {
    const version = await waitForServer(
      async (left) => {
        const argv = command(
          client,
          '--batch',
          '--skip-column-names',
          '--execute=SELECT VERSION()',
        );
        const end = await runTool(tools, argv, environment, { signal, timeLimit: left + 5000 });
        const failure = failureOf(end);
        if (failure === undefined) return { answer: end.output.toString().trim() };
        const words = withoutSecret(
          end.timedOut ? 'it took too long' : end.lastWords || failure,
          secret,
        );
        if (end.timedOut || mayPass.test(words)) return { notYet: words };
        throw new AppError('database/failed', `Cannot connect to "${name}": ${words}`);
      },
      { server: name, wait, clock, signal },
    );
    return {
      address,
      tools,
      name,
      client,
      version,
      isMariadb: /mariadb/iu.test(version),
      environment,
      command,
      [Symbol.asyncDispose]: async () => file?.[Symbol.asyncDispose](),
    };
  } catch (error) {
    await file?.[Symbol.asyncDispose]();
    throw error;
  }
}

function connectionArguments(address: DatabaseAddress, timeout: number): readonly string[] {
  const { host, port } = hostAndPort(address);
  const socket = address.parameters.get('socket');
  const given = [...address.parameters].filter(([name]) => name !== 'socket');
  // To their programs, "localhost" without a port means the socket.
  const isTcp =
    socket === undefined && host !== undefined && (host !== 'localhost' || port !== undefined);
  return [
    ...(host === undefined ? [] : [`--host=${host}`]),
    ...(port === undefined ? [] : [`--port=${port}`]),
    ...(isTcp ? ['--protocol=tcp'] : []),
    ...(socket === undefined ? [] : [`--socket=${socket}`]),
    ...(address.user === undefined ? [] : [`--user=${address.user}`]),
    ...given.map(([name, value]) => (value === '' ? `--${name}` : `--${name}=${value}`)),
    ...(address.parameters.has('connect-timeout') ? [] : [`--loose-connect-timeout=${timeout}`]),
  ];
}

/** A file with a password for the programs of MariaDB and MySQL, in a directory that only this account can enter. */
async function optionFile(
  password: string,
  parent: string | undefined,
): Promise<AsyncDisposable & { readonly path: string }> {
  if (/[\r\n]/u.test(password)) {
    throw new AppError('input/invalid', 'The password of the database has several lines');
  }
  const directory = await temporaryDirectory(parent);
  const remove = (): PromiseLike<void> => directory[Symbol.asyncDispose]();
  const file = path.join(directory.path, 'options');
  // In quotes, what begins with a space or has a "#" is taken as it is.
  const quoted = password.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\t', '\\t');
  try {
    await writeFile(file, `[client]\npassword="${quoted}"\n`, { mode: 0o600, flag: 'wx' });
  } catch (cause) {
    await remove();
    throw new AppError(
      'local/unwritable',
      `Cannot write a file for the password in "${directory.path}"`,
      {
        cause,
      },
    );
  }
  return { path: file, [Symbol.asyncDispose]: remove };
}

/** The rows of what a query gives, their fields separated by tabs. @throws AppError `database/failed` */
export async function queryMysql(
  server: MysqlServer,
  sql: string,
  what: string,
  { signal, database }: CallOptions & { readonly database?: string } = {},
): Promise<readonly string[]> {
  const argv = server.command(
    server.client,
    '--batch',
    '--raw',
    '--skip-column-names',
    '--default-character-set=utf8mb4',
    ...(database === undefined ? [] : [`--database=${database}`]),
  );
  const end = await runTool(server.tools, argv, server.environment, { signal, input: sql });
  throwIfFailed(server.client, end, { what, secret: server.address.password });
  return end.output
    .toString()
    .split('\n')
    .filter((line) => line !== '');
}

/** The character set and collation of a database as options of CREATE DATABASE; `undefined` if there is none of that name, or no right to see it. */
export async function mysqlProperties(
  server: MysqlServer,
  database: string,
  options: CallOptions,
): Promise<string | undefined> {
  const sql = `SELECT CONCAT(' CHARACTER SET ', DEFAULT_CHARACTER_SET_NAME, ' COLLATE ', DEFAULT_COLLATION_NAME)
    FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ${mysqlText(database)}`;
  return (await queryMysql(server, sql, `Looking for the database "${database}"`, options))[0];
}

/** A name in SQL. */
export const quoteMysqlName = (name: string): string => `\`${name.replaceAll('`', '``')}\``;

/** A text in SQL, whatever the SQL mode says about backslashes. */
export const mysqlText = (text: string): string =>
  `CONVERT(X'${Buffer.from(text).toString('hex')}' USING utf8mb4)`;

/** Databases that belong to the server itself. */
export const systemDatabases = ['information_schema', 'performance_schema', 'mysql', 'sys'];
