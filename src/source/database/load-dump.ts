import type { CallOptions } from '../../base/call-options.ts';
import { AppError } from '../../base/errors.ts';
import type { LoadedDatabase, LoadRequest } from './database-load.ts';
import type { DatabaseKind } from './database-url.ts';
import { type DumpFormat, dumpFormats } from './dump-format.ts';

const kindsOf: Readonly<Record<DumpFormat, readonly DatabaseKind[]>> = {
  'postgresql-plain': ['postgresql'],
  'postgresql-custom': ['postgresql'],
  'postgresql-directory': ['postgresql'],
  'postgresql-globals': ['postgresql'],
  mysql: ['mariadb', 'mysql'],
  sqlite: ['sqlite'],
  redis: ['redis'],
  mongodb: ['mongodb'],
};

/**
 * Loads a dump into a database of its kind.
 *
 * @throws AppError `input/usage` for another kind; `target/refused` if the target is not empty; `database/…`; what reading the dump throws
 */
export async function loadDump(
  request: LoadRequest,
  options: CallOptions = {},
): Promise<LoadedDatabase> {
  const { kind } = request.target;
  const { title } = dumpFormats[request.format];
  if (!kindsOf[request.format].includes(kind)) {
    throw new AppError('input/usage', `A ${title} cannot be loaded into "${kind}://"`, {
      hint: `Give a URL that begins with ${kindsOf[request.format].map((name) => `"${name}://"`).join(' or ')}`,
    });
  }
  switch (kind) {
    case 'postgresql':
      return (await import('./postgresql/load-postgresql.ts')).loadPostgresql(request, options);
    case 'mariadb':
    case 'mysql':
      return (await import('./mysql/load-mysql.ts')).loadMysql(request, options);
    case 'sqlite':
      return (await import('./sqlite/load-sqlite.ts')).loadSqlite(request, options);
    case 'redis':
      return (await import('./redis/load-redis.ts')).loadRedis(request, options);
    case 'mongodb':
      return (await import('./mongodb/load-mongodb.ts')).loadMongodb(request, options);
  }
}
