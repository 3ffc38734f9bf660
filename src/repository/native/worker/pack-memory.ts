import { directMemory } from '../../../base/posix/direct-writes.ts';

/** Packs of one worker that may be in memory: one is built while another is uploaded. */
export const packsInMemory = 2;

const FREE = 0;
const TAKEN = 1;
/** Behind the states of the slots: a count of releases, to wait on. */
const RELEASES = packsInMemory;
/** Now and then a waiting worker looks up, so that one that is told to end does. */
const LOOK_UP = 250;

/** What the two sides share: a state for each slot and the count of releases. */
export function allocatePackStates(): SharedArrayBuffer {
  return new SharedArrayBuffer((packsInMemory + 1) * 4);
}

/** Says that the pack in a slot is stored, from the side that stores it. */
export function releasePack(states: SharedArrayBuffer, slot: number): void {
  const words = new Int32Array(states);
  Atomics.store(words, slot, FREE);
  Atomics.add(words, RELEASES, 1);
  Atomics.notify(words, RELEASES);
}

/**
 * The memory that one worker builds packs in. When all of it is on its way to the storage the worker waits, so that a slow storage never fills the memory.
 *
 * It is shared rather than handed over, because V8 counts what is handed over towards the garbage of whoever gets it, and collects all the time.
 */
export class PackMemory {
  readonly #states: Int32Array;
  readonly #buffers: (Uint8Array<SharedArrayBuffer> | undefined)[] = [];
  /** The slot taken last. */
  slot = -1;

  constructor(states: SharedArrayBuffer) {
    this.#states = new Int32Array(states);
  }

  /** Memory of at least `size` bytes; waits, blocking this thread, until some is free. */
  take(size: number): Uint8Array<SharedArrayBuffer> {
    for (;;) {
      const releases = Atomics.load(this.#states, RELEASES);
      for (let slot = 0; slot < packsInMemory; slot++) {
        if (Atomics.compareExchange(this.#states, slot, FREE, TAKEN) !== FREE) continue;
        this.slot = slot;
        const known = this.#buffers[slot];
        if (known !== undefined && known.length >= size) return known;
        const memory = directMemory(size, (bytes) => new SharedArrayBuffer(bytes));
        return (this.#buffers[slot] = memory);
      }
      Atomics.wait(this.#states, RELEASES, releases, LOOK_UP);
    }
  }
}
