import { fromHex, toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode, messageOf } from '../../../base/errors.ts';
import { mapPool } from '../../../base/pool.ts';
import type { Access } from '../access.ts';
import { deleteIndexObjects, publishMergedIndex } from '../index/index-merger.ts';
import { waitForListing } from '../index/pack-listing.ts';
import { packName, tombstoneName } from '../objects/object-name.ts';
import { unknownSignerOf } from '../objects/signed-object.ts';
import { encodeTombstone } from '../objects/tombstone.ts';
import type { ListedPack } from '../index/index-list.ts';
import { decodePackTable, type PackTable } from '../packs/pack-table.ts';
import { readPackTail } from '../packs/pack-tail.ts';
import { isDestroyed, isStillDestroyed } from './destroyed-packs.ts';
import { readFinals } from './finals.ts';
import { Mover } from './mover.ts';
import type { PruneKnowledge, PrunePlan, Victim } from './prune-plan.ts';
import { SafeCopies, type VerifiedVictim } from './safe-copies.ts';

/** Copying and looking again (C6, C7) ends after so many rounds: what is still in danger then stays where it is. */
const ROUNDS = 4;

export interface CollectionResult {
  readonly deletedPacks: number;
  readonly deletedBytes: number;
  readonly storedPacks: number;
  readonly storedBytes: number;
  readonly mergedIndexObjects: number;
  /** Packs that were to go and stay, with the reason. */
  readonly kept: readonly AppError[];
}

/** A pack that nothing needs. */
type Removal = Pick<VerifiedVictim, 'name' | 'size'>;

/** What a collection tells about its progress. */
export interface CollectionProgress {
  onPhase?(phase: string): void;
  onPack?(bytes: number): void;
}

/**
 * C3 to C10 of the collector (native.md, section 14.2), in this order. Each step is durable before the next begins. Until the first pack is deleted any failure
 * leaves everything as it was, and the own tombstone is taken away; afterwards the tombstone stays unless every delete was answered.
 */
export async function collect(
  access: Access,
  plan: PrunePlan,
  progress: CollectionProgress = {},
  options: CallOptions = {},
): Promise<CollectionResult> {
  if (plan.victims.length + plan.destroyed.length === 0) {
    const { replaced, published } = await publishMergedIndex(access, options);
    await deleteIndexObjects(access, replaced, options);
    return {
      deletedPacks: 0,
      deletedBytes: 0,
      storedPacks: 0,
      storedBytes: 0,
      mergedIndexObjects: Math.max(0, replaced.length - published.length),
      kept: [],
    };
  }
  const runId = toHex(access.random(16));
  const tombstone = encodeTombstone(
    {
      runId,
      packs: [...plan.victims.map(({ use }) => use.pack), ...plan.destroyed].map(
        ({ name }) => name,
      ),
      snapshots: [],
      time: access.clock.now(),
    },
    access.signing,
  );
  const collection = new Collection(access, plan, runId, progress);
  try {
    await access.storage.put(tombstone.name, tombstone.bytes, options); // C3
    const result = await collection.run(options);
    await access.storage.delete(tombstoneName(runId), options); // C9
    return result;
  } catch (error) {
    if (!collection.hasDeleted) await withdraw(access, runId, error);
    throw error;
  }
}

/** Takes back the own tombstone of a collection that deleted nothing. */
async function withdraw({ storage }: Access, runId: string, cause: unknown): Promise<void> {
  try {
    await storage.delete(tombstoneName(runId));
  } catch (error) {
    throw new AppError(
      hasCode(cause) ? cause.code : 'internal',
      `${messageOf(cause)}; nothing was deleted, but the tombstone ${runId} could not be removed: ${messageOf(error)}`,
      { cause },
    );
  }
}

class Collection {
  readonly #access: Access;
  readonly #plan: PrunePlan;
  readonly #knowledge: PruneKnowledge;
  readonly #progress: CollectionProgress;
  readonly #mover: Mover;
  readonly #safe: SafeCopies;
  readonly #kept: AppError[] = [];
  /** Ids that have to be stored anew in this round. */
  #needed: ReadonlySet<string> = new Set();
  /** Packs that could not be copied. */
  readonly #immovable = new Set<string>();
  /** From here on it is not known what is still there. */
  hasDeleted = false;

  constructor(access: Access, plan: PrunePlan, runId: string, progress: CollectionProgress) {
    this.#access = access;
    this.#plan = plan;
    this.#knowledge = plan.knowledge;
    this.#progress = progress;
    this.#mover = new Mover(access, {
      runId: fromHex(runId),
      rewrite: plan.rewrite,
      rewriteWhole: plan.rewriteWhole,
      isNeeded: (id) => this.#needed.has(toHex(id)),
    });
    this.#safe = new SafeCopies(access, plan.knowledge.catalogues);
  }

  async run(options: CallOptions): Promise<CollectionResult> {
    this.#progress.onPhase?.('looking for new snapshots');
    await waitForListing(this.#access, options);
    await this.#markNew(options); // C4
    const victims = await this.#verifyVictims(options); // C5
    const { listed, unlisted } = await this.#destroyed(options);
    const going = await this.#secure([...victims, ...listed], options); // C6 and C7
    return this.#remove([...going, ...unlisted], options); // C8
  }

  async #markNew(options: CallOptions): Promise<void> {
    const { live, seen } = this.#knowledge;
    const finals = await readFinals(this.#access, seen, options);
    await live.markRoots(
      finals.map(({ final }) => final.root),
      options,
    );
    for (const { final } of finals) seen.add(final.id);
  }

  async #verifyVictims(options: CallOptions): Promise<[Victim, VerifiedVictim][]> {
    const { storage, verifying } = this.#access;
    const verified = mapPool(
      this.#plan.victims,
      storage.capabilities.concurrency,
      async (victim, call): Promise<[Victim, VerifiedVictim] | undefined> => {
        const { name, size } = victim.use.pack;
        try {
          const { table } = await readPackTail(storage, name, size, verifying, {
            ...call,
            withHead: true,
          });
          return [victim, { name, size, table, live: this.#usedIds(table) }];
        } catch (error) {
          if (hasCode(error, 'storage/not-found')) return undefined;
          if (!hasCode(error, 'repository/damaged', 'storage/bad-range')) throw error;
          const isGarbage =
            victim.fate === 'delete' &&
            unknownSignerOf(error) === undefined &&
            this.#nothingIsMissing &&
            (await isDestroyed(storage, name, call));
          if (isGarbage) return [victim, this.#byIndex(victim.use.pack)];
          this.#keep(error);
          return undefined;
        }
      },
      options,
    );
    return (await Array.fromAsync(verified)).filter((victim) => victim !== undefined);
  }

  /**
   * Victims without tables of their own. What the index says of them has to be safe elsewhere like anything else; and nothing that is used may be nowhere, because
   * it might be in one of them.
   */
  async #destroyed(options: CallOptions): Promise<{
    readonly listed: [Pick<Victim, 'fate'>, VerifiedVictim][];
    readonly unlisted: Removal[];
  }> {
    const listed: [Pick<Victim, 'fate'>, VerifiedVictim][] = [];
    const unlisted: Removal[] = [];
    if (!this.#nothingIsMissing) return { listed, unlisted };
    for (const pack of this.#plan.destroyed) {
      if (!(await isStillDestroyed(this.#access, pack, options))) continue;
      if (pack.listed === undefined) unlisted.push(pack);
      else {
        const { size } = pack;
        listed.push([{ fate: 'delete' }, { ...this.#byIndex(pack.listed), size }]);
      }
    }
    return { listed, unlisted };
  }

  get #nothingIsMissing(): boolean {
    return this.#knowledge.live.missing.size === 0;
  }

  /** A victim by what the index says of it. */
  #byIndex({ name, size, table }: ListedPack): VerifiedVictim {
    const decoded = decodePackTable(table);
    return { name, size, table: decoded, live: this.#usedIds(decoded) };
  }

  #usedIds({ segments }: PackTable): Map<string, number> {
    const { live } = this.#knowledge;
    const used = new Map<string, number>();
    for (const { slot, blobs } of segments) {
      for (const { id } of blobs) if (live.isLive(id)) used.set(toHex(id), slot);
    }
    return used;
  }

  async #secure(
    victims: readonly (readonly [Pick<Victim, 'fate'>, VerifiedVictim])[],
    options: CallOptions,
  ): Promise<VerifiedVictim[]> {
    const fates = new Map(victims.map(([victim, pack]) => [pack, victim.fate]));
    const open = [...fates.keys()];
    for (let round = 1; ; round++) {
      this.#progress.onPhase?.('making sure that nothing used is deleted');
      const unsafe = await this.#safe.unsafe(open, options); // C6
      const movable = open.filter(
        (pack) =>
          unsafe.get(pack)!.size > 0 &&
          fates.get(pack) !== 'delete' &&
          !this.#immovable.has(pack.name),
      );
      if (movable.length === 0 || round === ROUNDS) {
        // The whole of `open` was judged by one look, tombstones first and packs second.
        for (const pack of open) if (unsafe.get(pack)!.size > 0) this.#keepUsed(pack);
        return open.filter((pack) => unsafe.get(pack)!.size === 0);
      }
      this.#needed = new Set(movable.flatMap((pack) => [...unsafe.get(pack)!]));
      this.#progress.onPhase?.('repacking');
      // An owner's copy is as good as anybody's, so it is the one to take where several packs hold the same.
      for (const pack of movable.toSorted((left, right) => this.#rank(left) - this.#rank(right))) {
        await this.#move(pack, options); // C7
      }
      await this.#mover.finish(options);
      await waitForListing(this.#access, options);
      await this.#knowledge.catalogues.refresh(options);
    }
  }

  async #move(pack: VerifiedVictim, options: CallOptions): Promise<void> {
    try {
      await this.#mover.move(pack.name, options);
      this.#progress.onPack?.(pack.size);
    } catch (error) {
      if (!hasCode(error, 'repository/damaged', 'storage/not-found')) throw error;
      this.#immovable.add(pack.name);
      this.#keep(error);
    }
  }

  async #remove(going: readonly Removal[], options: CallOptions): Promise<CollectionResult> {
    this.#progress.onPhase?.('deleting');
    const { storage } = this.#access;
    const without = new Set(going.map(({ name }) => name));
    const { replaced, published } = await publishMergedIndex(this.#access, {
      ...options,
      without,
    });
    this.hasDeleted = true;
    const deleted = mapPool(
      going,
      storage.capabilities.concurrency,
      async ({ name, size }, call) => {
        await storage.delete(packName(name), call);
        return size;
      },
      options,
    );
    const sizes = await Array.fromAsync(deleted);
    await deleteIndexObjects(this.#access, replaced, options);
    return {
      deletedPacks: sizes.length,
      deletedBytes: sizes.reduce((sum, size) => sum + size, 0),
      storedPacks: this.#mover.packs,
      storedBytes: this.#mover.stored,
      mergedIndexObjects: Math.max(0, replaced.length - published.length),
      kept: this.#kept,
    };
  }

  #rank({ table }: VerifiedVictim): number {
    return this.#access.verifying.findSigner(toHex(table.signer))?.role === 'owner' ? 0 : 1;
  }

  #keep(reason: AppError): void {
    this.#kept.push(reason);
  }

  #keepUsed({ name }: VerifiedVictim): void {
    if (this.#immovable.has(name)) return;
    this.#keep(
      new AppError('repository/locked', `"${packName(name)}" stays: it is used by now`, {
        details: { object: packName(name) },
      }),
    );
  }
}
