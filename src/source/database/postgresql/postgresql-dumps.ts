import type { CallOptions } from '../../../base/call-options.ts';
import { checkDump } from '../check-dump.ts';
import { chooseDatabases, fileNameOf, refuseRules } from '../choose-databases.ts';
import type { DatabaseDump, DumpRequest } from '../database-dump.ts';
import { type DumpFormat, dumpFormats } from '../dump-format.ts';
import { dumpLabel } from '../dump-label.ts';
import { isScratchName } from '../scratch-name.ts';
import { readTool } from '../tool-runner.ts';
import { choosePostgresqlClient } from './choose-client.ts';
import { readDirectoryDump } from './directory-dump.ts';
import {
  connectionUri,
  listDatabasesSql,
  openPostgresqlServer,
  type PostgresqlServer,
  queryPostgresql,
} from './postgresql-server.ts';

/**
 * The dumps of a server of PostgreSQL: of the database that the URL names, or of all that are wanted, with the roles and tablespaces first.
 *
 * @throws AppError `database/…`, `input/…`
 */
export async function postgresqlDumps(
  request: DumpRequest,
  { signal }: CallOptions = {},
): Promise<readonly DatabaseDump[]> {
  const { database } = request.address;
  if (database !== undefined) refuseRules(request, database);
  const entrances = database === undefined ? ['postgres', 'template1'] : [database];
  const server = await openPostgresqlServer(request, entrances, { signal });
  const dumpTool = await choosePostgresqlClient(server, 'pg_dump', { signal });
  const names =
    database === undefined
      ? (
          await queryPostgresql(
            server,
            server.entrance,
            listDatabasesSql,
            `Listing the databases of "${server.name}"`,
            { signal },
          )
        ).filter((name) => !isScratchName(name))
      : undefined;
  const wantsGlobals = request.globals ?? names !== undefined;
  const dumps: DatabaseDump[] = [];
  if (wantsGlobals) {
    const tool = await choosePostgresqlClient(server, 'pg_dumpall', { signal });
    dumps.push(globalsDump(request, server, tool));
  }
  const chosen = names === undefined ? [database!] : chooseDatabases(names, request, server.name);
  for (const name of chosen) {
    dumps.push(databaseDump(request, server, dumpTool, name, names !== undefined || wantsGlobals));
  }
  return dumps;
}

function databaseDump(
  request: DumpRequest,
  server: PostgresqlServer,
  tool: string,
  database: string,
  isOneOfSeveral: boolean,
): DatabaseDump {
  const kind = request.format ?? 'custom';
  const format: DumpFormat = `postgresql-${kind}`;
  const { extension } = dumpFormats[format];
  const fileName = fileNameOf(database, extension);
  const what = `The dump of "${database}"`;
  // The repository compresses better, and finds what has not changed since the last time only in what is not compressed.
  const compression = kind === 'plain' ? [] : ['--compress=0'];
  const argv = [
    tool,
    `--format=${kind}`,
    ...compression,
    '--no-password',
    ...(request.arguments ?? []),
    `--dbname=${connectionUri(server.address, database)}`,
  ];
  const { environment, tools } = server;
  const secret = server.address.password;
  return {
    database,
    format,
    fileName,
    label: dumpLabel(request, fileName, { isOneOfSeveral, extension }),
    async *stream({ signal } = {}) {
      const options = { what, secret, signal };
      const pieces =
        kind === 'directory'
          ? readDirectoryDump(tools, argv, environment, options)
          : readTool(tools, argv, environment, options);
      yield* checkDump(pieces, format, what);
    },
  };
}

function globalsDump(request: DumpRequest, server: PostgresqlServer, tool: string): DatabaseDump {
  const format = 'postgresql-globals';
  const fileName = `globals${dumpFormats[format].extension}`;
  const what = `The dump of the roles and tablespaces of "${server.name}"`;
  const argv = [
    tool,
    '--globals-only',
    '--no-password',
    `--dbname=${connectionUri(server.address, server.entrance)}`,
  ];
  return {
    database: undefined,
    format,
    fileName,
    label: dumpLabel(request, fileName, { isOneOfSeveral: true, extension: '.sql' }),
    async *stream({ signal } = {}) {
      const hint = 'Not every user may read them: --database-globals=no leaves them out';
      const options = { what, secret: server.address.password, hint, signal };
      yield* checkDump(readTool(server.tools, argv, server.environment, options), format, what);
    },
  };
}
