import { toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import type { Access } from '../access.ts';
import { waitForListing } from '../index/pack-listing.ts';
import {
  finalName,
  objectPrefixes,
  parseObjectName,
  tombstoneName,
} from '../objects/object-name.ts';
import { encodeTombstone } from '../objects/tombstone.ts';

/**
 * Removes finals that no seal commits: a tombstone that names them first, then a listing of seals; what is sealed by then stays (native-format 9.4). The writer's
 * W11 is the other half. Gives the ids of those that were removed.
 */
export async function removeAbandonedFinals(
  access: Access,
  snapshotIds: readonly string[],
  options: CallOptions = {},
): Promise<string[]> {
  if (snapshotIds.length === 0) return [];
  const { storage, clock, random, signing } = access;
  const runId = toHex(random(16));
  const tombstone = encodeTombstone(
    { runId, packs: [], snapshots: snapshotIds, time: clock.now() },
    signing,
  );
  await storage.put(tombstone.name, tombstone.bytes, options);
  await waitForListing(access, options);
  const sealed = new Set<string>();
  for await (const { name } of storage.list(objectPrefixes.seal, options)) {
    const parsed = parseObjectName(name);
    // A seal that may be forged keeps its final as well: nothing is lost by that.
    if (parsed?.type === 'seal') sealed.add(parsed.id);
  }
  const removed = snapshotIds.filter((id) => !sealed.has(id));
  for (const id of removed) await storage.delete(finalName(id), options);
  // Only now: with an unknown outcome above, the tombstone stays.
  await storage.delete(tombstoneName(runId), options);
  return removed;
}

/**
 * Removes every tombstone, also those of others (`prune --clear-tombstones`): for an owner who knows that no collector runs or is suspended anywhere. Gives how
 * many there were.
 */
export async function clearTombstones(
  { storage }: Access,
  options: CallOptions = {},
): Promise<number> {
  const names: string[] = [];
  for await (const { name } of storage.list(objectPrefixes.tombstone, options)) {
    if (parseObjectName(name)?.type === 'tombstone') names.push(name);
  }
  for (const name of names) await storage.delete(name, options);
  return names.length;
}
