import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import type { ServerKind } from './server-kind.ts';
import { freePort, serverDirectory, startServer, type TestServer } from './server.ts';

const run = promisify(execFile);

/** A server of MariaDB of its own, on a free port of loopback and a socket in its directory. */
export interface MariadbServer extends TestServer {
  readonly user: string;
  readonly password: string;
  readonly socket: string;
  /** `mariadb://user:password@127.0.0.1:port/database`. */
  url(database?: string): string;
  /** Runs SQL as root over the socket; the fields of a row are separated by tabs. */
  query(sql: string, database?: string): Promise<string>;
}

export const mariadbPrograms = ['mariadbd', 'mariadb-install-db', 'mariadb', 'mariadb-dump'];

/** Starts MariaDB as whoever runs the tests. */
export async function startMariadb(): Promise<MariadbServer> {
  const directory = await serverDirectory();
  const of = (name: string): string => path.join(directory, name);
  const user = 'backup';
  const password = ' ma"ria \\#s3cret/ä\'';
  const account = process.getuid?.() === 0 ? ['--user=root'] : [];
  await mkdir(of('tmp'));
  await run('mariadb-install-db', [
    '--no-defaults',
    `--datadir=${of('data')}`,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
    // What these tests end is the program, never the machine.
    '--innodb-flush-method=nosync',
    '--innodb-log-file-size=8M',
    ...account,
  ]);
  const port = await freePort();
  const socket = of('socket');
  await writeFile(
    of('my.cnf'),
    [
      '[mariadbd]',
      `datadir=${of('data')}`,
      `socket=${socket}`,
      `pid-file=${of('pid')}`,
      `port=${port}`,
      'bind-address=127.0.0.1',
      `tmpdir=${of('tmp')}`,
      ...(account.length > 0 ? ['user=root'] : []),
      'skip-name-resolve',
      'innodb_buffer_pool_size=32M',
      'innodb_log_file_size=8M',
      'innodb_flush_log_at_trx_commit=0',
      'innodb_flush_method=nosync',
      'innodb_use_native_aio=0',
      'performance_schema=off',
      'event_scheduler=off',
      '',
    ].join('\n'),
  );
  const query = async (sql: string, database = ''): Promise<string> => {
    const { stdout } = await run(
      'mariadb',
      [
        '--no-defaults',
        `--socket=${socket}`,
        '--user=root',
        '--default-character-set=utf8mb4',
        '--batch',
        '--skip-column-names',
        `--execute=${sql}`,
        database,
      ],
      { maxBuffer: 1 << 28 },
    );
    return stdout.trimEnd();
  };
  const server = await startServer({
    directory,
    port,
    programs: [{ argv: ['mariadbd', `--defaults-file=${of('my.cnf')}`] }],
    ready: async () =>
      await query('SELECT 1').then(
        () => true,
        () => false,
      ),
  });
  const literal = `'${password.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  await query(
    `CREATE USER '${user}'@'127.0.0.1' IDENTIFIED BY ${literal}; GRANT ALL ON *.* TO '${user}'@'127.0.0.1' WITH GRANT OPTION`,
  );
  return {
    ...server,
    user,
    password,
    socket,
    url: (database = '') =>
      `mariadb://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/${encodeURIComponent(database)}`,
    query,
  };
}

export const serverKind: ServerKind<MariadbServer> = {
  name: 'mariadb',
  programs: mariadbPrograms,
  start: () => startMariadb(),
  usage: (server) => server.url(),
};
