import { hash } from 'node:crypto';
import { closeSync, openSync, rmSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';

import { equalBytes } from '../../../base/bytes.ts';
import { ByteReader, MalformedError } from '../../../codec/binary/byte-reader.ts';
import { ByteWriter } from '../../../codec/binary/byte-writer.ts';
import type { EntryType, SourceEntry } from '../../../model/entry.ts';
import { idSize } from '../content/content-list.ts';
import { storableSeconds } from '../content/tree.ts';

/**
 * What the last run found in a directory: enough to know what has not changed, and which blobs it was (native-format section 10). It holds no pack names, so it
 * can never say "stored": the index of the run is asked for every id. A row that is damaged, of another format or missing only costs reading again.
 */
export interface CachedDirectory {
  /** The encoded reference to the directory's tree, and all ids of it, joined. */
  readonly tree: Uint8Array;
  readonly ids: Uint8Array;
  readonly children: readonly CachedChild[];
}

export interface CachedChild {
  readonly name: Uint8Array;
  /** Everything of `lstat` that tells a change, in a fixed layout; empty if the entry changed too shortly before the run. */
  readonly status: Uint8Array;
  /** The entry as it stands in the tree. */
  readonly entry: Uint8Array;
  /** All ids of a file's content, joined. */
  readonly ids: Uint8Array;
}

/** A directory as it was read from the cache. */
export interface RememberedDirectory extends CachedDirectory {
  readonly children: readonly RememberedChild[];
}

/** A child in the row it was read in. Of most children nothing is asked but whether they are as they were: only what is asked for is made. */
export class RememberedChild implements CachedChild {
  readonly #row: Uint8Array;
  readonly #name: number;
  readonly #nameEnd: number;
  readonly #status: number;
  readonly #statusEnd: number;
  readonly #entry: number;
  readonly #entryEnd: number;
  readonly #ids: number;
  readonly #idsEnd: number;

  /** Reads the child that is next in `reader`, which reads `row` from its beginning. */
  constructor(row: Uint8Array, reader: ByteReader) {
    this.#row = row;
    this.#name = reader.skip(reader.varint());
    this.#nameEnd = reader.offset;
    this.#status = reader.skip(reader.varint());
    this.#statusEnd = reader.offset;
    this.#entry = reader.skip(reader.varint());
    this.#entryEnd = reader.offset;
    this.#ids = reader.skip(reader.varint());
    this.#idsEnd = reader.offset;
  }

  get name(): Uint8Array {
    return this.#row.subarray(this.#name, this.#nameEnd);
  }
  get status(): Uint8Array {
    return this.#row.subarray(this.#status, this.#statusEnd);
  }
  get entry(): Uint8Array {
    return this.#row.subarray(this.#entry, this.#entryEnd);
  }
  get ids(): Uint8Array {
    return this.#row.subarray(this.#ids, this.#idsEnd);
  }

  /** Less than 0 if its name comes before another, 0 if it is the same. In a loop, because names are short. */
  compareName(other: Uint8Array): number {
    const row = this.#row;
    const start = this.#name;
    const length = this.#nameEnd - start;
    const common = Math.min(length, other.length);
    for (let index = 0; index < common; index++) {
      const difference = row[start + index]! - other[index]!;
      if (difference !== 0) return difference;
    }
    return length - other.length;
  }

  /** Whether it is as the cache remembers it. */
  isUnchanged(status: Uint8Array): boolean {
    const length = this.#statusEnd - this.#status;
    if (length === 0 || length !== status.length) return false;
    const row = this.#row;
    const start = this.#status;
    for (let index = 0; index < length; index++) {
      if (row[start + index] !== status[index]) return false;
    }
    return true;
  }

  /** Whether `knows` says yes to all of its ids, each where it stands. */
  hasOnlyIds(knows: (bytes: Uint8Array, at: number) => boolean): boolean {
    for (let at = this.#ids; at < this.#idsEnd; at += idSize) {
      if (!knows(this.#row, at)) return false;
    }
    return true;
  }
}

const rowVersion = 3;
const checkSize = 16;
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
      const row = this.#read.get(path)?.['row'];
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

const statusWriter = new ByteWriter(64);
const typeNames = new Map<EntryType, Buffer>();

function nameOfType(type: EntryType): Buffer {
  let name = typeNames.get(type);
  if (name === undefined) typeNames.set(type, (name = Buffer.from(type)));
  return name;
}

/**
 * The change-relevant part of `lstat`. `quietSince`: the entry must have been left alone since then (seconds); otherwise the
 * next change could leave the same times, and the answer is empty, which equals nothing.
 */
export function statusOf(entry: SourceEntry, quietSince: number): Uint8Array {
  const { mtime, ctime, inode } = entry;
  if (ctime.seconds >= quietSince || mtime.seconds >= quietSince) return noStatus;
  statusWriter.clear();
  statusWriter
    .bytes(nameOfType(entry.type))
    .varint(entry.size)
    .svarint(storableSeconds(mtime.seconds))
    .u32(mtime.nanoseconds)
    .svarint(storableSeconds(ctime.seconds))
    .u32(ctime.nanoseconds)
    .varint(entry.device)
    .varint(Number(inode >> 32n))
    .varint(Number(inode & 0xffffffffn))
    .varint(entry.links);
  return statusWriter.copy();
}

const noStatus = new Uint8Array(0);

function encodeRow(path: Uint8Array, { tree, ids, children }: CachedDirectory): Uint8Array {
  const out = new ByteWriter(1024).u8(rowVersion).bytes(tree).bytes(ids);
  out.varint(children.length);
  for (const child of children) {
    out.bytes(child.name).bytes(child.status).bytes(child.entry).bytes(child.ids);
  }
  return out.raw(checkOf(path, out.view())).take();
}

/** Stands in no path. */
const separator = Uint8Array.of(0);

/** Bound to the path: a damaged file must not give one directory the row of another. */
function checkOf(path: Uint8Array, body: Uint8Array): Uint8Array {
  // In one call: with a hash object the same takes three times as long.
  return hash('sha256', Buffer.concat([path, separator, body]), 'buffer').subarray(0, checkSize);
}

function decodeRow(path: Uint8Array, row: Uint8Array): RememberedDirectory {
  const body = row.subarray(0, Math.max(0, row.length - checkSize));
  if (!equalBytes(checkOf(path, body), row.subarray(body.length))) {
    throw new MalformedError('Damaged row');
  }
  const reader = new ByteReader(body);
  if (reader.u8() !== rowVersion) throw new MalformedError('Row of another version');
  const tree = reader.bytes();
  const ids = reader.bytes();
  const count = reader.varint();
  const children: RememberedChild[] = [];
  for (let index = 0; index < count; index++) children.push(new RememberedChild(body, reader));
  reader.end();
  return { tree, ids, children };
}
