import { rm } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, messageOf } from '../../../base/errors.ts';
import { checkDump } from '../check-dump.ts';
import type { LoadedDatabase, LoadRequest } from '../database-load.ts';
import { isOccupied, placeFile } from '../place-file.ts';
import { temporaryDirectory } from '../temporary-directory.ts';
import { checkSqliteFile, countSqliteRows } from './sqlite-file.ts';

/**
 * Puts a copy of a database into its place, after SQLite has looked it over. One that is there is replaced with `clean` only, and only if nobody uses it.
 *
 * @throws AppError `target/…`, `database/failed`, and what reading the dump throws
 */
export async function loadSqlite(
  request: LoadRequest,
  { signal }: CallOptions = {},
): Promise<LoadedDatabase> {
  const { random } = request;
  const dump = checkDump(request.dump, 'sqlite', 'The dump');
  const check = (made: string): Promise<void> => checkSqliteFile(made, 'What was stored');
  if (request.scratch) {
    await using directory = await temporaryDirectory(request.temporaryDirectory);
    const file = path.join(directory.path, 'scratch.sqlite');
    await placeFile(file, dump, { random, check, signal });
    return { name: file, tables: countSqliteRows(file) };
  }
  const file = request.target.database!;
  const isThere = await isOccupied(file);
  if (isThere && !request.clean) {
    throw new AppError('target/refused', `"${file}" is there already`, {
      hint: 'Choose another path, or replace it with --clean',
    });
  }
  await placeFile(file, dump, {
    random,
    signal,
    async check(made) {
      await check(made);
      if (isThere) await leaveAlone(file);
    },
  });
  return { name: file };
}

/** What the old database has written beside itself would be taken for the new one's. */
async function leaveAlone(file: string): Promise<void> {
  try {
    using database = new DatabaseSync(file, { timeout: 1000 });
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    database.exec('PRAGMA locking_mode = EXCLUSIVE');
    database.exec('BEGIN EXCLUSIVE');
    database.exec('ROLLBACK');
  } catch (cause) {
    if (/locked|busy/iu.test(messageOf(cause))) {
      throw new AppError('target/refused', `"${file}" is in use`, {
        cause,
        hint: 'End the programs that have it open',
      });
    }
    // It is no database, or a damaged one, which is a reason to replace it.
  }
  for (const end of ['-wal', '-shm', '-journal']) await rm(`${file}${end}`, { force: true });
}
