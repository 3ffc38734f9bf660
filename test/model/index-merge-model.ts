/**
 * Exhaustive search for a way to lose mentions of packs while index objects are merged: docs/formats/native.md, section
 * "Commit and collection", merging of index objects.
 *
 * Pack 0 is old and used. A writer adds pack 1 and publishes a snapshot that needs it; a collector moves pack 0 to pack 2.
 * Each merger reads all index objects, lists the packs, publishes one object without mentions of packs it did not see, and
 * deletes what it read, in any order. Promise: a pack that a snapshot needs exists and is named by some index object.
 *
 *     node test/model/index-merge-model.ts             searches all variants
 *     node test/model/index-merge-model.ts trace NAME  a shortest counterexample of each variant whose name contains NAME
 */
import { type Found, type Model, numbersIn, wordAt } from './state-search.ts';
import { type Variant, runVariants } from './variant.ts';

interface IndexMergeConfiguration {
  readonly mergers: number;
  /** What a merger looks at first. */
  readonly order: 'index-first' | 'packs-first';
  /** Whether a merger publishes before it deletes what it read. */
  readonly publish: 'before-deletion' | 'after-deletion';
  /** Whether the collector takes part. */
  readonly moves: boolean;
}

const words = { packs: 0, objects: 1, writer: 2, collector: 3, mergers: 4 } as const;

const mergerAt = {
  start: 0,
  lookAgain: 1,
  publish: 2,
  deleteRead: 3,
  publishLate: 4,
  done: 9,
} as const;

/** Index objects have four bits each in a word: it exists, and the packs 2, 1 and 0 that it names. */
const objectNumber = { old: 0, writer: 1, collector: 2, mergers: 3 } as const;

function objectNaming(number: number, packs: number): number {
  return (8 | packs) << (4 * number);
}

class IndexMerge implements Model {
  readonly words: number;
  readonly #configuration: IndexMergeConfiguration;
  readonly #objects: number;

  constructor(change: Partial<IndexMergeConfiguration>) {
    this.#configuration = {
      mergers: 2,
      order: 'index-first',
      publish: 'before-deletion',
      moves: true,
      ...change,
    };
    this.#objects = objectNumber.mergers + this.#configuration.mergers;
    this.words = words.mergers + 3 * this.#configuration.mergers;
  }

  start(state: Int32Array): void {
    state[words.packs] = 1;
    state[words.objects] = objectNaming(objectNumber.old, 1);
  }

  violation(state: Int32Array): string | undefined {
    const needed =
      (wordAt(state, words.writer) === 3 ? 2 : 0) | (wordAt(state, words.collector) === 3 ? 4 : 1);
    if (needed & ~wordAt(state, words.packs)) return 'a needed pack does not exist';
    if (needed & ~this.#named(wordAt(state, words.objects)))
      return 'a needed pack is named by no index object';
    return undefined;
  }

  successors(state: Int32Array, next: Int32Array, found: Found): void {
    const packs = wordAt(state, words.packs);
    const objects = wordAt(state, words.objects);
    const writer = wordAt(state, words.writer);
    if (writer < 3) {
      if (writer === 0) next[words.packs] = packs | 2;
      if (writer === 1) next[words.objects] = objects | objectNaming(objectNumber.writer, 2);
      next[words.writer] = writer + 1;
      found(
        'writer',
        ['uploads pack 1', 'publishes an index object', 'publishes final and seal'][writer] ?? '',
      );
    }
    const collector = wordAt(state, words.collector);
    if (this.#configuration.moves && collector < 3) {
      if (collector === 0) next[words.packs] = packs | 4;
      if (collector === 1) next[words.objects] = objects | objectNaming(objectNumber.collector, 4);
      if (collector === 2) next[words.packs] = packs & ~1;
      next[words.collector] = collector + 1;
      found(
        'collector',
        ['copies pack 0 to pack 2', 'publishes an index object', 'deletes pack 0'][collector] ?? '',
      );
    }
    for (let merger = 0; merger < this.#configuration.mergers; merger++)
      this.#merger(merger, state, next, found);
  }

  #merger(merger: number, state: Int32Array, next: Int32Array, found: Found): void {
    const { order, publish } = this.#configuration;
    const packs = wordAt(state, words.packs);
    const objects = wordAt(state, words.objects);
    const base = words.mergers + 3 * merger;
    const at = wordAt(state, base);
    const read = wordAt(state, base + 1);
    const listed = wordAt(state, base + 2);
    const merged = objectNaming(objectNumber.mergers + merger, this.#named(read) & listed);
    const go = (
      step: string,
      to: number,
      newRead: number,
      newListed: number,
      newObjects: number,
      numbers = 0,
    ): void => {
      next[words.objects] = newObjects;
      next[base] = to;
      next[base + 1] = newRead;
      next[base + 2] = newListed;
      found(`merger ${merger}`, step, numbers);
    };
    if (at === mergerAt.start || at === mergerAt.lookAgain) {
      const to = at === mergerAt.start ? mergerAt.lookAgain : mergerAt.publish;
      if ((at === mergerAt.start) === (order === 'index-first'))
        go('reads all index objects', to, objects, listed, objects);
      else go('lists packs', to, read, packs, objects, packs);
    } else if (at === mergerAt.publish && publish === 'before-deletion') {
      go(
        'publishes an index object naming packs',
        mergerAt.deleteRead,
        read,
        listed,
        objects | merged,
        this.#named(merged),
      );
    } else if (at === mergerAt.publish) {
      go('deletes what it read', mergerAt.publishLate, read, listed, objects & ~read);
    } else if (at === mergerAt.publishLate) {
      go(
        'publishes an index object naming packs',
        mergerAt.done,
        0,
        0,
        objects | merged,
        this.#named(merged),
      );
    } else if (at === mergerAt.deleteRead) {
      const left = this.#existing(read & objects);
      for (const number of left) {
        go(
          'deletes index object',
          mergerAt.deleteRead,
          read,
          listed,
          objects & ~(15 << (4 * number)),
          1 << number,
        );
      }
      if (left.length === 0) go('is done', mergerAt.done, 0, 0, objects);
    }
  }

  /** The packs that these objects name. */
  #named(objects: number): number {
    return this.#existing(objects).reduce(
      (named, number) => named | ((objects >> (4 * number)) & 7),
      0,
    );
  }

  /** The numbers of these objects. */
  #existing(objects: number): number[] {
    return numbersIn((1 << this.#objects) - 1).filter((number) => (objects >> (4 * number)) & 8);
  }
}

function variant(
  name: string,
  loses: boolean,
  states: number,
  change: Partial<IndexMergeConfiguration>,
): Variant {
  return { name, loses, states, model: () => new IndexMerge(change) };
}

/** All searches over the merging of index objects. */
export const indexMergeVariants: readonly Variant[] = [
  variant('merging: reads the index, then lists packs', false, 36_183, {}),
  variant('merging: three mergers, nothing moves', false, 67_277, { mergers: 3, moves: false }),
  variant('without a defence: lists packs, then reads the index', true, 3435, {
    order: 'packs-first',
  }),
  variant('without a defence: deletes before it publishes', true, 100, {
    publish: 'after-deletion',
  }),
];

if (import.meta.main) runVariants(indexMergeVariants, process.argv.slice(2));
