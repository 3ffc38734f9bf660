import { availableParallelism } from 'node:os';

import { type DeflateLibrary, deflateLibrary } from '../../base/deflate-library.ts';
import type { BlockDeflate, DeflatedBlock, PlainBlock } from './block-deflate.ts';
import { DeflateThreads } from './deflate-threads.ts';
import { deflateBlock, roomForBlock } from './library-block.ts';

const MOST_THREADS = 4;
/** So many bytes are compressed in this thread before others are started, which takes the processors as long: a run that has hardly more to compress ends without them. */
const STARTED_AFTER = 8 * 1024 * 1024;

let shared: BlockDeflate | 'none' | undefined;

/** By libdeflate, in threads of its own that all streams of this process share; undefined where it is not installed. */
export function libraryDeflate(): BlockDeflate | undefined {
  if (shared === undefined) {
    const library = deflateLibrary();
    shared = library === undefined ? 'none' : new LibraryDeflate(library);
  }
  return shared === 'none' ? undefined : shared;
}

/** Blocks know nothing of each other: libdeflate takes what it compresses at once, and finds more in it. */
class LibraryDeflate implements BlockDeflate {
  readonly blockLength = 256 * 1024;
  readonly windowLength = 0;
  readonly isReadBack = true;
  readonly concurrency: number;
  readonly #library: DeflateLibrary;
  readonly #threads: DeflateThreads;
  #compressedHere = 0;

  constructor(library: DeflateLibrary) {
    this.#library = library;
    const threads = Math.min(MOST_THREADS, availableParallelism());
    this.#threads = new DeflateThreads(threads);
    // Pieces come in bursts, between which the threads should not run dry.
    this.concurrency = 6 * threads;
  }

  memory(length: number): Uint8Array {
    return new Uint8Array(new SharedArrayBuffer(length + roomForBlock(length)), 0, length);
  }

  async deflate(
    { bytes, start, end, sum: sumBefore }: PlainBlock,
    level: number,
  ): Promise<DeflatedBlock> {
    const out = new Uint8Array(bytes.buffer, bytes.length);
    if (this.#compressedHere < STARTED_AFTER) {
      this.#compressedHere += end - start;
      const plain = bytes.subarray(start, end);
      const { length, sum } = deflateBlock(this.#library, { plain, sum: sumBefore }, level, out);
      return { pieces: [out.slice(0, length)], sum };
    }
    const memory = bytes.buffer as SharedArrayBuffer;
    const { length, sum } = await this.#threads.compress({
      memory,
      start,
      end,
      sum: sumBefore,
      resultAt: bytes.length,
      level,
    });
    return { pieces: [out.slice(0, length)], sum };
  }
}
