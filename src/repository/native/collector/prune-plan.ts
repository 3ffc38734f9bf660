import type { CallOptions } from '../../../base/call-options.ts';
import type { AppError } from '../../../base/errors.ts';
import { packTargetOf, type Access } from '../access.ts';
import { listTombstones, type Doomed } from '../index/tombstone-list.ts';
import type { Verdicts } from '../index/verdict-list.ts';
import type { PackKind } from '../packs/pack-table.ts';
import type { ListedSeal } from '../reader/seal-sequence.ts';
import { listSeals } from '../reader/snapshot-list.ts';
import { Catalogues, loadCatalogue } from './catalogue.ts';
import { destroyedPacks, type DestroyedPack } from './destroyed-packs.ts';
import { readFinals, type StoredFinal } from './finals.ts';
import { LiveBlobs } from './live-blobs.ts';
import { packUses, type PackUse } from './pack-use.ts';
import { listPendingRuns, pendingLifetime, type PendingRun } from './pending-runs.ts';

/** A pack is repacked when copying its used segments elsewhere would free more than this part of it. */
const WORTHWHILE = 0.2;
/** Packs smaller than this part of the target are joined. */
const SMALL = 1 / 4;
/** A joined pack must not come near the number of slots that a pack can have, or it would be joined again and again. */
const JOINABLE_SLOTS = 64;
/** A tombstone as old as this belongs to a collector that died: what it names is emptied by copying. In milliseconds; any value is safe. */
const DEAD_COLLECTOR = 24 * 60 * 60 * 1000;

export interface PackTotal {
  readonly packs: number;
  readonly bytes: number;
}

/** What a prune would do, in figures. */
export interface PruneFigures {
  readonly before: PackTotal;
  /** Packs of which nothing is used. */
  readonly delete: PackTotal;
  /** Of these, packs that no index object names: what interrupted runs left behind. */
  readonly unreferenced: PackTotal;
  /** Packs that are destroyed, and of which nothing could be read any more. */
  readonly destroyed: PackTotal;
  /** Packs whose used part is stored anew. */
  readonly repack: PackTotal;
  /** Small packs that are joined. */
  readonly join: PackTotal;
  /** Packs that are kept because a run that may still be at work stored them. */
  readonly spared: PackTotal;
  /** Unused bytes in all packs that copying whole segments would free, and those that only an owner can free, by opening segments. */
  readonly unusedByCopying: number;
  readonly unusedByOwner: number;
  /** How many bytes the repository will shrink by, about. */
  readonly freed: number;
  readonly after: PackTotal;
}

export type VictimFate = 'delete' | 'repack' | 'join';

/** A pack that shall go, and how. */
export interface Victim {
  readonly use: PackUse;
  readonly fate: VictimFate;
}

/** What a prune will do; nothing was changed yet. It stays valid: everything is looked at again before anything is deleted. */
export interface PrunePlan {
  readonly figures: PruneFigures;
  readonly victims: readonly Victim[];
  /** Packs that go as well if everything that is used is found elsewhere. */
  readonly destroyed: readonly DestroyedPack[];
  /** Segments of which little is used are opened and sealed again. */
  readonly rewrite: boolean;
  /** Kinds of which every segment is. */
  readonly rewriteWhole: ReadonlySet<PackKind>;
  /** Unfinished snapshots whose runs are over: removed only when asked. */
  readonly abandoned: readonly StoredFinal[];
  /** Pending records of this host's runs that are over. */
  readonly endedRecords: readonly string[];
  /** What is wrong with the repository and does not keep the prune from working. */
  readonly problems: readonly AppError[];
  /** What was found out so far; for `prune`. */
  readonly knowledge: PruneKnowledge;
}

export interface PruneKnowledge {
  readonly catalogues: Catalogues;
  readonly live: LiveBlobs;
  /** Ids of the finals whose blobs are marked. */
  readonly seen: Set<string>;
}

export interface PlanPruneOptions extends CallOptions {
  /** Open segments, where the keys allow it, to drop single blobs. True if it is not given. */
  readonly rewrite?: boolean | undefined;
  /** At most so many bytes of packs are repacked or joined: those first that free the most. */
  readonly maxRepack?: { readonly bytes: number } | { readonly percent: number } | undefined;
  /** Snapshots to plan without, as if they were forgotten: for a dry run. Carrying such a plan out spares them all the same. */
  readonly without?: ReadonlySet<string> | undefined;
}

/**
 * C1 and C2 of the collector (native.md, section 14.2): reads the index and every snapshot, and chooses packs to delete, to repack and to join.
 *
 * @throws AppError when a snapshot, or a tree of one, cannot be read: then nobody knows what is used, and nothing may be deleted
 */
export async function planCollection(
  access: Access,
  { rewrite = true, maxRepack, without = new Set(), signal }: PlanPruneOptions = {},
): Promise<PrunePlan> {
  const options = { signal };
  const first = await loadCatalogue(access, options);
  const catalogues = new Catalogues(access, first);
  const { verdicts } = first;
  const { seals } = await listSeals(access, options);
  const pending = await listPendingRuns(access, seals, options);
  const finals = await readFinals(access, without, options);
  const live = new LiveBlobs(access, catalogues);
  await live.markRoots(
    finals.map(({ final }) => final.root),
    options,
  );
  const doomed = await listTombstones(access, options);
  const dead = deadTombstones(access, doomed);
  const uses = packUses(access, first, verdicts);
  const destroyed = live.missing.size > 0 ? [] : await destroyedPacks(access, first, options);
  const mayRewrite = rewrite && access.keys.role === 'owner';
  const chosen = limited(
    choose(access, uses, { verdicts, pending, dead, mayRewrite }),
    uses,
    maxRepack,
  );
  return {
    figures: figuresOf(uses, chosen, mayRewrite, destroyed),
    victims: chosen.victims,
    destroyed,
    rewrite: mayRewrite,
    rewriteWhole: mayRewrite ? fewOf(access, chosen.victims) : new Set(),
    abandoned: abandonedFinals(access, finals, seals, pending),
    endedRecords: [...pending.values()]
      .filter((run) => !run.live && run.hostId === access.hostId)
      .flatMap(({ records }) => records),
    problems: [
      ...first.index.damaged,
      ...Array.from(first.unreadable.values(), ({ error }) => error),
      ...live.blobs.problems.values(),
    ],
    knowledge: { catalogues, live, seen: new Set(finals.map(({ final }) => final.id)) },
  };
}

interface Circumstances {
  readonly verdicts: Verdicts;
  readonly pending: ReadonlyMap<string, PendingRun>;
  /** Packs under tombstones of collectors that are over. */
  readonly dead: ReadonlySet<string>;
  readonly mayRewrite: boolean;
}

interface Choice {
  readonly victims: readonly Victim[];
  readonly spared: readonly PackUse[];
}

function choose(
  access: Access,
  uses: readonly PackUse[],
  { verdicts, pending, dead, mayRewrite }: Circumstances,
): Choice {
  const victims: Victim[] = [];
  const spared: PackUse[] = [];
  const small: Record<PackKind, PackUse[]> = { data: [], meta: [] };
  const smallSize = packTargetOf(access) * SMALL;
  for (const use of uses) {
    const { pack, liveBlobs } = use;
    if (pending.get(pack.runId)?.live === true) {
      spared.push(use);
    } else if (liveBlobs === 0) {
      victims.push({ use, fate: 'delete' });
    } else if (verdicts.isBad(pack)) {
      // What it holds is not what its ids say: it is never copied, and it stays until the user decides.
      continue;
    } else if (dead.has(pack.name) || wastes(use, mayRewrite)) {
      victims.push({ use, fate: 'repack' });
    } else if (pack.size < smallSize && (mayRewrite || pack.head.origins.length < JOINABLE_SLOTS)) {
      small[pack.head.kind].push(use);
    }
  }
  for (const kind of ['data', 'meta'] as const) {
    const group = small[kind];
    // What is repacked leaves a pack that may be small, too.
    const joinable = group.length + (moves(victims, kind) ? 1 : 0);
    if (joinable > 1) victims.push(...group.map((use): Victim => ({ use, fate: 'join' })));
  }
  return { victims, spared };
}

/** The choice without the packs that are too many to repack in one run. */
function limited(
  choice: Choice,
  uses: readonly PackUse[],
  limit: PlanPruneOptions['maxRepack'],
): Choice {
  if (limit === undefined) return choice;
  const total = uses.reduce((sum, { pack }) => sum + pack.size, 0);
  let left = 'bytes' in limit ? limit.bytes : (total * limit.percent) / 100;
  const gain = ({ use }: Victim): number =>
    (use.freedByCopying + use.freedByRewriting) / use.pack.size;
  const moved = choice.victims
    .filter(({ fate }) => fate !== 'delete')
    .toSorted((first, second) => gain(second) - gain(first))
    .filter(({ use }) => {
      left -= use.pack.size;
      return left >= 0;
    });
  return {
    ...choice,
    victims: [...choice.victims.filter(({ fate }) => fate === 'delete'), ...moved],
  };
}

function moves(victims: readonly Victim[], kind: PackKind): boolean {
  return victims.some(({ use, fate }) => fate !== 'delete' && use.pack.head.kind === kind);
}

/** Kinds of which so little has to be stored anew that one pack of fresh segments is the best place for it. */
function fewOf(access: Access, victims: readonly Victim[]): ReadonlySet<PackKind> {
  const stays = (kind: PackKind): number =>
    victims
      .filter(({ use, fate }) => fate !== 'delete' && use.pack.head.kind === kind)
      .reduce((sum, { use }) => sum + use.pack.size - use.freedByCopying, 0);
  return new Set((['data', 'meta'] as const).filter((kind) => stays(kind) < packTargetOf(access)));
}

function wastes(use: PackUse, mayRewrite: boolean): boolean {
  const { pack, freedByCopying, freedByRewriting } = use;
  return freedByCopying + (mayRewrite ? freedByRewriting : 0) > pack.size * WORTHWHILE;
}

function deadTombstones(access: Access, { tombstones }: Doomed): Set<string> {
  const now = access.clock.now();
  const dead = tombstones.filter(({ time }) => time === undefined || now - time > DEAD_COLLECTOR);
  return new Set(dead.flatMap(({ packs }) => packs));
}

function abandonedFinals(
  access: Access,
  finals: readonly StoredFinal[],
  seals: readonly ListedSeal[],
  pending: ReadonlyMap<string, PendingRun>,
): StoredFinal[] {
  const sealed = new Set(seals.map(({ value }) => value.snapshotId));
  return finals.filter(({ final, modified }) => {
    const age = access.clock.now() - (modified ?? final.ended ?? final.started);
    const isLive = pending.get(final.runId)?.live === true;
    return !sealed.has(final.id) && !isLive && age > pendingLifetime;
  });
}

function figuresOf(
  uses: readonly PackUse[],
  { victims, spared }: Choice,
  mayRewrite: boolean,
  lost: readonly DestroyedPack[],
): PruneFigures {
  const total = (list: readonly PackUse[]): PackTotal => ({
    packs: list.length,
    bytes: list.reduce((sum, { pack }) => sum + pack.size, 0),
  });
  const withFate = (fate: VictimFate): PackUse[] =>
    victims.filter((victim) => victim.fate === fate).map(({ use }) => use);
  const sum = (list: readonly PackUse[], of: (use: PackUse) => number): number =>
    list.reduce((result, use) => result + of(use), 0);
  const [deleted, repacked, joined] = [withFate('delete'), withFate('repack'), withFate('join')];
  const moved = [...repacked, ...joined];
  const destroyed = {
    packs: lost.length,
    bytes: lost.reduce((result, { size }) => result + size, 0),
  };
  const freed =
    destroyed.bytes +
    total(deleted).bytes +
    sum(moved, (use) => use.freedByCopying + (mayRewrite ? use.freedByRewriting : 0));
  const readable = total(uses);
  const before = {
    packs: readable.packs + destroyed.packs,
    bytes: readable.bytes + destroyed.bytes,
  };
  const movedBytes = total(moved).bytes;
  const newPacks =
    moved.length === 0
      ? 0
      : Math.max(1, Math.round((movedBytes / Math.max(1, before.bytes)) * before.packs));
  return {
    before,
    delete: total(deleted),
    destroyed,
    unreferenced: total(deleted.filter(({ pack }) => !pack.indexed)),
    repack: total(repacked),
    join: total(joined),
    spared: total(spared),
    unusedByCopying: sum(uses, (use) => (use.liveBlobs === 0 ? use.pack.size : use.freedByCopying)),
    unusedByOwner: sum(uses, (use) => use.freedByRewriting),
    freed,
    after: {
      packs:
        before.packs -
        destroyed.packs -
        deleted.length -
        moved.length +
        Math.min(newPacks, moved.length),
      bytes: before.bytes - freed,
    },
  };
}
