import { mixNameHash, nameHashStart } from '../../../base/name-sum.ts';
import type { InodeStatus } from '../../../base/posix/inode-status.ts';
import { ByteReader } from '../../../codec/binary/byte-reader.ts';
import { changedEntry, type SourceEntry } from '../../../model/entry.ts';
import { idSize } from '../content/content-list.ts';
import { decodeEntry } from '../content/tree.ts';
import { fieldsOfStatus, isStatusOf, statusSize } from './entry-status.ts';

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

/** A directory as it was read from the cache: the row, in which the children are found when somebody asks for them. */
export class RememberedDirectory implements CachedDirectory {
  readonly tree: Uint8Array;
  readonly ids: Uint8Array;
  readonly count: number;
  readonly #row: Uint8Array;
  /** Where the children begin. */
  readonly #start: number;
  #children: readonly RememberedChild[] | undefined;

  /** Reads the rest of `row`, at whose beginning `reader` has read the version. */
  constructor(row: Uint8Array, reader: ByteReader) {
    this.#row = row;
    this.tree = reader.bytes();
    this.ids = reader.bytes();
    this.count = reader.varint();
    this.#start = reader.offset;
  }

  get children(): readonly RememberedChild[] {
    if (this.#children === undefined) {
      const reader = this.#reader();
      const children: RememberedChild[] = [];
      for (let index = 0; index < this.count; index++) {
        children.push(new RememberedChild(this.#row, reader));
      }
      reader.end();
      this.#children = children;
    }
    return this.#children;
  }

  /** See `DirectoryMemory`. Nothing is made for a child that is as it was. */
  comparison(quietSince: number): RememberedComparison {
    return new RememberedComparison(this.#row, this.#reader(), this.count, quietSince);
  }

  /** Whether `knows` says yes to all ids of the content of the children. */
  hasOnlyIds(knows: (bytes: Uint8Array, at: number) => boolean): boolean {
    const reader = this.#reader();
    for (let left = this.count; left > 0; left--) {
      for (let field = 0; field < 3; field++) reader.skip(reader.varint());
      const length = reader.varint();
      const start = reader.skip(length);
      for (let at = start; at < start + length; at += idSize) {
        if (!knows(this.#row, at)) return false;
      }
    }
    return true;
  }

  #reader(): ByteReader {
    const reader = new ByteReader(this.#row);
    reader.skip(this.#start);
    return reader;
  }
}

/** The children of a row, one after the other, to be compared with what the system shows. */
class RememberedComparison {
  readonly #row: Uint8Array;
  readonly #reader: ByteReader;
  readonly #quietSince: number;
  #left: number;
  #sum = 0;

  constructor(row: Uint8Array, reader: ByteReader, count: number, quietSince: number) {
    this.#row = row;
    this.#reader = reader;
    this.#left = count;
    this.#quietSince = quietSince;
  }

  get sum(): number {
    return this.#sum;
  }

  /** See `Comparison`. What could not be a name in a directory does not fit. */
  next(room: Uint8Array): number {
    if (this.#left === 0) return -1;
    this.#left--;
    const row = this.#row;
    const length = this.#reader.varint();
    const start = this.#reader.skip(length);
    if (length >= room.length) return -1;
    let hash = nameHashStart;
    for (let index = 0; index < length; index++) {
      const byte = row[start + index]!;
      if (byte === 0 || byte === 0x2f) return -1;
      room[index] = byte;
      hash = mixNameHash(hash, byte);
    }
    room[length] = 0;
    this.#sum = (this.#sum + hash) | 0;
    return length;
  }

  /** See `Comparison`. */
  isAsBefore(status: InodeStatus): boolean {
    const reader = this.#reader;
    if (reader.varint() !== statusSize) return false;
    if (!isStatusOf(this.#row, reader.skip(statusSize), status, this.#quietSince)) return false;
    reader.skip(reader.varint());
    reader.skip(reader.varint());
    return true;
  }
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

  /** The entry that was found when this was remembered, without attributes: they are read separately. Its status must not be empty. */
  get found(): SourceEntry {
    const { size, links, mtime, ctime, inode, device } = fieldsOfStatus(this.status);
    return changedEntry(
      { ...decodeEntry(this.entry), ctime, inode, device, blocks: Math.ceil(size / 512) },
      { name: this.name, size, links, mtime, xattrs: [] },
    );
  }

  /** Whether `knows` says yes to all of its ids, each where it stands. */
  hasOnlyIds(knows: (bytes: Uint8Array, at: number) => boolean): boolean {
    for (let at = this.#ids; at < this.#idsEnd; at += idSize) {
      if (!knows(this.#row, at)) return false;
    }
    return true;
  }
}
