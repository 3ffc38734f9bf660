import { Kysely, PostgresDialect, sql } from 'kysely';
import { Pool, types } from 'pg';

import type { CallOptions } from '../../base/call-options.ts';
import { type Clock, systemClock } from '../../base/clock.ts';
import type { Secret } from '../../base/secret.ts';
import { migrate } from '../migrations/migrate.ts';
import type { SqlDatabase, Statements, WriteOptions } from '../sql-database.ts';
import type { Tables } from '../tables.ts';
import { BossBell } from './boss-bell.ts';
import { isInTheWay, postgresFailure } from './postgres-errors.ts';
import { shownPostgresUrl } from './postgres-url.ts';

/** Our tables have a schema of their own, so that the database may hold other things. */
export const schema = 'holdfast';

/** Numbers of the locks that one process has at a time; those of pg-boss are larger. */
const gates: Readonly<Record<NonNullable<WriteOptions['gate']>, number>> = {
  configuration: 4_718_301,
  queue: 4_718_302,
  outbox: 4_718_303,
  notes: 4_718_304,
};

const attempts = 10;
const int8 = 20;

/** Opens or makes the catalog in a database of PostgreSQL; brings it to the newest version. Throws `catalog/unavailable`, `catalog/unusable` and `input/invalid`. */
export async function openPostgres(
  url: Secret,
  { clock, signal }: CallOptions & { readonly clock: Clock },
): Promise<SqlDatabase> {
  signal?.throwIfAborted();
  const location = shownPostgresUrl(url);
  const pool = connect(url);
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) }).withSchema(schema);
  const bell = new BossBell(url, location, clock);
  const close = async (): Promise<void> => {
    await bell[Symbol.asyncDispose]();
    await db.destroy();
  };
  const again = <Result>(work: () => Promise<Result>, options: CallOptions): Promise<Result> =>
    tryAgain(work, location, options);
  try {
    await again(() => migrate(db, 'postgresql', location, clock), { signal });
  } catch (error) {
    await close();
    throw error;
  }
  return {
    kind: 'postgresql',
    location,
    bell,
    read<Result>(work: (view: Statements) => Promise<Result>, options: CallOptions = {}) {
      const transaction = db
        .transaction()
        .setAccessMode('read only')
        .setIsolationLevel('repeatable read');
      return again(() => transaction.execute(work), options);
    },
    write<Result>(
      work: (transaction: Statements) => Promise<Result>,
      { gate, signal: stop }: WriteOptions = {},
    ) {
      const transaction = db.transaction().setIsolationLevel('read committed');
      return again(
        () =>
          transaction.execute(async (statements) => {
            if (gate !== undefined)
              await sql`select pg_advisory_xact_lock(${gates[gate]}::bigint)`.execute(statements);
            return work(statements);
          }),
        { signal: stop },
      );
    },
    [Symbol.asyncDispose]: close,
  };
}

function connect(url: Secret): Pool {
  const pool = new Pool({
    connectionString: url.reveal(),
    application_name: 'holdfast',
    max: 4,
    connectionTimeoutMillis: 15_000,
    query_timeout: 60_000,
    keepAlive: true,
    // Times fit exactly into the numbers of JavaScript until the year 287396.
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        oid === int8 ? Number : types.getTypeParser(oid, format),
    },
  });
  // A connection that breaks while nobody uses it is replaced by the next one.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => {
    // One that breaks while it is used makes the statement fail that is under way, which is enough.
    client.on('error', () => undefined);
    // What is done stays done, whatever the server does by default. A process that stands still in a transaction must not hold up the
    // others for ever. Whatever goes wrong here goes wrong again with what comes next.
    client
      .query(
        "set synchronous_commit = on; set lock_timeout = '30s'; set idle_in_transaction_session_timeout = '60s'",
      )
      .catch(() => undefined);
  });
  return pool;
}

async function tryAgain<Result>(
  work: () => Promise<Result>,
  location: string,
  { signal }: CallOptions,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (!isInTheWay(error) || attempt === attempts) throw postgresFailure(error, location);
    }
    await systemClock.sleep(10 * attempt, { signal });
  }
}
