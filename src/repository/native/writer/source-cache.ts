import { closeSync, openSync, rmSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';

import { equalBytes } from '../../../base/bytes.ts';
import { ByteReader, MalformedError } from '../../../codec/binary/byte-reader.ts';
import { ByteWriter } from '../../../codec/binary/byte-writer.ts';
import { RememberedDirectory, type CachedDirectory } from './remembered-directory.ts';

const rowVersion = 5;
/** CRC-32: what guards against damage by chance must cost less than reading the row does. */
const checkSize = 4;
/** How long another backup may hold the file, in milliseconds, before this one goes on without. */
const LOCK_PATIENCE = 200;

/**
 * The codes of SQLite that tell a file that can never be used again: damaged, not a database, and the one for everything that has no code of its own, such as a
 * file format of the future or a table that is not what it should be.
 */
const damageCodes: ReadonlySet<number> = new Set([11, 26, 1]);

/** Pages fit a directory's row, and what a run touches stays in memory: much faster than the defaults. */
const setUp = `
  PRAGMA page_size = 16384;
  PRAGMA cache_size = -6000;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = OFF;
  CREATE TABLE IF NOT EXISTS directory (path BLOB PRIMARY KEY, row BLOB NOT NULL) STRICT, WITHOUT ROWID;
`;

/**
 * The memory of one machine, in one SQLite file. Several backups may use it at once: what one cannot write because another does is not remembered. Nothing that is
 * wrong with the file stops a backup; a file that is damaged is removed, and the next run begins a new one.
 */
export class SourceCache implements Disposable {
  readonly #file: string;
  readonly #database: DatabaseSync;
  readonly #read: StatementSync;
  readonly #write: StatementSync;
  #isWriting = false;
  #isBroken = false;
  #isDamaged = false;

  /** Opens or makes the file; throws what SQLite throws if it cannot be used. */
  constructor(file: string) {
    this.#file = file;
    const { database, read, write } = openDatabase(file);
    this.#database = database;
    this.#read = read;
    this.#write = write;
  }

  get(path: Uint8Array): RememberedDirectory | undefined {
    if (this.#isBroken) return undefined;
    try {
      const [row] = (this.#read.get(path) ?? []) as unknown as readonly unknown[];
      return row instanceof Uint8Array ? decodeRow(path, row) : undefined;
    } catch (error) {
      if (!(error instanceof MalformedError)) this.#noteFailure(error);
      return undefined;
    }
  }

  set(path: Uint8Array, directory: CachedDirectory): void {
    if (this.#isBroken) return;
    const row = encodeRow(path, directory);
    try {
      if (!this.#isWriting) {
        if (this.#database.isTransaction) this.#database.exec('COMMIT');
        this.#database.exec('BEGIN IMMEDIATE');
      }
      this.#isWriting = true;
      this.#write.run(path, row);
    } catch (error) {
      this.#noteFailure(error);
    }
  }

  /** Keeps what was set so far, also if this run does not come to its end. */
  save(): void {
    if (!this.#isWriting) return;
    this.#isWriting = false;
    try {
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#noteFailure(error);
    }
  }

  [Symbol.dispose](): void {
    this.save();
    this.#database.close();
    if (this.#isDamaged) removeDatabase(this.#file);
  }

  /** Full disks, locks of others and damage alike cost reading files again, and nothing else. */
  #noteFailure(error: unknown): void {
    if (!isSqliteError(error)) throw error;
    this.#isBroken = true;
    this.#isDamaged ||= isDamage(error);
  }
}

interface OpenDatabase {
  readonly database: DatabaseSync;
  readonly read: StatementSync;
  readonly write: StatementSync;
}

function openDatabase(file: string): OpenDatabase {
  for (let attempt = 1; ; attempt++) {
    // Names of the user's files are in it: nobody else may read them. What SQLite puts beside it gets the same mode.
    closeSync(openSync(file, 'a', 0o600));
    const database = new DatabaseSync(file, { timeout: LOCK_PATIENCE });
    try {
      database.exec(setUp);
      // Without it every row that is read takes and gives back a lock. The first that is written ends it.
      database.exec('BEGIN');
      const read = database.prepare('SELECT row FROM directory WHERE path = ?');
      // An object for every row takes a third of the time of all that is read.
      read.setReturnArrays(true);
      const write = database.prepare(
        'INSERT INTO directory VALUES (?, ?) ON CONFLICT DO UPDATE SET row = excluded.row',
      );
      return { database, read, write };
    } catch (error) {
      database.close();
      if (attempt > 1 || !isSqliteError(error) || !isDamage(error)) throw error;
      removeDatabase(file);
    }
  }
}

function removeDatabase(file: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true });
}

interface SqliteError extends Error {
  readonly errcode: number;
}

function isSqliteError(error: unknown): error is SqliteError {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number';
}

function isDamage({ errcode }: SqliteError): boolean {
  // The low byte is the kind, what is above it says more.
  return damageCodes.has(errcode & 0xff);
}

function encodeRow(path: Uint8Array, { tree, ids, children }: CachedDirectory): Uint8Array {
  // Bound to the path: a damaged file must not give one directory the row of another.
  const out = new ByteWriter(1024).u8(rowVersion).bytes(path).bytes(tree).bytes(ids);
  out.varint(children.length);
  for (const child of children) {
    out.bytes(child.name).bytes(child.status).bytes(child.entry).bytes(child.ids);
  }
  return out.u32(crc32(out.view())).take();
}

function decodeRow(path: Uint8Array, row: Uint8Array): RememberedDirectory {
  const body = row.subarray(0, Math.max(0, row.length - checkSize));
  if (new ByteReader(row.subarray(body.length)).u32() !== crc32(body)) {
    throw new MalformedError('Damaged row');
  }
  const reader = new ByteReader(body);
  if (reader.u8() !== rowVersion) throw new MalformedError('Row of another version');
  if (!equalBytes(reader.bytes(), path)) throw new MalformedError('Row of another directory');
  return new RememberedDirectory(body, reader);
}
