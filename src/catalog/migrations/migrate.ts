import { type Kysely, sql } from 'kysely';

import type { Clock } from '../../base/clock.ts';
import { AppError } from '../../base/errors.ts';
import type { Tables } from '../tables.ts';
import { type Migration, migrations, type Words } from './migrations.ts';

/** What the two kinds of databases call things. */
const words: Readonly<Record<'sqlite' | 'postgresql', Words>> = {
  sqlite: { integer: 'integer', bytes: 'blob', end: ' strict', schema: '' },
  postgresql: { integer: 'bigint', bytes: 'bytea', end: '', schema: 'holdfast.' },
};

/** A number for the lock that PostgreSQL gives to one process at a time. */
const migrationLock = 4_718_301_001;

/**
 * Brings a catalog to the newest version, each step in a transaction of its own that writes down its number. Processes that do so at once do it one
 * after the other. Throws `catalog/unusable` for a version that this program does not know yet.
 */
export async function migrate(
  db: Kysely<Tables>,
  kind: 'sqlite' | 'postgresql',
  location: string,
  clock: Clock,
  steps: readonly Migration[] = migrations,
): Promise<void> {
  const { schema, end, integer } = words[kind];
  const table = `${schema}migrations`;
  for (;;) {
    const isDone = await db.transaction().execute(async (transaction) => {
      const run = async (text: string): Promise<void> =>
        void (await sql.raw(text).execute(transaction));
      if (kind === 'postgresql') {
        await sql`select pg_advisory_xact_lock(${migrationLock})`.execute(transaction);
        // Asking first lets those in who may use the schema but not make one.
        const there = await sql`select 1 from pg_namespace where nspname = 'holdfast'`.execute(
          transaction,
        );
        if (there.rows.length === 0) await run('create schema if not exists holdfast');
      }
      await run(
        `create table if not exists ${table} (version ${integer} primary key, applied_at ${integer} not null)${end}`,
      );
      const { rows } = await sql<{ version: number | null }>`
        select max(version) as version from ${sql.raw(table)}`.execute(transaction);
      const version = rows[0]?.version ?? 0;
      const newest = steps.length;
      if (version > newest) {
        throw new AppError(
          'catalog/unusable',
          `The catalog "${location}" is of version ${version}, and this program knows versions up to ${newest}`,
          { hint: 'Use the newer program that has worked with it' },
        );
      }
      const next = steps[version];
      if (next === undefined) return true;
      for (const statement of next(words[kind])) await run(statement);
      await sql`insert into ${sql.raw(table)} (version, applied_at) values (${version + 1}, ${clock.now()})`.execute(
        transaction,
      );
      return version + 1 === newest;
    });
    if (isDone) return;
  }
}
