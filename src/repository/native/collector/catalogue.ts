import { toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { type AppError, hasCode } from '../../../base/errors.ts';
import { mapPool } from '../../../base/pool.ts';
import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import type { Access } from '../access.ts';
import { idSize } from '../content/content-list.ts';
import { BlobTable, type FoundBlob } from '../index/blob-table.ts';
import { listVerdicts, type Verdicts } from '../index/verdict-list.ts';
import { loadIndex, type IndexList, type ListedPack } from '../index/index-list.ts';
import { decodeTableHead, visitTableBlobs } from '../packs/pack-table.ts';
import { readPackTail } from '../packs/pack-tail.ts';
import { listPacks } from '../index/pack-listing.ts';

/** A pack that exists and whose table is known. */
export interface CataloguePack extends ListedPack {
  /** The storage's time of its last write, where it has one. */
  readonly modified: number | undefined;
  readonly runId: string;
  /** Whether the index names it; otherwise its own tail was read. */
  readonly indexed: boolean;
}

/**
 * Every pack of the repository with what it holds, and one table of all blobs (C1): the index first, then a listing of packs. For packs that no index object
 * names, or names with another size, the pack's own table is read.
 */
export interface Catalogue {
  /** Their positions are the pack numbers in `table`. */
  readonly packs: readonly CataloguePack[];
  readonly table: BlobTable;
  readonly index: IndexList;
  readonly verdicts: Verdicts;
  /** Packs that the index names and that do not exist. */
  readonly vanished: readonly ListedPack[];
  /** Packs that exist and cannot be used, by name: nobody can tell what they hold. */
  readonly unreadable: ReadonlyMap<string, UnreadablePack>;
}

/** A pack whose own table cannot be read. */
export interface UnreadablePack {
  readonly error: AppError;
  /** Of what is there. */
  readonly size: number;
  /** What the index says of it, if that makes sense. */
  readonly listed: ListedPack | undefined;
}

export interface CatalogueOptions extends CallOptions {
  /** Packs that are of no interest. */
  readonly without?: ReadonlySet<string>;
  /** Trust nothing but the packs' own tables. */
  readonly ignoreIndex?: boolean;
  /** What is known of audits; they are read if it is not given. */
  readonly verdicts?: Verdicts | undefined;
}

export async function loadCatalogue(
  access: Access,
  { without, ignoreIndex = false, verdicts: known, signal }: CatalogueOptions = {},
): Promise<Catalogue> {
  const index = await loadIndex(access, { signal });
  const listed = await listPacks(access, { signal });
  const packs: CataloguePack[] = [];
  const unknown: { name: string; size: number; modified: number | undefined }[] = [];
  for (const [name, { size, modified }] of listed) {
    if (without?.has(name) === true) continue;
    const indexed = ignoreIndex ? undefined : index.packs.get(name);
    if (indexed !== undefined && indexed.size === size && isReadable(indexed)) {
      packs.push({ ...indexed, modified, runId: toHex(indexed.head.runId), indexed: true });
    } else unknown.push({ name, size, modified });
  }
  const unreadable = new Map<string, UnreadablePack>();
  const read = mapPool(
    unknown,
    access.storage.capabilities.concurrency,
    async ({ name, size, modified }, call): Promise<CataloguePack | undefined> => {
      try {
        const { record, table } = await readPackTail(
          access.storage,
          name,
          size,
          access.verifying,
          call,
        );
        const head = decodeTableHead(record);
        const [signer, runId] = [toHex(table.signer), toHex(table.runId)];
        return { name, size, signer, table: record, head, modified, runId, indexed: false };
      } catch (error) {
        if (hasCode(error, 'storage/not-found')) return undefined; // Collected since it was listed.
        if (!hasCode(error, 'repository/damaged', 'repository/unsupported')) throw error;
        const said = index.packs.get(name);
        const isSaid = said !== undefined && isReadable(said);
        unreadable.set(name, { error, size, listed: isSaid ? said : undefined });
        return undefined;
      }
    },
    { signal },
  );
  for await (const pack of read) if (pack !== undefined) packs.push(pack);
  const vanished = [...index.packs.values()].filter(({ name }) => !listed.has(name));
  const verdicts = known ?? (await listVerdicts(access, { signal }));
  // Of several copies the table keeps the first: one that was found bad comes last.
  packs.sort((left, right) => Number(verdicts.isBad(left)) - Number(verdicts.isBad(right)));
  return { packs, table: tableOf(packs), index, verdicts, vanished, unreadable };
}

/** Several catalogues that complete each other: a later one holds what appeared after the earlier was made. */
export class Catalogues {
  readonly #access: Access;
  readonly all: Catalogue[];

  constructor(access: Access, first: Catalogue) {
    this.#access = access;
    this.all = [first];
  }

  /** Loads what is new. True if there was anything. */
  async refresh(options: CallOptions = {}): Promise<boolean> {
    const without = new Set(this.all.flatMap(({ packs }) => packs.map(({ name }) => name)));
    const more = await loadCatalogue(this.#access, { ...options, without });
    if (more.packs.length === 0) return false;
    this.all.push(more);
    return true;
  }

  find(id: Uint8Array, offset = 0): (FoundBlob & { readonly catalogue: Catalogue }) | undefined {
    for (const catalogue of this.all) {
      const found = catalogue.table.find(id, offset);
      if (found !== undefined) return { ...found, catalogue };
    }
    return undefined;
  }

  /** Marks a blob as used: whether it was before, or undefined if nobody has it. */
  mark(id: Uint8Array, offset = 0): boolean | undefined {
    for (const { table } of this.all) {
      const found = table.mark(id, offset);
      if (found !== undefined) return found.used;
    }
    return undefined;
  }
}

/** Whether the copy of the table in the index can be read to its end; if not, the pack's own is asked. */
function isReadable({ head }: ListedPack): boolean {
  try {
    visitTableBlobs(head, () => undefined);
    return true;
  } catch (error) {
    if (error instanceof MalformedError) return false;
    throw error;
  }
}

function tableOf(packs: readonly CataloguePack[]): BlobTable {
  // Every blob takes at least its id and one byte of length: an upper bound without decoding.
  let blobs = 0;
  for (const { head } of packs) blobs += Math.floor(head.segmentBytes.length / (idSize + 1));
  const table = BlobTable.allocate(blobs, packs.length);
  for (const [number, { head }] of packs.entries()) {
    visitTableBlobs(head, (bytes, offset, ordinal) => {
      table.addKnown(bytes, offset, number, ordinal);
    });
  }
  return table;
}
