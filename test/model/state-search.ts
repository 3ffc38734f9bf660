/**
 * Breadth-first search over every state a small model can reach.
 *
 * A state is a row of 32-bit words. All rows lie one after another in a single array, in the order they were found, so
 * that array is the queue as well; an open-addressing table over row numbers says which states are known. A few million
 * states fit into some hundred megabytes and a few seconds, which strings in a `Set` do not.
 */

/** Tells the search that `next` holds a successor: who moved, what it did, and a set of numbers (a bit mask) for the words. */
export type Found = (actor: string, step: string, numbers?: number) => void;

/** A protocol reduced to states and steps. The order of its steps only matters for which counterexample is found first. */
export interface Model {
  /** 32-bit words in a state. */
  readonly words: number;
  /** Fills in the initial state; `state` comes with zeros. */
  start(state: Int32Array): void;
  /** Says which promise the state breaks, if any. */
  violation(state: Int32Array): string | undefined;
  /** Makes every successor in `next`, which is a copy of `state` at the beginning and again after each call of `found`. */
  successors(state: Int32Array, next: Int32Array, found: Found): void;
}

/** What a search found; `states` counts those seen before it ended. */
export interface Outcome {
  readonly states: number;
  /** The broken promise, or undefined when no reachable state breaks one. */
  readonly violation: string | undefined;
  /** The steps of a shortest history that breaks the promise; empty unless asked for. */
  readonly trace: readonly string[];
}

/** Visits every reachable state, nearest first, until one breaks a promise. With `trace`, tells the way to it. */
export function search(model: Model, { trace = false } = {}): Outcome {
  const states = new StateSet(model.words);
  const parents: number[] = [];
  const state = new Int32Array(model.words);
  const next = new Int32Array(model.words);
  model.start(next);
  states.add(next);
  let current = 0;
  const found = (): void => {
    if (states.add(next) && trace) parents[states.size - 1] = current;
    copyWords(state, next);
  };
  for (; current < states.size; current++) {
    states.read(current, state);
    const violation = model.violation(state);
    if (violation !== undefined) {
      return {
        states: states.size,
        violation,
        trace: trace ? history(model, states, parents, current) : [],
      };
    }
    copyWords(state, next);
    model.successors(state, next, found);
  }
  return { states: states.size, violation: undefined, trace: [] };
}

/** Follows the parents back to the start, and asks the model once more what each step was. */
function history(
  model: Model,
  states: StateSet,
  parents: readonly number[],
  last: number,
): string[] {
  const steps: string[] = [];
  const state = new Int32Array(model.words);
  const next = new Int32Array(model.words);
  const wanted = new Int32Array(model.words);
  for (let child = last; child > 0;) {
    const parent = parents[child] ?? 0;
    states.read(child, wanted);
    states.read(parent, state);
    copyWords(state, next);
    let label: string | undefined;
    model.successors(state, next, (actor, step, numbers = 0) => {
      if (label === undefined && next.every((word, index) => word === wanted[index])) {
        label = `${actor} ${step} ${numbersIn(numbers).join(' and ')}`.trim();
      }
      copyWords(state, next);
    });
    if (label === undefined)
      throw new Error(`No step leads from state ${parent} to state ${child}`);
    steps.unshift(label);
    child = parent;
  }
  return steps;
}

/** The numbers of the bits set in a mask, lowest first. */
export function numbersIn(mask: number): number[] {
  const numbers: number[] = [];
  for (let number = 0; mask >>> number !== 0; number++)
    if ((mask >>> number) & 1) numbers.push(number);
  return numbers;
}

/** Reads one word; a word outside the state would be a bug of the model and counts as 0. */
export function wordAt(state: Int32Array, index: number): number {
  return state[index] ?? 0;
}

function copyWords(from: Int32Array, to: Int32Array): void {
  // A loop, because a row is too short to be worth the call that TypedArray.set makes.
  for (let index = 0; index < to.length; index++) to[index] = from[index] ?? 0;
}

/** States that are all different, numbered in the order they came. */
class StateSet {
  readonly #words: number;
  #rows: Int32Array;
  /** Row number plus 1 at the place the hash says or the next free one; 0 is free. Its length is a power of two. */
  #table = new Uint32Array(1 << 12);
  #size = 0;

  constructor(words: number) {
    this.#words = words;
    this.#rows = new Int32Array(words << 11);
  }

  get size(): number {
    return this.#size;
  }

  /** Keeps a copy of the state; false when it was there already. */
  add(state: Int32Array): boolean {
    const mask = this.#table.length - 1;
    let place = hash(state, 0, this.#words) & mask;
    for (
      let entry = this.#table[place];
      entry !== undefined && entry !== 0;
      entry = this.#table[place]
    ) {
      if (this.#holds(entry - 1, state)) return false;
      place = (place + 1) & mask;
    }
    this.#table[place] = this.#size + 1;
    this.#append(state);
    if (this.#size * 2 > this.#table.length) this.#grow();
    return true;
  }

  read(row: number, state: Int32Array): void {
    const base = row * this.#words;
    for (let index = 0; index < this.#words; index++) state[index] = this.#rows[base + index] ?? 0;
  }

  #holds(row: number, state: Int32Array): boolean {
    const base = row * this.#words;
    for (let index = 0; index < this.#words; index++) {
      if (this.#rows[base + index] !== state[index]) return false;
    }
    return true;
  }

  #append(state: Int32Array): void {
    const base = this.#size * this.#words;
    if (base + this.#words > this.#rows.length) {
      const rows = new Int32Array(this.#rows.length * 2);
      rows.set(this.#rows);
      this.#rows = rows;
    }
    this.#rows.set(state, base);
    this.#size++;
  }

  #grow(): void {
    const table = new Uint32Array(this.#table.length * 2);
    const mask = table.length - 1;
    for (let row = 0; row < this.#size; row++) {
      let place = hash(this.#rows, row * this.#words, this.#words) & mask;
      while (table[place] !== 0) place = (place + 1) & mask;
      table[place] = row + 1;
    }
    this.#table = table;
  }
}

/** Mixes the words as MurmurHash3 does; neighbouring states differ in few bits, and all of them must count. */
function hash(words: Int32Array, from: number, count: number): number {
  let mixed = count;
  for (let index = from; index < from + count; index++) {
    let word = Math.imul(words[index] ?? 0, 0xcc9e2d51);
    word = Math.imul((word << 15) | (word >>> 17), 0x1b873593);
    mixed ^= word;
    mixed = (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
  }
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
