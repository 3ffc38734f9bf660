import { toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { hasCode } from '../../../base/errors.ts';
import { mapPool } from '../../../base/pool.ts';
import { sha256 } from '../../../codec/encryption/key-derivation.ts';
import type { Access } from '../access.ts';
import { listTombstones } from '../index/tombstone-list.ts';
import { encodeFinal, type Final } from '../objects/final.ts';
import { finalName, objectPrefixes, packName, parseObjectName } from '../objects/object-name.ts';
import { encodeSeal } from '../objects/seal.ts';
import type { KnownPack } from './run-table.ts';
import type { SealSequence } from './seal-sequence.ts';

/** Up to this many packs are asked for one by one; more are listed. */
const ASK_EACH = 16;

/** A snapshot that counts. */
export interface Committed {
  readonly snapshotId: string;
  readonly sequence: number;
}

/** Packs that a collector took or is about to take, before the snapshot that relies on them was sealed. */
export interface PacksLost {
  readonly lost: readonly KnownPack[];
}

/** The seal of an attempt whose final somebody took away meanwhile (W11). */
export interface FinalLost {
  readonly voided: number;
}

/** A final that is durable in the storage. */
export interface PublishedFinal {
  readonly final: Final;
  /** SHA-256 of its bytes, in hexadecimal. */
  readonly hash: string;
}

/** W6: publishes a final. Every pack that it relies on must be durable. */
export async function publishFinal(
  access: Access,
  final: Final,
  options: CallOptions = {},
): Promise<PublishedFinal> {
  const { storage, keys, signing, random } = access;
  const { name, bytes } = encodeFinal(final, {
    repositoryId: keys.repositoryId,
    metaPublic: keys.metaPublic,
    signer: signing.signer,
    random,
  });
  await storage.put(name, bytes, options);
  return { final, hash: toHex(sha256(bytes)) };
}

/** W7 to W11: looks for danger – tombstones first, packs second, never the other way round – and only then seals. */
export async function sealFinal(
  access: Access,
  { final, hash }: PublishedFinal,
  relied: readonly KnownPack[],
  sequence: SealSequence,
  voided: readonly number[],
  options: CallOptions = {},
): Promise<Committed | PacksLost | FinalLost> {
  const { storage, signing } = access;
  const looking = lookForDanger(access, relied, options);
  looking.catch(() => undefined); // the sealing waits for it
  // Others of this machine wait while a number is given out, so that only a short look is taken meanwhile; it saves some round trips.
  if (!isShortLook(access, relied)) await looking;
  const { statistics } = final;
  let lost: readonly KnownPack[] = [];
  const number = await sequence.seal(async (next, previousSeal) => {
    lost = await looking;
    if (lost.length > 0) return undefined;
    const seal = encodeSeal(
      {
        snapshotId: final.id,
        finalHash: hash,
        runId: final.runId,
        hostId: access.hostId,
        sequence: next,
        previousSeal,
        time: access.clock.now(),
        sourceBytes: statistics?.bytes,
        storedBytes: statistics?.storedBytes,
        entries: statistics && statistics.files + statistics.directories + statistics.others,
        settingsNumber: access.settings.number,
        voided,
      },
      signing,
    );
    await storage.put(seal.name, seal.bytes, options); // W10
    return toHex(sha256(seal.bytes));
  });
  if (number === undefined) return { lost };
  await waitForListings(access, options);
  const after = await listTombstones(access, options); // W11
  if (after.snapshots.has(final.id) || !(await exists(access, finalName(final.id), options))) {
    return { voided: number };
  }
  return { snapshotId: final.id, sequence: number };
}

/** W7 and W8: packs that a collector took or has named. */
async function lookForDanger(
  access: Access,
  relied: readonly KnownPack[],
  options: CallOptions,
): Promise<readonly KnownPack[]> {
  await waitForListings(access, options);
  const doomed = await listTombstones(access, options); // W7
  const named = relied.filter(({ name }) => doomed.packs.has(name));
  return named.length > 0 ? named : await missingPacks(access, relied, options); // W8
}

/** Whether looking for danger takes a few calls at most, and nothing has to be waited for. */
function isShortLook({ storage }: Access, relied: readonly KnownPack[]): boolean {
  return relied.length <= ASK_EACH && storage.capabilities.listingLag === 0;
}

/** Packs that are not in the storage with the size they were recorded with. */
async function missingPacks(
  access: Access,
  relied: readonly KnownPack[],
  options: CallOptions,
): Promise<KnownPack[]> {
  const { storage } = access;
  const lagging = storage.capabilities.listingLag !== 0;
  if (relied.length <= ASK_EACH || lagging) {
    const checked = mapPool(
      relied,
      storage.capabilities.concurrency,
      async (pack, call) =>
        (await sizeOf(access, packName(pack.name), call)) === pack.size ? [] : [pack],
      options,
    );
    return (await Array.fromAsync(checked)).flat();
  }
  const sizes = new Map<string, number>();
  for await (const { name, size } of storage.list(objectPrefixes.pack, options)) {
    const parsed = parseObjectName(name);
    if (parsed?.type === 'pack') sizes.set(parsed.hash, size);
  }
  return relied.filter(({ name, size }) => sizes.get(name) !== size);
}

async function exists(access: Access, name: string, options: CallOptions): Promise<boolean> {
  return (await sizeOf(access, name, options)) !== undefined;
}

async function sizeOf(
  access: Access,
  name: string,
  options: CallOptions,
): Promise<number | undefined> {
  try {
    return (await access.storage.stat(name, options)).size;
  } catch (error) {
    if (hasCode(error, 'storage/not-found')) return undefined;
    throw error;
  }
}

/** Where a listing may be older than what was just written, it is given the time it needs (native-format 9.6). */
async function waitForListings(access: Access, options: CallOptions): Promise<void> {
  const { listingLag } = access.storage.capabilities;
  if (listingLag !== undefined && listingLag > 0) {
    await access.clock.sleep(listingLag * 1000, options);
  }
}
