import { fromHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import type { AppError } from '../../../base/errors.ts';
import type { Access } from '../access.ts';
import { loadCatalogue } from '../collector/catalogue.ts';
import { encodeIndexObject, splitIndex, type IndexedPack } from '../objects/index-object.ts';
import { objectPrefixes, parseObjectName } from '../objects/object-name.ts';
import { deleteIndexObjects } from './index-merger.ts';
import { waitForListing } from './pack-listing.ts';

export interface RebuiltIndex {
  readonly packs: number;
  /** Objects that were written, and old ones that were removed. */
  readonly published: number;
  readonly removed: number;
  /** Packs whose own table cannot be read. What the old index said of them is kept. */
  readonly unreadable: readonly AppError[];
}

/**
 * Makes the index anew from the packs' own signed tables; works without any index. The old objects are listed first and deleted last: an object that a backup
 * publishes meanwhile is not among them, and until the end the old ones say where everything is.
 */
export async function rebuildIndexObjects(
  access: Access,
  { dryRun = false, signal }: CallOptions & { readonly dryRun?: boolean } = {},
): Promise<RebuiltIndex> {
  const { storage, signing } = access;
  const old: string[] = [];
  for await (const { name } of storage.list(objectPrefixes.index, { signal })) {
    if (parseObjectName(name)?.type === 'index') old.push(name);
  }
  await waitForListing(access, { signal });
  const { packs, unreadable } = await loadCatalogue(access, { ignoreIndex: true, signal });
  const records: IndexedPack[] = packs.map(({ name, size, table }) => ({
    name: fromHex(name),
    size,
    table,
  }));
  for (const [name, { listed }] of unreadable) {
    if (listed !== undefined) {
      records.push({ name: fromHex(name), size: listed.size, table: listed.table });
    }
  }
  const parts = splitIndex({ packs: records, supersedes: [] });
  if (!dryRun) {
    const published = new Set<string>();
    for (const part of parts) {
      const { name, bytes } = encodeIndexObject(part, signing);
      await storage.put(name, bytes, { signal });
      published.add(name);
    }
    await deleteIndexObjects(
      access,
      old.filter((name) => !published.has(name)),
      { signal },
    );
  }
  return {
    packs: records.length,
    published: parts.length,
    removed: old.length,
    unreadable: Array.from(unreadable.values(), ({ error }) => error),
  };
}
