import type { CallOptions } from '../../../base/call-options.ts';
import { hasCode } from '../../../base/errors.ts';
import { pastCopies, type Access } from '../access.ts';
import { loadIndex } from '../index/index-list.ts';
import { listPacks, waitForListing } from '../index/pack-listing.ts';
import { decodeForget, type ForgottenSnapshot } from '../objects/forget.ts';
import { finalName, objectPrefixes, parseObjectName, sealName } from '../objects/object-name.ts';
import { decodeSeal, noPreviousSeal } from '../objects/seal.ts';
import { unknownSignerOf, type NamedObject } from '../objects/signed-object.ts';
import { listForgets, listSeals } from '../reader/snapshot-list.ts';
import { recordDecoders } from './check-records.ts';
import type { DamagedPack, RepairEvidence } from './check-result.ts';
import { damagedIndexObjects } from './damaged-index.ts';
import { readPacks } from './read-packs.ts';

const decoders: typeof recordDecoders = {
  ...recordDecoders,
  seal: decodeSeal,
  forget: decodeForget,
};

/**
 * What of a check's evidence still holds right before a repair acts on it. Somebody was asked in between, other machines have been at work, and what came across the
 * line badly may do well the second time: nothing is removed, given up or condemned because of one look.
 */
export async function confirmEvidence(
  access: Access,
  evidence: RepairEvidence,
  options: CallOptions = {},
): Promise<RepairEvidence> {
  return new Confirmation(pastCopies(access), options).of(evidence);
}

class Confirmation {
  readonly #access: Access;
  readonly #call: CallOptions;

  constructor(access: Access, options: CallOptions) {
    this.#access = access;
    this.#call = options;
  }

  async of(evidence: RepairEvidence): Promise<RepairEvidence> {
    await this.#access.refreshSigners(this.#call);
    return {
      ...evidence,
      needless: await this.#stillDamaged(evidence.needless),
      damagedIndex: await this.#stillDamagedIndex(evidence.damagedIndex),
      vanished: await this.#stillGone(evidence.vanished),
      damagedPacks: await this.#stillDamagedPacks(evidence.damagedPacks),
      missing: await this.#stillMissing(evidence.missing),
      copies: await this.#stillWanted(evidence.copies),
      settingsNumber: await this.#stillLost(evidence.settingsNumber),
    };
  }

  async #stillDamaged(names: readonly string[]): Promise<string[]> {
    const damaged: string[] = [];
    for (const name of names) if ((await this.#stateOf(name)) === 'damaged') damaged.push(name);
    return damaged;
  }

  async #stillDamagedIndex(names: readonly string[]): Promise<string[]> {
    if (names.length === 0) return [];
    const { damaged } = await loadIndex(this.#access, this.#call);
    const still = new Set(damagedIndexObjects(damaged));
    return names.filter((name) => still.has(name));
  }

  /** Listings may lag. */
  async #stillGone(packs: readonly string[]): Promise<string[]> {
    if (packs.length === 0) return [];
    await waitForListing(this.#access, this.#call);
    const listed = await listPacks(this.#access, this.#call);
    return packs.filter((name) => !listed.has(name));
  }

  async #stillDamagedPacks(packs: readonly DamagedPack[]): Promise<DamagedPack[]> {
    const listed = packs.flatMap((pack) => pack.listed ?? []);
    const damaged = new Set<string>();
    for await (const { pack, examination } of readPacks(this.#access, listed, this.#call)) {
      if (examination === undefined || examination.unknownSigner !== undefined) continue;
      if (examination.problems.length > 0) damaged.add(pack.name);
    }
    return packs.filter(({ name }) => damaged.has(name));
  }

  /** Neither is there again, nor was forgotten meanwhile, nor has a damaged seal or record that said so come back. */
  async #stillMissing(snapshots: readonly ForgottenSnapshot[]): Promise<ForgottenSnapshot[]> {
    if (snapshots.length === 0) return [];
    const { seals } = await listSeals(this.#access, this.#call);
    const { forgets } = await listForgets(this.#access, this.#call);
    const forgotten = new Set(forgets.flatMap((forget) => forget.snapshots.map(numberOf)));
    const sealed = new Set(
      seals.flatMap(({ value }) => [
        numberOf(value),
        ...value.voided.map((sequence) => numberOf({ ...value, sequence })),
      ]),
    );
    const missing: ForgottenSnapshot[] = [];
    for (const snapshot of snapshots) {
      const number = numberOf(snapshot);
      const isKnown = snapshot.sealHash !== noPreviousSeal;
      const isThere = isKnown
        ? await this.#isThere(finalName(snapshot.snapshotId))
        : sealed.has(number);
      if (!isThere && !forgotten.has(number)) missing.push(snapshot);
    }
    return missing;
  }

  /** What was forgotten meanwhile need not come back. */
  async #stillWanted(copies: readonly NamedObject[]): Promise<NamedObject[]> {
    if (copies.length === 0) return [];
    const { forgets } = await listForgets(this.#access, this.#call);
    const forgotten = new Set(
      forgets.flatMap(({ snapshots }) =>
        snapshots.flatMap(({ snapshotId }) => [finalName(snapshotId), sealName(snapshotId)]),
      ),
    );
    return copies.filter(({ name }) => !forgotten.has(name));
  }

  /** Settings that are lost may be there again, or have been written meanwhile. */
  async #stillLost(number: number | undefined): Promise<number | undefined> {
    if (number === undefined) return undefined;
    for await (const { name } of this.#access.storage.list(objectPrefixes.settings, this.#call)) {
      const parsed = parseObjectName(name);
      if (parsed?.type !== 'settings' || parsed.number < number - 1) continue;
      if ((await this.#stateOf(name)) === 'sound') return undefined;
    }
    return number;
  }

  async #isThere(name: string): Promise<boolean> {
    try {
      await this.#access.storage.stat(name, this.#call);
      return true;
    } catch (error) {
      if (hasCode(error, 'storage/not-found')) return false;
      throw error;
    }
  }

  /** `unknown` is what nobody here can judge. */
  async #stateOf(name: string): Promise<'sound' | 'damaged' | 'unknown'> {
    const { storage, verifying } = this.#access;
    const decode = decoders[parseObjectName(name)?.type ?? ''];
    if (decode === undefined) return 'unknown';
    try {
      decode(name, await storage.read(name, this.#call), verifying);
      return 'sound';
    } catch (error) {
      if (hasCode(error, 'storage/not-found', 'repository/unsupported')) return 'unknown';
      if (!hasCode(error, 'repository/damaged')) throw error;
      return unknownSignerOf(error) === undefined ? 'damaged' : 'unknown';
    }
  }
}

function numberOf({ hostId, sequence }: Pick<ForgottenSnapshot, 'hostId' | 'sequence'>): string {
  return `${hostId} ${sequence}`;
}
