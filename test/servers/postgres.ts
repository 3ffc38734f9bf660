import { execFile } from 'node:child_process';
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import type { ServerKind } from './server-kind.ts';
import { freePort, serverDirectory, startServer, type TestServer } from './server.ts';

const run = promisify(execFile);
const programs = '/usr/lib/postgresql/15/bin';

/** A cluster of its own, on a free port of loopback and a socket in its directory; every login needs the password. */
export interface PostgresServer extends TestServer {
  readonly user: string;
  readonly password: string;
  /** Where its socket lies, for `host=` of libpq. */
  readonly socketDirectory: string;
  /** `postgresql://user:password@127.0.0.1:port/database`; `postgres` is there from the beginning. */
  url(database?: string): string;
  /** Makes an empty database and gives its URL. */
  createDatabase(name: string): Promise<string>;
  /** Runs SQL by psql, without headings; the fields of a row are separated by `|`. */
  query(sql: string, database?: string): Promise<string>;
}

export const postgresPrograms = [`${programs}/postgres`, `${programs}/initdb`, 'psql'];

/** Starts PostgreSQL, as the user `postgres` if the tests are run by root, which it refuses to work for. */
export async function startPostgres({
  lines = [],
}: {
  /** Lines for `postgresql.conf`. */
  readonly lines?: readonly string[];
} = {}): Promise<PostgresServer> {
  const directory = await serverDirectory();
  const of = (name: string): string => path.join(directory, name);
  const user = 'postgres';
  const password = 'pg: s3cret/ä';
  const asOwner =
    process.getuid?.() === 0
      ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups']
      : [];
  const home = of('postgres');
  await mkdir(home);
  await writeFile(path.join(home, 'password'), password, { mode: 0o600 });
  if (asOwner.length > 0) await run('chown', ['-R', 'postgres:postgres', home]);
  const data = path.join(home, 'data');
  const [initialise, ...parameters] = [
    ...asOwner,
    `${programs}/initdb`,
    `--pgdata=${data}`,
    `--username=${user}`,
    `--pwfile=${path.join(home, 'password')}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C.UTF-8',
    '--no-sync',
    '--wal-segsize=1',
  ];
  await run(initialise, parameters, { cwd: home });
  const port = await freePort();
  await appendFile(
    path.join(data, 'postgresql.conf'),
    [
      "listen_addresses = '127.0.0.1'",
      `port = ${port}`,
      `unix_socket_directories = '${home}'`,
      // What these tests end is the program, never the machine.
      'fsync = off',
      'synchronous_commit = off',
      // In its own directory: a server that is killed would leave it in the memory of the machine.
      'dynamic_shared_memory_type = mmap',
      'full_page_writes = off',
      'max_connections = 100',
      'shared_buffers = 32MB',
      'max_wal_size = 64MB',
      ...lines,
      '',
    ].join('\n'),
  );
  const environment = { PGPASSWORD: password };
  const psql = async (sql: string, database: string): Promise<string> => {
    const { stdout } = await run(
      'psql',
      `-h 127.0.0.1 -p ${port} -U ${user} -v ON_ERROR_STOP=1 -X -q -A -t`
        .split(' ')
        .concat('-d', database, '-c', sql),
      { env: { ...process.env, ...environment }, maxBuffer: 1 << 28 },
    );
    return stdout.trimEnd();
  };
  const server = await startServer({
    directory,
    port,
    programs: [{ argv: [...asOwner, `${programs}/postgres`, '-D', data], directory: home }],
    ready: async () =>
      await psql('select 1', 'postgres').then(
        () => true,
        () => false,
      ),
  });
  const url = (database = 'postgres'): string =>
    `postgresql://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
  return {
    ...server,
    user,
    password,
    socketDirectory: home,
    url,
    async createDatabase(name) {
      await psql(`create database "${name}"`, 'postgres');
      return url(name);
    },
    query: (sql, database = 'postgres') => psql(sql, database),
  };
}

export const serverKind: ServerKind<PostgresServer> = {
  name: 'postgres',
  programs: postgresPrograms,
  start: () => startPostgres(),
  usage: (server) => server.url(),
};
