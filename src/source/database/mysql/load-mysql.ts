import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { checkDump } from '../check-dump.ts';
import type { LoadedDatabase, LoadedTable, LoadRequest } from '../database-load.ts';
import { feedTool } from '../feed-tool.ts';
import { abandonedScratch, scratchName } from '../scratch-name.ts';
import { runTool, throwIfFailed } from '../tool-runner.ts';
import { withoutSandboxLine } from './sandbox-line.ts';
import {
  mysqlProperties,
  type MysqlServer,
  mysqlText,
  openMysqlServer,
  queryMysql,
  quoteMysqlName,
} from './mysql-server.ts';

/**
 * Loads a dump into a database of MariaDB or MySQL. These have no transactions around tables: if something fails, a database that was made for it is removed
 * again, and one that was there is left empty.
 *
 * @throws AppError `target/refused`, `database/…`, and what reading the dump throws
 */
export async function loadMysql(
  request: LoadRequest,
  { signal }: CallOptions = {},
): Promise<LoadedDatabase> {
  const { target, clock, tools, wait, temporaryDirectory, scratch } = request;
  const { database } = target;
  if (database === undefined && !scratch) {
    throw new AppError('input/usage', 'The URL of the target names no database', {
      hint: `Write ${target.scheme}://host/name; --create makes it`,
    });
  }
  await using server = await openMysqlServer(
    { address: target, clock, tools, wait, temporaryDirectory },
    { signal },
  );
  if (scratch) {
    const names = await queryMysql(server, 'SHOW DATABASES', 'Listing the databases', { signal });
    for (const old of abandonedScratch(names, clock.now())) await drop(server, old);
    const name = scratchName(clock.now(), request.random);
    request.onScratch?.(name);
    await make(server, name, '', { signal });
    try {
      await load(request, server, name, { signal });
      return { name, tables: await countRows(server, name, { signal }) };
    } finally {
      await drop(server, name);
    }
  }
  const name = database!;
  const old = await mysqlProperties(server, name, { signal });
  if (old === undefined && !request.create && !request.clean) {
    throw new AppError('database/failed', `There is no database "${name}" on "${server.name}"`, {
      hint: 'Make it with --create',
    });
  }
  if (old !== undefined && !request.clean && !(await isEmpty(server, name, { signal }))) {
    throw new AppError(
      'target/refused',
      `The database "${name}" on "${server.name}" is not empty`,
      {
        hint: 'Choose another name with --create, or replace what it holds with --clean',
      },
    );
  }
  // The dump is at hand: its first bytes have been read. Rights on the database outlive it.
  if (old !== undefined) await drop(server, name);
  await make(server, name, old ?? '', { signal });
  try {
    await load(request, server, name, { signal });
  } catch (error) {
    await drop(server, name);
    if (old !== undefined) await make(server, name, old, {});
    throw error;
  }
  return { name };
}

async function make(
  server: MysqlServer,
  name: string,
  properties: string,
  options: CallOptions,
): Promise<void> {
  const sql = `CREATE DATABASE ${quoteMysqlName(name)}${properties}`;
  await queryMysql(server, sql, `Making the database "${name}"`, options);
}

/** Not ended by a signal: nothing may stay behind. */
async function drop(server: MysqlServer, name: string): Promise<void> {
  const sql = `DROP DATABASE IF EXISTS ${quoteMysqlName(name)}`;
  await queryMysql(server, sql, `Removing the database "${name}"`, {});
}

async function isEmpty(server: MysqlServer, name: string, options: CallOptions): Promise<boolean> {
  const schema = mysqlText(name);
  const sql = `SELECT (SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = ${schema})
    + (SELECT COUNT(*) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = ${schema})
    + (SELECT COUNT(*) FROM information_schema.EVENTS WHERE EVENT_SCHEMA = ${schema})`;
  const [count] = await queryMysql(server, sql, `Looking into the database "${name}"`, options);
  return count === '0';
}

async function load(
  request: LoadRequest,
  server: MysqlServer,
  name: string,
  { signal }: CallOptions,
): Promise<void> {
  const { tools, environment, client } = server;
  // A client that knows it lets no dump run programs or read files of this machine.
  const help = await runTool(tools, [client, '--no-defaults', '--help'], environment, { signal });
  const hasSandbox = help.output.includes('--sandbox');
  const dump = checkDump(request.dump, 'mysql', 'The dump');
  const argv = server.command(
    client,
    '--batch',
    '--default-character-set=utf8mb4',
    '--max-allowed-packet=1G',
    ...(hasSandbox ? ['--sandbox'] : []),
    `--database=${name}`,
    ...request.arguments,
  );
  const pieces = hasSandbox ? dump : withoutSandboxLine(dump);
  const end = await feedTool(tools, argv, environment, pieces, { signal });
  throwIfFailed(client, end, {
    what: `Loading the dump into "${name}"`,
    secret: server.address.password,
    hint: 'It stopped at the first error; users that views and routines name have to be there',
  });
}

async function countRows(
  server: MysqlServer,
  name: string,
  options: CallOptions,
): Promise<readonly LoadedTable[]> {
  const what = `Counting what is in "${name}"`;
  const sql = `SELECT HEX(TABLE_NAME) FROM information_schema.TABLES
    WHERE TABLE_SCHEMA = ${mysqlText(name)} AND TABLE_TYPE <> 'VIEW' ORDER BY TABLE_NAME`;
  const tables = (await queryMysql(server, sql, what, options)).map((hex) =>
    Buffer.from(hex, 'hex').toString(),
  );
  if (tables.length === 0) return [];
  const counts = await queryMysql(
    server,
    tables.map((table) => `SELECT COUNT(*) FROM ${quoteMysqlName(table)};`).join('\n'),
    what,
    { ...options, database: name },
  );
  return tables.map((table, index) => ({ name: table, rows: Number(counts[index]) }));
}
