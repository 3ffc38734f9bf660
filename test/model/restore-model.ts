/**
 * Exhaustive search for a way to miss a chunk that is there, while a restore runs beside writers and collectors:
 * docs/formats/native.md, section "Commit and collection", readers.
 *
 * One reader, one chunk, a snapshot that a writer seals meanwhile, and collectors that move the chunk from pack 0 to pack 1
 * and so on. The index names the new pack before the old one goes. A reader that misses a pack loads the index anew; after
 * some reloads it gives up. Promise: it never gives up on a snapshot that is whole.
 *
 *     node test/model/restore-model.ts             searches all variants
 *     node test/model/restore-model.ts trace NAME  a shortest counterexample of each variant whose name contains NAME
 */
import { type Found, type Model, numbersIn, wordAt } from './state-search.ts';
import { type Variant, runVariants } from './variant.ts';

interface RestoreConfiguration {
  /** How often collectors move the chunk. */
  readonly moves: number;
  /** How often the reader loads the index anew before it gives up. */
  readonly reloads: number;
  /** What the reader looks at first. */
  readonly order: 'snapshots-first' | 'index-first';
}

/** `newest` is the number of the newest pack, `location` where the reader believes the chunk; both plus one, 0 for nowhere. */
const words = {
  packs: 0,
  named: 1,
  newest: 2,
  writer: 3,
  collector: 4,
  reader: 5,
  location: 6,
  reloads: 7,
} as const;

const writerAt = { upload: 0, publishIndex: 1, publishSeal: 2, done: 3 } as const;
const readerAt = {
  start: 0,
  secondLook: 1,
  readPack: 2,
  reload: 3,
  sawNothing: 7,
  gaveUp: 8,
  done: 9,
} as const;

class Restore implements Model {
  readonly words = 8;
  readonly #configuration: RestoreConfiguration;

  constructor(change: Partial<RestoreConfiguration>) {
    this.#configuration = { moves: 2, reloads: 2, order: 'snapshots-first', ...change };
  }

  start(): void {
    // Nothing exists yet, and nobody has done anything.
  }

  violation(state: Int32Array): string | undefined {
    return wordAt(state, words.reader) === readerAt.gaveUp
      ? 'the reader gives up on a snapshot that is whole'
      : undefined;
  }

  successors(state: Int32Array, next: Int32Array, found: Found): void {
    const packs = wordAt(state, words.packs);
    const named = wordAt(state, words.named);
    const writer = wordAt(state, words.writer);
    if (writer !== writerAt.done) {
      if (writer === writerAt.upload) {
        next[words.packs] = 1;
        next[words.newest] = 1;
      }
      if (writer === writerAt.publishIndex) next[words.named] = named | 1;
      next[words.writer] = writer + 1;
      found(
        'writer',
        ['uploads pack 0', 'publishes an index object', 'publishes final and seal'][writer] ?? '',
      );
    } else if (wordAt(state, words.newest) <= this.#configuration.moves) {
      const newest = wordAt(state, words.newest);
      const oldPack = 1 << (newest - 1);
      const newPack = 1 << newest;
      const collector = wordAt(state, words.collector);
      if (collector === 0) next[words.packs] = packs | newPack;
      if (collector === 1) next[words.named] = named | newPack;
      if (collector === 2) {
        next[words.packs] = packs & ~oldPack;
        next[words.named] = named & ~oldPack;
        next[words.newest] = newest + 1;
      }
      next[words.collector] = (collector + 1) % 3;
      const step =
        ['copies the chunk to pack', 'publishes an index object naming pack', 'deletes pack'][
          collector
        ] ?? '';
      found('collector', step, collector === 2 ? oldPack : newPack);
    }
    this.#reader(state, next, found);
  }

  #reader(state: Int32Array, next: Int32Array, found: Found): void {
    const { order, reloads } = this.#configuration;
    const at = wordAt(state, words.reader);
    const location = wordAt(state, words.location);
    const used = wordAt(state, words.reloads);
    const go = (
      step: string,
      to: number,
      newLocation: number,
      newUsed: number,
      numbers = 0,
    ): void => {
      next[words.reader] = to;
      next[words.location] = newLocation;
      next[words.reloads] = newUsed;
      found('reader', step, numbers);
    };
    const loadIndex = (to: number): void => {
      const named = numbersIn(wordAt(state, words.named));
      for (const pack of named) go('loads the index and takes pack', to, pack + 1, used, 1 << pack);
      if (named.length === 0) go('loads an empty index', to, 0, used);
    };
    const listSnapshots = (to: number): void => {
      if (wordAt(state, words.writer) === writerAt.done)
        go('sees the snapshot', to, location, used);
      else go('sees no snapshot and is done', readerAt.sawNothing, location, used);
    };
    if (at === readerAt.start) {
      if (order === 'snapshots-first') listSnapshots(readerAt.secondLook);
      else loadIndex(readerAt.secondLook);
    } else if (at === readerAt.secondLook) {
      if (order === 'snapshots-first') loadIndex(readerAt.readPack);
      else listSnapshots(readerAt.readPack);
    } else if (at === readerAt.readPack) {
      const isThere = location !== 0 && (wordAt(state, words.packs) >> (location - 1)) & 1;
      if (isThere) go('reads the chunk and is done', readerAt.done, 0, 0);
      else if (used < reloads) go('misses the pack', readerAt.reload, 0, used + 1);
      else go('misses the pack and gives up', readerAt.gaveUp, 0, used);
    } else if (at === readerAt.reload) {
      loadIndex(readerAt.readPack);
    }
  }
}

function variant(
  name: string,
  loses: boolean,
  states: number,
  change: Partial<RestoreConfiguration>,
): Variant {
  return { name, loses, states, model: () => new Restore(change) };
}

/** All searches over restoring beside writers and collectors. */
export const restoreVariants: readonly Variant[] = [
  variant('restore: 2 moves, 2 reloads', false, 60, {}),
  variant('restore: 4 moves, 4 reloads', false, 165, { moves: 4, reloads: 4 }),
  variant('without a defence: 2 moves, 1 reload', true, 59, { reloads: 1 }),
  variant('without a defence: no reload', true, 44, { reloads: 0 }),
  variant('without a defence: nothing moves, index loaded before the listing', true, 20, {
    moves: 0,
    reloads: 0,
    order: 'index-first',
  }),
];

if (import.meta.main) runVariants(restoreVariants, process.argv.slice(2));
