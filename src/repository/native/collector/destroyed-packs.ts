import { toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { hasCode } from '../../../base/errors.ts';
import { sha256 } from '../../../codec/encryption/key-derivation.ts';
import type { Storage } from '../../../storage/storage.ts';
import type { Access } from '../access.ts';
import type { ListedPack } from '../index/index-list.ts';
import { packName } from '../objects/object-name.ts';
import { unknownSignerOf } from '../objects/signed-object.ts';
import type { Catalogue } from './catalogue.ts';

/** A pack whose bytes are not those it is named after, and whose own table cannot be read. */
export interface DestroyedPack {
  readonly name: string;
  readonly size: number;
  /** What the index says of it, if anything. */
  readonly listed: ListedPack | undefined;
}

/**
 * Packs that cannot be read because they are destroyed, and not because the certificate of their signer is missing or they need a newer program. Nobody can read
 * their tables, but everything that snapshots use has to be found in others before they may go.
 */
export async function destroyedPacks(
  { storage }: Access,
  { unreadable, sizes, index }: Catalogue,
  options: CallOptions = {},
): Promise<DestroyedPack[]> {
  const found: DestroyedPack[] = [];
  for (const [name, error] of unreadable) {
    if (error.code !== 'repository/damaged' || unknownSignerOf(error) !== undefined) continue;
    const size = sizes.get(name) ?? 0;
    const listed = index.packs.get(name);
    const isCut = listed !== undefined && listed.size !== size;
    if (isCut || (await isDestroyed(storage, name, options))) found.push({ name, size, listed });
  }
  return found;
}

/** Whether a pack is there and its bytes are others than it is named after: reads all of it. */
export async function isDestroyed(
  storage: Storage,
  name: string,
  options: CallOptions = {},
): Promise<boolean> {
  try {
    return toHex(sha256(await storage.read(packName(name), options))) !== name;
  } catch (error) {
    if (hasCode(error, 'storage/not-found')) return false;
    throw error;
  }
}
