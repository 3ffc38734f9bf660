import { open } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { Kysely } from 'kysely';

import type { CallOptions } from '../../base/call-options.ts';
import { type Clock, systemClock } from '../../base/clock.ts';
import { AppError, messageOf } from '../../base/errors.ts';
import { makeDirectories } from '../../base/make-directories.ts';
import { migrate } from '../migrations/migrate.ts';
import type { SqlDatabase, Statements } from '../sql-database.ts';
import type { Tables } from '../tables.ts';
import { nodeSqliteDialect } from './node-sqlite-dialect.ts';
import { SqliteBell } from './sqlite-bell.ts';
import { isBusy, sqliteFailure } from './sqlite-errors.ts';

/** How long one statement waits for other processes, while nothing else happens in this one; then others get a turn. */
const blockingWait = 50;
/** How long a transaction is tried again, in milliseconds. */
const patience = 30_000;

/** Opens or makes the catalog in a file; brings it to the newest version. Throws `catalog/unavailable` and `catalog/unusable`. */
export async function openSqlite(
  file: string,
  { clock, signal }: CallOptions & { readonly clock: Clock },
): Promise<SqlDatabase> {
  signal?.throwIfAborted();
  await makePlace(file);
  const database = connect(file);
  const db = new Kysely<Tables>({ dialect: nodeSqliteDialect(database) });
  try {
    const again = <Result>(work: () => Promise<Result>, options: CallOptions = {}) =>
      tryAgain(work, file, options);
    await again(async () => {
      // Others see a change at once and never wait for those who read; a commit outlives a power cut.
      database.exec('pragma journal_mode = wal; pragma synchronous = full');
      database.exec('pragma foreign_keys = on; pragma temp_store = memory');
    });
    await again(() => migrate(db, 'sqlite', file, clock), { signal });
    const view = (
      accessMode: 'read only' | 'read write',
    ): SqlDatabase['read'] & SqlDatabase['write'] =>
      function transaction<Result>(
        work: (statements: Statements) => Promise<Result>,
        options: CallOptions = {},
      ): Promise<Result> {
        return again(() => db.transaction().setAccessMode(accessMode).execute(work), options);
      };
    return {
      kind: 'sqlite',
      location: file,
      bell: new SqliteBell(database, clock),
      read: view('read only'),
      write: view('read write'),
      [Symbol.asyncDispose]: () => db.destroy(),
    };
  } catch (error) {
    await db.destroy();
    if (database.isOpen) database.close();
    throw sqliteFailure(error, file);
  }
}

/** What jobs do and print is nobody else's business: SQLite gives its other files the rights that this one has. */
async function makePlace(file: string): Promise<void> {
  try {
    await makeDirectories(path.dirname(file), { mode: 0o700 });
    await (await open(file, 'a', 0o600)).close();
  } catch (cause) {
    throw new AppError(
      'catalog/unavailable',
      `Cannot open the catalog "${file}": ${messageOf(cause)}`,
      { cause, hint: 'Choose another place with --state-dir or --database' },
    );
  }
}

function connect(file: string): DatabaseSync {
  try {
    return new DatabaseSync(file, { timeout: blockingWait, allowExtension: false });
  } catch (error) {
    throw sqliteFailure(error, file);
  }
}

async function tryAgain<Result>(
  work: () => Promise<Result>,
  file: string,
  { signal }: CallOptions,
): Promise<Result> {
  const deadline = systemClock.monotonic() + patience;
  for (let pause = 1; ; pause = Math.min(pause * 2, 50)) {
    signal?.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (!isBusy(error) || systemClock.monotonic() > deadline) throw sqliteFailure(error, file);
    }
    // The time of other processes, not that of schedules, which tests set.
    await systemClock.sleep(pause, { signal });
  }
}
