import { toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { hasCode } from '../../../base/errors.ts';
import { sha256 } from '../../../codec/encryption/key-derivation.ts';
import type { Storage } from '../../../storage/storage.ts';
import type { Access } from '../access.ts';
import type { ListedPack } from '../index/index-list.ts';
import { packName } from '../objects/object-name.ts';
import { unknownSignerOf } from '../objects/signed-object.ts';
import { readPackTail } from '../packs/pack-tail.ts';
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
  { unreadable }: Catalogue,
  options: CallOptions = {},
): Promise<DestroyedPack[]> {
  const found: DestroyedPack[] = [];
  for (const [name, { error, size, listed }] of unreadable) {
    if (error.code !== 'repository/damaged' || unknownSignerOf(error) !== undefined) continue;
    if (isCut(size, listed) || (await isDestroyed(storage, name, options))) {
      found.push({ name, size, listed });
    }
  }
  return found;
}

/**
 * Whether a pack that was destroyed when the collection was planned still is. It may only have come across the line badly; its upload may have been under way, and a snapshot relies on it
 * since; or somebody has put a copy of it there.
 */
export async function isStillDestroyed(
  { storage, verifying }: Access,
  { name, listed }: DestroyedPack,
  options: CallOptions = {},
): Promise<boolean> {
  let size = 0;
  try {
    ({ size } = await storage.stat(packName(name), options));
    await readPackTail(storage, name, size, verifying, { ...options, withHead: true });
    return false;
  } catch (error) {
    if (hasCode(error, 'storage/not-found', 'repository/unsupported')) return false;
    if (!hasCode(error, 'repository/damaged', 'storage/bad-range')) throw error;
    if (unknownSignerOf(error) !== undefined) return false;
    return isCut(size, listed) || (await isDestroyed(storage, name, options));
  }
}

function isCut(size: number, listed: ListedPack | undefined): boolean {
  return listed !== undefined && listed.size !== size;
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
