import type { CallOptions } from '../../base/call-options.ts';
import type { DatabaseDump, DumpRequest } from './database-dump.ts';

/**
 * The dumps that a request stands for, after a look at the server: one for each database. What each kind needs is loaded when it is used.
 *
 * @throws AppError `database/unavailable`, `database/unsupported`, `database/failed`, `input/usage`, `input/invalid`
 */
export async function listDumps(
  request: DumpRequest,
  options: CallOptions = {},
): Promise<readonly DatabaseDump[]> {
  switch (request.address.kind) {
    case 'postgresql':
      return (await import('./postgresql/postgresql-dumps.ts')).postgresqlDumps(request, options);
    case 'mariadb':
    case 'mysql':
      return (await import('./mysql/mysql-dumps.ts')).mysqlDumps(request, options);
    case 'sqlite':
      return (await import('./sqlite/sqlite-dump.ts')).sqliteDumps(request, options);
    case 'redis':
      return (await import('./redis/redis-dump.ts')).redisDumps(request, options);
    case 'mongodb':
      return (await import('./mongodb/mongodb-dump.ts')).mongodbDumps(request, options);
  }
}
