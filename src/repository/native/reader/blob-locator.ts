import { toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode, messageOf } from '../../../base/errors.ts';
import { mapPool } from '../../../base/pool.ts';
import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import type { Access } from '../access.ts';
import { idSize } from '../content/content-list.ts';
import { BlobTable } from '../index/blob-table.ts';
import { loadIndex } from '../index/index-list.ts';
import { objectPrefixes, packName, parseObjectName } from '../objects/object-name.ts';
import { decodeTableHead, visitTableBlobs, type TableHead } from '../packs/pack-table.ts';
import { readPackTail } from '../packs/pack-tail.ts';
import { ByteBoundedCache } from './byte-bounded-cache.ts';
import type { Finding } from './finding.ts';
import { CompactTable } from './compact-table.ts';

/** A pack that the index or its own tail describes. */
export interface LocatedPack {
  /** SHA-256 of its bytes, in hexadecimal. */
  readonly name: string;
  readonly size: number;
  /** Its table without extensions. */
  readonly table: Uint8Array;
  readonly head: TableHead;
}

/** A copy of a blob. */
export interface BlobCopy {
  readonly pack: LocatedPack;
  readonly ordinal: number;
}

export interface LocatorOptions extends CallOptions {
  readonly onFinding?: ((finding: Finding) => void) | undefined;
}

/** Decoded tables are kept for about this many blobs and segments. */
const LAYOUT_CAPACITY = 1_000_000;

/**
 * Which blob is in which pack, as far as known: first from the index, then anew, then from packs that no index object names (native.md, 14.3). 24 bytes a blob
 * besides the tables themselves.
 */
export class BlobLocator {
  readonly #access: Access;
  readonly #onFinding: (finding: Finding) => void;
  readonly #layouts = new ByteBoundedCache<string, CompactTable>(LAYOUT_CAPACITY);
  readonly #gone = new Set<string>();
  readonly #tails = new Map<string, LocatedPack>();
  readonly #unreadableTails = new Set<string>();
  readonly #reported = new Set<string>();
  #packs: LocatedPack[] = [];
  #table = BlobTable.allocate(0, 0);
  #others: Map<string, BlobCopy[]> | undefined;

  private constructor(access: Access, onFinding: (finding: Finding) => void) {
    this.#access = access;
    this.#onFinding = onFinding;
  }

  /** Loads the index. Snapshots must have been listed before. */
  static async load(
    access: Access,
    { onFinding = () => undefined, signal }: LocatorOptions = {},
  ): Promise<BlobLocator> {
    const locator = new BlobLocator(access, onFinding);
    await locator.reload({ signal });
    return locator;
  }

  /** All packs that are known. */
  get packs(): readonly LocatedPack[] {
    return this.#packs;
  }

  /** Where the blob is whose id stands at `offset`. */
  find(id: Uint8Array, offset = 0): BlobCopy | undefined {
    const place = this.#table.use(id, offset);
    if (place === undefined) return undefined;
    return { pack: this.#packs[place.pack]!, ordinal: place.ordinal };
  }

  /** Every known copy of a blob, the one that `find` gives first. */
  copiesOf(id: Uint8Array): BlobCopy[] {
    const first = this.find(id);
    if (first === undefined) return [];
    this.#others ??= this.#findOthers();
    return [first, ...(this.#others.get(toHex(id)) ?? [])];
  }

  /** The decoded table of a pack. @throws MalformedError if it does not add up */
  layoutOf(pack: LocatedPack): CompactTable {
    let layout = this.#layouts.get(pack.name);
    if (layout === undefined) {
      layout = new CompactTable(pack.table);
      this.#layouts.set(pack.name, layout, layout.blobCount + layout.segments.length * 8);
    }
    return layout;
  }

  /** Notes that a pack is not there (any more); it counts no longer after the next `reload`. False if that is no news. */
  markGone({ name }: LocatedPack): boolean {
    if (this.#gone.has(name)) return false;
    this.#gone.add(name);
    this.#tails.delete(name);
    return true;
  }

  /** Loads the index anew. */
  async reload(options: CallOptions = {}): Promise<void> {
    const index = await loadIndex(this.#access, options);
    for (const error of index.damaged) this.#report(error.message, error.details['object']);
    const packs: LocatedPack[] = [...index.packs.values()];
    for (const tail of this.#tails.values()) if (!index.packs.has(tail.name)) packs.push(tail);
    this.#rebuild(packs);
  }

  /** Lists all packs and reads the tables of those that are not known yet. A table that cannot be read is a finding. */
  async addUnindexed({ signal }: CallOptions = {}): Promise<void> {
    const { storage, verifying } = this.#access;
    const known = new Set(this.#packs.map(({ name }) => name));
    const listed = mapPool(
      storage.list(objectPrefixes.pack, { signal }),
      storage.capabilities.concurrency,
      async (object, call): Promise<LocatedPack | undefined> => {
        const parsed = parseObjectName(object.name);
        if (parsed?.type !== 'pack') return undefined;
        const { hash: name } = parsed;
        if (known.has(name) || this.#gone.has(name) || this.#unreadableTails.has(name)) {
          return undefined;
        }
        try {
          const { record } = await readPackTail(storage, name, object.size, verifying, call);
          return { name, size: object.size, table: record, head: decodeTableHead(record) };
        } catch (error) {
          if (hasCode(error, 'storage/not-found')) return undefined;
          if (!hasCode(error, 'repository/damaged', 'storage/bad-range')) throw error;
          this.#unreadableTails.add(name);
          this.#report(messageOf(error), object.name);
          return undefined;
        }
      },
      { signal },
    );
    let isNew = false;
    for await (const pack of listed) {
      if (pack === undefined) continue;
      this.#tails.set(pack.name, pack);
      isNew = true;
    }
    if (isNew) this.#rebuild([...this.#packs, ...this.#tails.values()]);
  }

  #rebuild(all: readonly LocatedPack[]): void {
    const packs = new Map<string, LocatedPack>();
    for (const pack of all) if (!this.#gone.has(pack.name)) packs.set(pack.name, pack);
    const list = [...packs.values()];
    const counts = list.map((pack) => this.#attempt(pack, () => visitTableBlobs(pack.head, pass)));
    let blobs = 0;
    for (const count of counts) blobs += count ?? 0;
    const table = BlobTable.allocate(blobs, list.length);
    for (const [number, pack] of list.entries()) {
      if (counts[number] === undefined) continue;
      visitTableBlobs(pack.head, (bytes, at, ordinal) => {
        table.addKnown(bytes, at, number, ordinal);
      });
    }
    this.#packs = list;
    this.#table = table;
    this.#others = undefined;
  }

  /** Copies that the table leaves out because it knows another one. */
  #findOthers(): Map<string, BlobCopy[]> {
    const others = new Map<string, BlobCopy[]>();
    for (const pack of this.#packs) {
      this.#attempt(pack, () =>
        visitTableBlobs(pack.head, (bytes, at, ordinal) => {
          const first = this.find(bytes, at);
          if (first === undefined || (first.pack === pack && first.ordinal === ordinal)) return;
          const id = toHex(bytes.subarray(at, at + idSize));
          const known = others.get(id);
          if (known === undefined) others.set(id, [{ pack, ordinal }]);
          else known.push({ pack, ordinal });
        }),
      );
    }
    return others;
  }

  #attempt<Result>(pack: LocatedPack, call: () => Result): Result | undefined {
    try {
      return call();
    } catch (error) {
      if (!(error instanceof MalformedError) && !(error instanceof AppError)) throw error;
      const object = packName(pack.name);
      this.#report(`The index describes "${object}" wrongly: ${error.message}`, object);
      return undefined;
    }
  }

  #report(message: string, object: unknown): void {
    if (this.#reported.has(message)) return;
    this.#reported.add(message);
    const named = typeof object === 'string' ? object : undefined;
    this.#onFinding({ kind: 'damaged', severity: 'error', message, object: named });
  }
}

const pass = (): void => undefined;
