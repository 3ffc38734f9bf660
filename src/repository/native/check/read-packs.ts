import { availableParallelism } from 'node:os';

import type { CallOptions } from '../../../base/call-options.ts';
import { hasCode, messageOf } from '../../../base/errors.ts';
import { mapPool } from '../../../base/pool.ts';
import type { RandomBytes } from '../../../base/random.ts';
import type { Portion } from '../../../base/size.ts';
import type { Access } from '../access.ts';
import type { CataloguePack } from '../collector/catalogue.ts';
import type { ListedPack } from '../index/index-list.ts';
import { packName } from '../objects/object-name.ts';
import { ownerSignerId, type KnownSigner } from '../objects/signed-body.ts';
import { nothingUsable } from './examine-pack.ts';
import { isUnreadableObject } from '../reader/unreadable-object.ts';
import type { PackExamination } from '../worker/check-messages.ts';
import { CheckWorkers } from '../worker/check-workers.ts';

/** A pack that was read whole. */
export interface ReadPack<Pack> {
  readonly pack: Pack;
  /** Undefined if it vanished meanwhile: a prune took it. */
  readonly examination: PackExamination | undefined;
}

/**
 * The packs of a portion. A part (`1/7`) always has the same packs, and the parts together are all of them; a percentage or a size is drawn at random.
 */
export function packsOf(
  packs: readonly CataloguePack[],
  portion: Portion | 'all',
  random: RandomBytes,
): CataloguePack[] {
  const ordered = packs.toSorted((left, right) => (left.name < right.name ? -1 : 1));
  if (portion === 'all') return ordered;
  if (portion.kind === 'part') {
    return ordered.filter(
      ({ name }) => Number.parseInt(name.slice(0, 12), 16) % portion.of === portion.part - 1,
    );
  }
  const first =
    Number.parseInt(Buffer.from(random(6)).toString('hex'), 16) % Math.max(1, ordered.length);
  // Names are hashes: packs that follow each other have nothing to do with each other.
  const turned = [...ordered.slice(first), ...ordered.slice(0, first)];
  const total = turned.reduce((sum, { size }) => sum + size, 0);
  let left = portion.kind === 'bytes' ? portion.bytes : (total * portion.percent) / 100;
  return turned.filter(({ size }) => {
    if (left <= 0) return false;
    left -= size;
    return true;
  });
}

/** Reads packs whole and examines them on all cores. */
export async function* readPacks<Pack extends ListedPack>(
  access: Access,
  packs: readonly Pack[],
  { workers = availableParallelism(), signal }: CallOptions & { readonly workers?: number } = {},
): AsyncGenerator<ReadPack<Pack>, void, undefined> {
  if (packs.length === 0) return;
  const { storage, keys } = access;
  await using threads = new CheckWorkers(Math.max(1, Math.min(workers, packs.length)), {
    repositoryId: keys.repositoryId,
    indexKey: keys.indexKey,
    idKey: keys.idKey,
    metaSeed: keys.metaSeed,
    dataSeed: keys.dataSeed,
    signers: signersOf(access, packs),
  });
  yield* mapPool(
    packs,
    threads.limit,
    async (pack, call): Promise<ReadPack<Pack>> => {
      try {
        const read = (): Promise<Uint8Array> => storage.read(packName(pack.name), call);
        return { pack, examination: await threads.examine(pack.name, read, call.signal) };
      } catch (error) {
        if (hasCode(error, 'storage/not-found')) return { pack, examination: undefined };
        if (!(await isUnreadableObject(storage, error, call))) throw error;
        return { pack, examination: nothingUsable(messageOf(error)) };
      }
    },
    { signal },
  );
}

function signersOf({ verifying }: Access, packs: readonly ListedPack[]): KnownSigner[] {
  const ids = new Set([ownerSignerId, ...packs.map(({ signer }) => signer)]);
  return [...ids].flatMap((id) => verifying.findSigner(id) ?? []);
}
