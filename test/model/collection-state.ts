import type { CollectionConfiguration } from './collection-configuration.ts';
import { wordAt } from './state-search.ts';

/** Where the parts of a state lie that exist once. Every set is a bit mask. */
export const words = {
  /** Packs that exist. */
  packs: 0,
  /** Writers whose final exists; writers whose seal does. */
  finals: 1,
  seals: 2,
  /** 1 while the old snapshot, the parent of every writer, is not forgotten. */
  oldSnapshot: 3,
  /** Objects that listings do not show yet; see `CollectionLayout`. */
  hidden: 4,
  /** Deleted packs that listings may still show. */
  ghosts: 5,
  /** The first tombstone; one word for each collector, zero while it has none. */
  tombstones: 6,
} as const;

/** Where a writer, a collector and a reaper can stand. Each may stay there for ever. */
export const writerAt = {
  start: 0,
  firstUpload: 1,
  publishFinal: 2,
  firstLook: 3,
  secondLook: 4,
  thirdLook: 5,
  uploadAgain: 6,
  publishSeal: 7,
  lookForReaper: 8,
  lookForFinal: 9,
  failed: 10,
  succeeded: 11,
} as const;

export const collectorAt = {
  start: 0,
  listSnapshots: 1,
  list: 2,
  compare: 3,
  delete: 5,
  copyAfterDeletion: 6,
  removeTombstone: 7,
  publishTombstone: 8,
  done: 9,
} as const;

export const reaperAt = {
  start: 0,
  listSeals: 1,
  deleteFinal: 2,
  removeTombstone: 3,
  deleteAtOnce: 4,
  done: 9,
} as const;

/** No pack: where a writer has a chunk that it must upload; also no final, for a reaper. */
export const none = -1;

/** The chunks of the old snapshot. */
export const oldChunks = 3;

/** Both chunks, for loops. */
export const chunkNumbers = [0, 1] as const;

/**
 * What follows from a configuration and never changes: which packs can come into being, what they hold, and where the
 * participants lie in a state.
 *
 * The name of a pack stands for who made it, at which attempt, and of what, so equal histories give equal states.
 * Bits of `hidden`: the finals of the writers, the tombstones of collectors, those of reapers, the seals of the writers.
 */
export class CollectionLayout {
  readonly writers: number;
  readonly collectors: number;
  readonly reapers: number;
  /** Words in a state, and the first word of the writers, collectors and reapers; a collector has two, the others one each. */
  readonly words: number;
  readonly firstWriter: number;
  readonly firstCollector: number;
  readonly firstReaper: number;
  /** The bits of `hidden` where tombstones and seals begin. */
  readonly collectorBit: number;
  readonly reaperBit: number;
  readonly sealBit: number;
  readonly hiddenBits: number;
  /** The pack that a thief left there, as a mask; 0 without one. */
  readonly thiefPack: number;
  /** For each chunk the packs that claim to hold it, as a mask. */
  readonly holding: readonly [number, number];
  /** What each pack claims to hold, as a mask of chunks. */
  readonly contents: readonly number[];

  readonly #uploads: number;
  readonly #repacks: number;

  constructor({ needs, collectors, reapers, uploads, repacks, thief }: CollectionConfiguration) {
    this.writers = needs.length;
    this.collectors = collectors;
    this.reapers = reapers;
    this.firstWriter = words.tombstones + collectors;
    this.firstCollector = this.firstWriter + this.writers;
    this.firstReaper = this.firstCollector + 2 * collectors;
    this.words = this.firstReaper + reapers;
    this.collectorBit = this.writers;
    this.reaperBit = this.collectorBit + collectors;
    this.sealBit = this.reaperBit + reapers;
    this.hiddenBits = this.sealBit + this.writers;

    // Pack 0 is the old one. Then come those of each maker in turn: for each attempt one of chunk 0, of chunk 1, of both.
    this.#uploads = uploads;
    this.#repacks = repacks;
    const contents = [3];
    for (let attempt = 0; attempt < this.writers * uploads + collectors * repacks; attempt++)
      contents.push(1, 2, 3);
    this.thiefPack = thief ? 1 << contents.length : 0;
    if (thief) contents.push(3);
    // A collector's victims share a word with ten other bits.
    if (contents.length > 21)
      throw new RangeError(`Cannot hold ${contents.length} packs in a state`);
    this.contents = contents;
    const holders = (chunk: number): number =>
      contents.reduce(
        (mask, chunks, pack) => ((chunks >> chunk) & 1 ? mask | (1 << pack) : mask),
        0,
      );
    this.holding = [holders(0), holders(1)];
  }

  /** The pack that a writer makes of these chunks at this attempt. */
  writerPack(writer: number, attempt: number, chunks: number): number {
    return 3 * (writer * this.#uploads + attempt) + chunks;
  }

  /** The pack that a collector makes of these chunks at this attempt. */
  collectorPack(collector: number, attempt: number, chunks: number): number {
    return 3 * (this.writers * this.#uploads + collector * this.#repacks + attempt) + chunks;
  }

  /** The chunks that these packs claim to hold. */
  chunksIn(packs: number): number {
    return (packs & this.holding[0] ? 1 : 0) | (packs & this.holding[1] ? 2 : 0);
  }
}

/** A writer: where it stands, in which pack it has each chunk, and how often it has uploaded. */
export function writerWord(at: number, first: number, second: number, uploads: number): number {
  return at | ((first + 1) << 4) | ((second + 1) << 9) | (uploads << 14);
}

export function readWriter(word: number): {
  at: number;
  first: number;
  second: number;
  uploads: number;
} {
  return {
    at: word & 15,
    first: ((word >> 4) & 31) - 1,
    second: ((word >> 9) & 31) - 1,
    uploads: word >> 14,
  };
}

/** A collector's first word: where it stands, its copies so far, the live chunks of its victims, and the victims. The second is what it saw. */
export function collectorWord(at: number, victims: number, repacks: number, live: number): number {
  return at | (repacks << 4) | (live << 8) | (victims << 10);
}

export function readCollector(word: number): {
  at: number;
  victims: number;
  repacks: number;
  live: number;
} {
  return { at: word & 15, repacks: (word >> 4) & 15, live: (word >> 8) & 3, victims: word >>> 10 };
}

/** A reaper: where it stands, and the writer whose final it is after. */
export function reaperWord(at: number, target: number): number {
  return at | ((target + 1) << 4);
}

export function readReaper(word: number): { at: number; target: number } {
  return { at: word & 15, target: (word >> 4) - 1 };
}

/** The packs that listed tombstones of collectors name. */
export function doomedPacks(state: Int32Array, layout: CollectionLayout): number {
  const hidden = wordAt(state, words.hidden);
  let doomed = 0;
  for (let collector = 0; collector < layout.collectors; collector++) {
    if (!((hidden >> (layout.collectorBit + collector)) & 1))
      doomed |= wordAt(state, words.tombstones + collector);
  }
  return doomed;
}

/** The writers whose finals a listed tombstone of a reaper names. */
export function doomedFinals(state: Int32Array, layout: CollectionLayout): number {
  const hidden = wordAt(state, words.hidden);
  let doomed = 0;
  for (let reaper = 0; reaper < layout.reapers; reaper++) {
    const { at, target } = readReaper(wordAt(state, layout.firstReaper + reaper));
    const hasTombstone =
      at === reaperAt.listSeals || at === reaperAt.deleteFinal || at === reaperAt.removeTombstone;
    if (hasTombstone && !((hidden >> (layout.reaperBit + reaper)) & 1)) doomed |= 1 << target;
  }
  return doomed;
}
