import { receiveMessageOnPort } from 'node:worker_threads';

import type { BufferReturn } from './messages.ts';

/** Packs of one worker that may be in memory: one is built while another is uploaded. */
const PACKS = 2;
const LOOK_UP = 250;

/**
 * The memory that one worker builds packs in. When all of it is on its way to the storage the worker waits, so that a slow storage never fills the memory.
 * The waiting is done without the event loop: a worker in the middle of a task cannot receive messages otherwise.
 */
export class PackMemory {
  readonly #return: BufferReturn;
  readonly #count: Int32Array;
  #made = 0;

  constructor(bufferReturn: BufferReturn) {
    this.#return = bufferReturn;
    this.#count = new Int32Array(bufferReturn.count);
  }

  /** Memory of at least `size` bytes. */
  take(size: number): ArrayBuffer {
    for (;;) {
      const seen = Atomics.load(this.#count, 0);
      const message = receiveMessageOnPort(this.#return.port);
      if (message !== undefined) {
        const buffer = message.message as ArrayBuffer;
        return buffer.byteLength >= size ? buffer : new ArrayBuffer(size);
      }
      if (this.#made < PACKS) {
        this.#made++;
        return new ArrayBuffer(size);
      }
      // Now and then it looks up, so that a thread that is told to end does.
      Atomics.wait(this.#count, 0, seen, LOOK_UP);
    }
  }
}
