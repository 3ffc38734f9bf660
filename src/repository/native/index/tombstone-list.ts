import type { CallOptions } from '../../../base/call-options.ts';
import { hasCode } from '../../../base/errors.ts';
import { mapPool } from '../../../base/pool.ts';
import type { Access } from '../access.ts';
import { decodeOfAnybody } from '../objects/decode-of-anybody.ts';
import { objectPrefixes, parseObjectName } from '../objects/object-name.ts';
import { decodeTombstone, type Tombstone } from '../objects/tombstone.ts';

/** What some collector means to delete. */
export interface Doomed {
  readonly packs: ReadonlySet<string>;
  readonly snapshots: ReadonlySet<string>;
  readonly tombstones: readonly Tombstone[];
}

/**
 * Lists and reads all tombstones. One that cannot be read stops whoever asks: it might name anything. A tombstone that vanishes in between belonged to a
 * collector that came to its end.
 */
export async function listTombstones(access: Access, options: CallOptions = {}): Promise<Doomed> {
  const { storage } = access;
  const found = await Array.fromAsync(storage.list(objectPrefixes.tombstone, options));
  const read = mapPool(
    found,
    storage.capabilities.concurrency,
    async ({ name }, call) => {
      if (parseObjectName(name)?.type !== 'tombstone') return undefined; // Foreign.
      try {
        const bytes = await storage.read(name, call);
        return (await decodeOfAnybody(access, name, bytes, decodeTombstone, call)).value;
      } catch (error) {
        if (hasCode(error, 'storage/not-found')) return undefined;
        throw error;
      }
    },
    options,
  );
  const tombstones = (await Array.fromAsync(read)).filter((tombstone) => tombstone !== undefined);
  return {
    packs: new Set(tombstones.flatMap(({ packs }) => packs)),
    snapshots: new Set(tombstones.flatMap(({ snapshots }) => snapshots)),
    tombstones,
  };
}
