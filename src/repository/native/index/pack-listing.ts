import type { CallOptions } from '../../../base/call-options.ts';
import type { Access } from '../access.ts';
import { objectPrefixes, parseObjectName } from '../objects/object-name.ts';
import type { StorageObject } from '../../../storage/storage.ts';

/** What a listing says of one pack. */
export type ListedObject = Pick<StorageObject, 'size' | 'modified'>;

/** Every pack that is there, by its hash in hexadecimal. Foreign names are left out. */
export async function listPacks(
  { storage }: Access,
  options: CallOptions = {},
): Promise<Map<string, ListedObject>> {
  const packs = new Map<string, ListedObject>();
  for await (const { name, size, modified } of storage.list(objectPrefixes.pack, options)) {
    const parsed = parseObjectName(name);
    if (parsed?.type !== 'pack') continue;
    packs.set(parsed.hash, modified === undefined ? { size } : { size, modified });
  }
  return packs;
}

/**
 * Waits until a listing that begins afterwards shows what was written before: nothing where listings are strong (native.md, section 14). A storage that gives
 * no bound gets no wait: there the user vouches that nobody else collects.
 */
export async function waitForListing(access: Access, options: CallOptions = {}): Promise<void> {
  const { listingLag } = access.storage.capabilities;
  if (listingLag !== undefined && listingLag > 0) {
    await access.clock.sleep(listingLag * 1000, options);
  }
}
