import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { checkDump } from '../check-dump.ts';
import { chooseDatabases, fileNameOf, refuseRules } from '../choose-databases.ts';
import type { DatabaseDump, DumpRequest } from '../database-dump.ts';
import { dumpFormats } from '../dump-format.ts';
import { dumpLabel } from '../dump-label.ts';
import { refuseOptions } from '../refuse-options.ts';
import { isScratchName } from '../scratch-name.ts';
import { findTool, readTool, runTool } from '../tool-runner.ts';
import { withDatabaseProperties } from './database-properties.ts';
import {
  mysqlPrograms,
  mysqlProperties,
  type MysqlServer,
  mysqlText,
  openMysqlServer,
  queryMysql,
  systemDatabases,
} from './mysql-server.ts';

/** What the dump tool is told: everything of the database as of one moment, in text that any client reads. */
const dumpArguments = [
  '--single-transaction',
  '--quick',
  '--routines',
  '--events',
  '--triggers',
  '--hex-blob',
  '--no-tablespaces',
  '--default-character-set=utf8mb4',
  '--max-allowed-packet=1G',
  // The last line says that the dump is complete; without a date the same content is the same dump.
  '--comments',
  '--skip-dump-date',
];

/**
 * The dumps of a server of MariaDB or MySQL: of the database that the URL names, or of all that are wanted besides those of the system.
 *
 * @throws AppError `database/…`, `input/…`
 */
export async function mysqlDumps(
  request: DumpRequest,
  { signal }: CallOptions = {},
): Promise<readonly DatabaseDump[]> {
  const { database } = request.address;
  if (database !== undefined) refuseRules(request, database);
  refuseOptions(request, ['format', 'globals']);
  await using server = await openMysqlServer(request, { signal });
  const what = `Listing the databases of "${server.name}"`;
  const names = (await queryMysql(server, 'SHOW DATABASES', what, { signal })).filter(
    (name) => !systemDatabases.includes(name.toLowerCase()) && !isScratchName(name),
  );
  if (
    database !== undefined &&
    (await mysqlProperties(server, database, { signal })) === undefined
  ) {
    throw new AppError(
      'database/failed',
      `There is no database "${database}" on "${server.name}"`,
      {
        hint: 'Or this user has no rights on it',
      },
    );
  }
  const chosen = database === undefined ? chooseDatabases(names, request, server.name) : [database];
  const tool = await findTool(
    request.tools,
    mysqlPrograms(request.address.kind, 'mariadb-dump', 'mysqldump'),
  );
  const extra = await versionArguments(server, tool, { signal });
  const dumps: DatabaseDump[] = [];
  for (const name of chosen) {
    const count = await countUnsteadyTables(server, name, { signal });
    const notice =
      count === 0
        ? undefined
        : `"${name}" has ${count} ${count === 1 ? 'table' : 'tables'} without transactions (MyISAM, Aria …): what is written to them during the dump may be in it by half`;
    dumps.push(mysqlDump(request, tool, extra, name, database === undefined, notice));
  }
  return dumps;
}

/** MySQL's tool asks newer servers for what MariaDB does not have, and writes what belongs to replication. */
async function versionArguments(
  server: MysqlServer,
  tool: string,
  { signal }: CallOptions,
): Promise<readonly string[]> {
  const { output } = await runTool(server.tools, [tool, '--version'], {}, { signal });
  if (/mariadb/iu.test(output.toString())) return [];
  const old = /Ver (?:8|9)\.|Distrib (?:8|9)\./u.test(output.toString());
  return ['--set-gtid-purged=OFF', ...(old && server.isMariadb ? ['--column-statistics=0'] : [])];
}

async function countUnsteadyTables(
  server: MysqlServer,
  database: string,
  options: CallOptions,
): Promise<number> {
  const sql = `SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = ${mysqlText(database)}
    AND TABLE_TYPE = 'BASE TABLE' AND ENGINE IN ('MyISAM', 'Aria', 'MEMORY', 'CSV', 'ARCHIVE', 'MRG_MyISAM')`;
  const [count = '0'] = await queryMysql(server, sql, `Looking into "${database}"`, options);
  return Number(count);
}

function mysqlDump(
  request: DumpRequest,
  tool: string,
  extra: readonly string[],
  database: string,
  isOneOfSeveral: boolean,
  notice: string | undefined,
): DatabaseDump {
  const { extension } = dumpFormats.mysql;
  const fileName = fileNameOf(database, extension);
  const what = `The dump of "${database}"`;
  return {
    database,
    format: 'mysql',
    fileName,
    label: dumpLabel(request, fileName, { isOneOfSeveral, extension }),
    notice,
    async *stream({ signal } = {}) {
      // Anew for each: it may be long until the turn of this one comes.
      await using server = await openMysqlServer(request, { signal });
      const argv = server.command(
        tool,
        ...dumpArguments,
        ...extra,
        ...(request.arguments ?? []),
        '--',
        database,
      );
      const options = { what, secret: server.address.password, signal };
      const properties = await mysqlProperties(server, database, { signal });
      if (properties === undefined) {
        throw new AppError('database/failed', `${what} failed: it is not there any more`);
      }
      const read = readTool(server.tools, argv, server.environment, options);
      yield* checkDump(withDatabaseProperties(read, properties), 'mysql', what);
    },
  };
}
