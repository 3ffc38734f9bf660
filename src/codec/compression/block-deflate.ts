/** What became of a block. */
export interface DeflatedBlock {
  /** Its bytes, in order. They are the caller's. */
  readonly pieces: readonly Uint8Array[];
  /** The CRC-32 of what came before and what they hold, if they were read back. */
  readonly sum: number | undefined;
}

/** A block of a stream that is to be compressed. */
export interface PlainBlock {
  /** What they hold from `start` to `end`. What is before that came before it in the stream. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** The CRC-32 of all that came before it. */
  readonly sum: number;
}

/** Turns blocks of a stream into deflate (RFC 1951), several at once, in a form that can be joined. */
export interface BlockDeflate {
  /** Bytes that are best compressed at a time. */
  readonly blockLength: number;
  /** Of what came before a block, so many bytes are of use. */
  readonly windowLength: number;
  /** How many blocks should be on their way at once, so that no processor waits. */
  readonly concurrency: number;
  /** Whether what was made is inflated again, so that its sum can be told. */
  readonly isReadBack: boolean;
  /** Memory for a block of so many bytes, with what came before it; used again and again. */
  memory(length: number): Uint8Array;
  /**
   * Makes at most `storedLength(end - start)` bytes of a block, which begin and end at a byte boundary and hold no last block. They may refer to what is before `start`; `bytes` stay as they are
   * until it is there. `level` is zlib's, 0 to 9, or another that makes it as short.
   */
  deflate(block: PlainBlock, level: number): Promise<DeflatedBlock>;
}
