import { toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { hasCode } from '../../../base/errors.ts';
import { mapPool } from '../../../base/pool.ts';
import { sha256 } from '../../../codec/encryption/key-derivation.ts';
import { keyPairFromSeed } from '../../../codec/encryption/x-wing.ts';
import type { Access } from '../access.ts';
import { requireKey } from '../keys/key-ring.ts';
import { decodeFinal, type Final } from '../objects/final.ts';
import { objectPrefixes, parseObjectName } from '../objects/object-name.ts';
import type { KnownSigner } from '../objects/signed-body.ts';
import { listForgets } from '../reader/snapshot-list.ts';

/** A final as it lies in the storage. */
export interface StoredFinal {
  readonly final: Final;
  readonly signer: KnownSigner;
  /** SHA-256 of the object, in hexadecimal. */
  readonly hash: string;
  /** The storage's time of its last write, where it has one. */
  readonly modified: number | undefined;
}

/**
 * Reads every final that no valid record forgets, sealed or not, of any host, but for those in `seen` (C2 and C4). Throws the first error: whoever deletes must
 * understand all of them. A final that vanishes meanwhile is not there.
 */
export async function readFinals(
  access: Access,
  seen: ReadonlySet<string>,
  options: CallOptions = {},
): Promise<StoredFinal[]> {
  const { storage, keys, verifying } = access;
  // A machine that came after this program began may have written some of them.
  await access.refreshSigners(options);
  const metaSecret = keyPairFromSeed(requireKey(keys, 'metaSeed')).secret;
  // A record that cannot be read forgets nothing: what it names counts as live.
  const { forgets } = await listForgets(access, options);
  const forgotten = new Set(
    forgets.flatMap(({ snapshots }) => snapshots.map(({ snapshotId }) => snapshotId)),
  );
  const read = mapPool(
    storage.list(objectPrefixes.final, options),
    storage.capabilities.concurrency,
    async ({ name, modified }, call): Promise<StoredFinal | undefined> => {
      const parsed = parseObjectName(name);
      if (parsed?.type !== 'final' || seen.has(parsed.id) || forgotten.has(parsed.id)) {
        return undefined;
      }
      let bytes: Uint8Array;
      try {
        bytes = await storage.read(name, call);
      } catch (error) {
        if (hasCode(error, 'storage/not-found')) return undefined;
        throw error;
      }
      const { value, signer } = decodeFinal(name, bytes, {
        repositoryId: keys.repositoryId,
        metaSecret,
        findSigner: verifying.findSigner,
      });
      return { final: value, signer, hash: toHex(sha256(bytes)), modified };
    },
    options,
  );
  return (await Array.fromAsync(read)).filter((final) => final !== undefined);
}
