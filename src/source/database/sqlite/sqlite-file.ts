import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';

import { AppError, messageOf } from '../../../base/errors.ts';
import { dumpFormats } from '../dump-format.ts';
import type { LoadedTable } from '../database-load.ts';

/**
 * Opens a database to be read, and sees to it that it is one.
 *
 * @param wait how long others may keep it locked, milliseconds
 * @throws AppError `source/missing`, `database/unavailable` if it stays locked, `database/failed`
 */
export function openSqlite(file: string, wait: number): DatabaseSync {
  if (!existsSync(file)) {
    throw new AppError('source/missing', `There is no database "${file}"`, {
      hint: 'Write sqlite:///path/to/file with three slashes',
    });
  }
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { readOnly: true, timeout: wait });
    database.prepare('SELECT count(*) FROM sqlite_schema').get();
    return database;
  } catch (cause) {
    database?.close();
    const isLocked = /locked|busy/iu.test(messageOf(cause));
    throw new AppError(
      isLocked ? 'database/unavailable' : 'database/failed',
      `Cannot read the database "${file}": ${messageOf(cause)}`,
      { cause },
    );
  }
}

/**
 * Looks a file over: its header, its length, and by SQLite itself every page and index.
 *
 * @param what the beginning of a sentence
 * @throws AppError `database/failed`
 */
export async function checkSqliteFile(file: string, what: string): Promise<void> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(100), 0, 100, 0);
    // An empty database has no page yet.
    if (bytesRead < 100 || !dumpFormats.sqlite.begins(buffer)) {
      throw new AppError('database/failed', `${what} does not begin like a database of SQLite`);
    }
    // https://www.sqlite.org/fileformat2.html#the_database_header
    const pageSize = buffer.readUInt16BE(16) === 1 ? 65_536 : buffer.readUInt16BE(16);
    const pages = buffer.readUInt32BE(28);
    if (pageSize * pages !== size) {
      throw new AppError(
        'database/failed',
        `${what} is not complete: it has ${size} bytes instead of ${pageSize * pages}`,
      );
    }
  } finally {
    await handle.close();
  }
  const found = examine(file);
  if (found === 'ok') return;
  throw new AppError('database/failed', `${what} is damaged: ${found}`, {
    hint: 'The database itself is; "sqlite3 FILE .recover" saves what can be saved',
  });
}

/** A copy that nobody else has: SQLite needs, and leaves, no files beside it. */
function openUnchanging(file: string): DatabaseSync {
  const url = pathToFileURL(file);
  url.searchParams.set('immutable', '1');
  return new DatabaseSync(url, { readOnly: true });
}

function examine(file: string): string {
  try {
    using database = openUnchanging(file);
    const rows = database.prepare('PRAGMA integrity_check(3)').all();
    return rows.map((row) => String(row['integrity_check'])).join('; ');
  } catch (error) {
    return messageOf(error);
  }
}

/** What is in a database, by name. */
export function countSqliteRows(file: string): readonly LoadedTable[] {
  using database = openUnchanging(file);
  const names = database
    .prepare(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
    )
    .all()
    .map((row) => String(row['name']));
  return names.map((name) => {
    const row = database
      .prepare(`SELECT count(*) AS count FROM "${name.replaceAll('"', '""')}"`)
      .get();
    return { name, rows: Number(row?.['count']) };
  });
}
