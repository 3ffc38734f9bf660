import { toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import { checkDump } from '../check-dump.ts';
import type { LoadedDatabase, LoadedTable, LoadRequest } from '../database-load.ts';
import { feedTool } from '../feed-tool.ts';
import { abandonedScratch, scratchName } from '../scratch-name.ts';
import { throwIfFailed } from '../tool-runner.ts';
import { choosePostgresqlClient } from './choose-client.ts';
import { temporaryToolDirectory } from './directory-dump.ts';
import { loadGlobals } from './load-globals.ts';
import {
  connectionUri,
  openPostgresqlServer,
  type PostgresqlServer,
  queryPostgresql,
  quoteIdentifier,
  quoteText,
} from './postgresql-server.ts';

/** Databases that everybody may connect to, to work on others. */
const entrances = ['postgres', 'template1'];

/**
 * Loads a dump into a database of PostgreSQL. It is loaded in one transaction if the database is there already and empty; otherwise into a new one, which is
 * removed again if something fails. With `clean` the new one takes the place of the old one only when it is complete.
 *
 * @throws AppError `target/refused`, `database/…`, and what reading the dump throws
 */
export async function loadPostgresql(
  request: LoadRequest,
  { signal }: CallOptions = {},
): Promise<LoadedDatabase> {
  const { target, format, scratch } = request;
  if (format === 'postgresql-globals') return loadGlobals(request, entrances, { signal });
  const { database } = target;
  if (database === undefined && !scratch) {
    throw new AppError('input/usage', 'The URL of the target names no database', {
      hint: 'Write postgresql://host/name; --create makes it',
    });
  }
  if (!scratch && !request.create && !request.clean) {
    const server = await openPostgresqlServer(request, [database!], { signal });
    await requireEmpty(server, database!, { signal });
    await load(request, server, database!, { inTransaction: true, signal });
    return { name: database! };
  }
  const server = await openPostgresqlServer(
    request,
    [...entrances, ...(database === undefined ? [] : [database])],
    { signal },
  );
  if (scratch) {
    await removeAbandoned(server, request.clock.now(), { signal });
    const name = scratchName(request.clock.now(), request.random);
    request.onScratch?.(name);
    return withNew(
      server,
      name,
      '',
      async () => {
        await load(request, server, name, { inTransaction: false, signal });
        return { result: { name, tables: await countRows(server, name, { signal }) }, keep: false };
      },
      { signal },
    );
  }
  const old = await propertiesOf(server, database!, { signal });
  if (old === undefined) {
    return withNew(
      server,
      database!,
      '',
      async () => {
        await load(request, server, database!, { inTransaction: false, signal });
        return { result: { name: database! }, keep: true };
      },
      { signal },
    );
  }
  if (!request.clean) {
    await requireEmpty(server, database!, { signal });
    await load(request, server, database!, { inTransaction: true, signal });
    return { name: database! };
  }
  const mark = toHex(request.random(4));
  const fresh = scratchName(request.clock.now(), request.random);
  return withNew(
    server,
    fresh,
    old,
    async () => {
      await load(request, server, fresh, { inTransaction: false, signal });
      await replace(server, database!, fresh, `holdfast_old_${mark}`, { signal });
      return { result: { name: database! }, keep: true };
    },
    { signal },
  );
}

async function removeAbandoned(
  server: PostgresqlServer,
  now: number,
  options: CallOptions,
): Promise<void> {
  const what = `Listing the databases of "${server.name}"`;
  const unused = `SELECT datname FROM pg_database d WHERE NOT EXISTS
    (SELECT 1 FROM pg_stat_activity a WHERE a.datname = d.datname)`;
  const names = await queryPostgresql(server, server.entrance, unused, what, options);
  for (const name of abandonedScratch(names, now)) {
    const sql = `DROP DATABASE IF EXISTS ${quoteIdentifier(name)}`;
    await administer(server, sql, `Removing the old scratch database "${name}"`, options);
  }
}

async function withNew(
  server: PostgresqlServer,
  name: string,
  properties: string,
  work: () => Promise<{ readonly result: LoadedDatabase; readonly keep: boolean }>,
  options: CallOptions,
): Promise<LoadedDatabase> {
  await administer(
    server,
    `CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE template0${properties}`,
    `Making the database "${name}"`,
    options,
  );
  // Whatever happened, and also after an abort: nothing stays behind.
  const drop = (): Promise<void> =>
    administer(
      server,
      `DROP DATABASE IF EXISTS ${quoteIdentifier(name)}`,
      `Removing the database "${name}"`,
      {},
    );
  let done: Awaited<ReturnType<typeof work>>;
  try {
    done = await work();
  } catch (error) {
    await drop().catch((another: unknown) => {
      throw new AppError(
        'database/failed',
        `A database "${name}" stays behind on "${server.name}": ${String(error)}`,
        {
          cause: new AggregateError([error, another]),
          hint: `Remove it: DROP DATABASE ${quoteIdentifier(name)}`,
        },
      );
    });
    throw error;
  }
  if (!done.keep) await drop();
  return done.result;
}

async function administer(
  server: PostgresqlServer,
  sql: string,
  what: string,
  options: CallOptions,
): Promise<void> {
  await queryPostgresql(server, server.entrance, sql, what, options);
}

/** The properties of a database as options of CREATE DATABASE, `undefined` if there is none of that name. */
async function propertiesOf(
  server: PostgresqlServer,
  database: string,
  options: CallOptions,
): Promise<string | undefined> {
  const [found] = await queryPostgresql(
    server,
    server.entrance,
    `SELECT format(' ENCODING %L LC_COLLATE %L LC_CTYPE %L OWNER %I', pg_encoding_to_char(encoding), datcollate, datctype, pg_get_userbyid(datdba)) FROM pg_database WHERE datname = ${quoteText(database)}`,
    `Looking for the database "${database}"`,
    options,
  );
  return found;
}

/** Two names change in one transaction. The old database is there until then, and after a failure. */
async function replace(
  server: PostgresqlServer,
  database: string,
  fresh: string,
  old: string,
  options: CallOptions,
): Promise<void> {
  const [name, next, last] = [database, fresh, old].map(quoteIdentifier);
  await administer(
    server,
    `BEGIN; ALTER DATABASE ${name} RENAME TO ${last}; ALTER DATABASE ${next} RENAME TO ${name}; COMMIT;`,
    `Replacing the database "${database}" (nobody may be connected to it)`,
    options,
  );
  await administer(
    server,
    `DROP DATABASE ${last}`,
    `Removing what "${database}" was, now "${old}",`,
    options,
  );
}

/** What a database holds besides what belongs to the system and to extensions. */
const contentSql = `
  SELECT count(*) FROM (
    SELECT c.oid, 'pg_class'::regclass AS class, c.relnamespace AS namespace FROM pg_class c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
    UNION ALL SELECT p.oid, 'pg_proc'::regclass, p.pronamespace FROM pg_proc p
    UNION ALL SELECT t.oid, 'pg_type'::regclass, t.typnamespace FROM pg_type t WHERE t.typtype IN ('e', 'd', 'r')
  ) AS thing JOIN pg_namespace n ON n.oid = thing.namespace
  WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
    AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = thing.class AND d.objid = thing.oid AND d.deptype = 'e')`;

async function requireEmpty(
  server: PostgresqlServer,
  database: string,
  options: CallOptions,
): Promise<void> {
  const what = `Looking into the database "${database}"`;
  const [count] = await queryPostgresql(server, database, contentSql, what, options);
  if (count === '0') return;
  throw new AppError(
    'target/refused',
    `The database "${database}" on "${server.name}" is not empty`,
    {
      hint: 'Choose another name with --create, or replace what it holds with --clean',
    },
  );
}

async function load(
  request: LoadRequest,
  server: PostgresqlServer,
  database: string,
  { inTransaction, signal }: CallOptions & { readonly inTransaction: boolean },
): Promise<void> {
  const { format, owners, scratch } = request;
  const what = `Loading the dump into "${database}"`;
  const place = `--dbname=${connectionUri(server.address, database)}`;
  const dump = checkDump(request.dump, format, 'The dump');
  const secret = server.address.password;
  if (format === 'postgresql-plain') {
    const psql = await choosePostgresqlClient(server, 'psql', { signal });
    const argv = [
      psql,
      '--no-psqlrc',
      '--no-password',
      '--quiet',
      '--set=ON_ERROR_STOP=1',
      '--file=-',
    ];
    const script = inTransaction ? transaction(dump) : dump;
    const end = await feedTool(
      server.tools,
      [...argv, ...request.arguments, place],
      server.environment,
      script,
      { signal },
    );
    throwIfFailed('psql', end, {
      what,
      secret,
      hint: 'Roles and extensions that the dump names have to be there before',
    });
    return;
  }
  const tool = await choosePostgresqlClient(server, 'pg_restore', { signal });
  const argv = [
    tool,
    '--exit-on-error',
    '--no-password',
    ...(inTransaction ? ['--single-transaction'] : []),
    ...(owners && !scratch ? [] : ['--no-owner', '--no-privileges']),
    ...request.arguments,
    place,
  ];
  const failed = {
    what,
    secret,
    hint: 'Roles that the dump names have to be there before; --no-owners does without them',
  };
  if (format === 'postgresql-custom') {
    throwIfFailed(
      'pg_restore',
      await feedTool(server.tools, argv, server.environment, dump, { signal }),
      failed,
    );
    return;
  }
  await using directory = await temporaryToolDirectory(server.tools, { signal, what });
  const unpacked = await feedTool(
    server.tools,
    ['tar', '-C', directory.path, '-xf', '-'],
    {},
    dump,
    { signal },
  );
  throwIfFailed('tar', unpacked, failed);
  const end = await feedTool(
    server.tools,
    [...argv, directory.path],
    server.environment,
    nothing(),
    { signal },
  );
  throwIfFailed('pg_restore', end, failed);
}

/** The last word is said when the dump was found complete: a connection that ends without it undoes everything. */
async function* transaction(dump: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield Buffer.from('BEGIN;\n');
  yield* dump;
  yield Buffer.from('\nCOMMIT;\n');
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** Counts, table by table. */
const countSql = String.raw`
  SELECT format('SELECT %L, count(*) FROM %I.%I', n.nspname || '.' || c.relname, n.nspname, c.relname)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  ORDER BY 1 \gexec
`;

async function countRows(
  server: PostgresqlServer,
  database: string,
  options: CallOptions,
): Promise<readonly LoadedTable[]> {
  const what = `Counting what is in "${database}"`;
  const lines = await queryPostgresql(server, database, countSql, what, options);
  return lines.map((line) => {
    const bar = line.lastIndexOf('|');
    return { name: line.slice(0, bar), rows: Number(line.slice(bar + 1)) };
  });
}
