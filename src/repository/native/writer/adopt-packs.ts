import { equalBytes, toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { hasCode } from '../../../base/errors.ts';
import { sha256 } from '../../../codec/encryption/key-derivation.ts';
import type { Access } from '../access.ts';
import type { IndexList } from '../index/index-list.ts';
import { encodeIndexObject, splitIndex, type IndexedPack } from '../objects/index-object.ts';
import { objectPrefixes, packName, parseObjectName } from '../objects/object-name.ts';
import { readPackTail } from '../packs/pack-tail.ts';

/**
 * Finds packs of this host that no index object names: what an interrupted run uploaded (W3). Each is read whole and must be what its signed table says; then
 * index objects are published for them. Gives how many there were.
 */
export async function adoptPacks(
  access: Access,
  index: IndexList,
  options: CallOptions = {},
): Promise<number> {
  const { storage, verifying, hostId, signing } = access;
  const adopted: IndexedPack[] = [];
  for await (const { name, size } of storage.list(objectPrefixes.pack, options)) {
    const parsed = parseObjectName(name);
    if (parsed?.type !== 'pack' || index.packs.has(parsed.hash)) continue;
    try {
      const tail = await readPackTail(storage, parsed.hash, size, verifying, options);
      if (tail.signer.id !== hostId) continue;
      const bytes = await storage.read(packName(parsed.hash), options);
      const intact =
        toHex(sha256(bytes)) === parsed.hash &&
        equalBytes(sha256(bytes.subarray(0, tail.tableOffset)), tail.table.bodyHash);
      if (intact) adopted.push({ name: sha256(bytes), size, table: tail.record });
    } catch (error) {
      // Torn, foreign, or taken by a collector meanwhile: not ours to use, and `check` reports it.
      if (!hasCode(error, 'repository/damaged', 'storage/not-found')) throw error;
    }
  }
  for (const part of splitIndex({ packs: adopted, supersedes: [] })) {
    const { name, bytes } = encodeIndexObject(part, signing);
    await storage.put(name, bytes, options);
  }
  return adopted.length;
}
