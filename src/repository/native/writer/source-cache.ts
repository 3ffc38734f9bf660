import { DatabaseSync, type StatementSync } from 'node:sqlite';

import { equalBytes } from '../../../base/bytes.ts';
import { ByteReader, MalformedError } from '../../../codec/binary/byte-reader.ts';
import { ByteWriter } from '../../../codec/binary/byte-writer.ts';
import { sha256 } from '../../../codec/encryption/key-derivation.ts';
import type { SourceEntry } from '../../../model/entry.ts';

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

const rowVersion = 1;
const checkSize = 16;

export class SourceCache implements Disposable {
  readonly #database: DatabaseSync;
  readonly #read: StatementSync;
  readonly #write: StatementSync;

  /** Opens or makes the file; throws what SQLite throws if it cannot be used. */
  constructor(file: string) {
    this.#database = new DatabaseSync(file);
    this.#database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = OFF;
      CREATE TABLE IF NOT EXISTS directory (path BLOB PRIMARY KEY, row BLOB NOT NULL) STRICT, WITHOUT ROWID;
      BEGIN;
    `);
    this.#read = this.#database.prepare('SELECT row FROM directory WHERE path = ?');
    this.#write = this.#database.prepare(
      'INSERT INTO directory VALUES (?, ?) ON CONFLICT DO UPDATE SET row = excluded.row',
    );
  }

  get(path: Uint8Array): CachedDirectory | undefined {
    const row = this.#read.get(path)?.['row'];
    if (!(row instanceof Uint8Array)) return undefined;
    try {
      return decodeRow(row);
    } catch (error) {
      if (error instanceof MalformedError) return undefined;
      throw error;
    }
  }

  set(path: Uint8Array, directory: CachedDirectory): void {
    this.#write.run(path, encodeRow(directory));
  }

  /** Keeps what was set so far, also if this run does not come to its end. */
  save(): void {
    this.#database.exec('COMMIT; BEGIN');
  }

  [Symbol.dispose](): void {
    this.#database.exec('COMMIT');
    this.#database.close();
  }
}

const statusWriter = new ByteWriter(64);

/**
 * The change-relevant part of `lstat`: type is in the entry. `quietSince`: the entry must have been left alone since then (seconds); otherwise the
 * next change could leave the same times, and the answer is empty, which equals nothing.
 */
export function statusOf(entry: SourceEntry, quietSince: number): Uint8Array {
  if (entry.ctime.seconds >= quietSince || entry.mtime.seconds >= quietSince) return noStatus;
  statusWriter.clear();
  statusWriter
    .u8(entry.type.charCodeAt(0) ^ (entry.type.length << 4))
    .varint(entry.size)
    .svarint(entry.mtime.seconds)
    .u32(entry.mtime.nanoseconds)
    .svarint(entry.ctime.seconds)
    .u32(entry.ctime.nanoseconds)
    .varint(entry.device)
    .varint(Number(entry.inode >> 32n))
    .varint(Number(entry.inode & 0xffffffffn))
    .varint(entry.links);
  return statusWriter.take();
}

const noStatus = new Uint8Array(0);

/** Whether an entry is as the cache remembers it. */
export function isUnchanged(cached: CachedChild, status: Uint8Array): boolean {
  return cached.status.length > 0 && equalBytes(cached.status, status);
}

function encodeRow({ tree, ids, children }: CachedDirectory): Uint8Array {
  const out = new ByteWriter(1024).u8(rowVersion).bytes(tree).bytes(ids);
  out.varint(children.length);
  for (const child of children) {
    out.bytes(child.name).bytes(child.status).bytes(child.entry).bytes(child.ids);
  }
  const check = sha256(out.view()).subarray(0, checkSize);
  return out.raw(check).take();
}

function decodeRow(row: Uint8Array): CachedDirectory {
  const body = row.subarray(0, Math.max(0, row.length - checkSize));
  if (!equalBytes(sha256(body).subarray(0, checkSize), row.subarray(body.length))) {
    throw new MalformedError('Damaged row');
  }
  const reader = new ByteReader(body);
  if (reader.u8() !== rowVersion) throw new MalformedError('Row of another version');
  const tree = reader.bytes();
  const ids = reader.bytes();
  const count = reader.varint();
  const children: CachedChild[] = [];
  for (let index = 0; index < count; index++) {
    children.push({
      name: reader.bytes(),
      status: reader.bytes(),
      entry: reader.bytes(),
      ids: reader.bytes(),
    });
  }
  reader.end();
  return { tree, ids, children };
}
