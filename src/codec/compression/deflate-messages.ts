import type { LibraryBlock } from './library-block.ts';

/** What a thread that compresses is told. */
export interface ToDeflateWorker {
  /** Holds the block, and has room for what becomes of it. */
  readonly memory: SharedArrayBuffer;
  readonly start: number;
  readonly end: number;
  /** The CRC-32 of all that came before the block. */
  readonly sum: number;
  /** Where the result goes. */
  readonly resultAt: number;
  readonly level: number;
}

/** What it answers, in the order in which it was asked. */
export type FromDeflateWorker = LibraryBlock;
