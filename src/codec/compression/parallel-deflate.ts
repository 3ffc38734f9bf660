import { AppError } from '../../base/errors.ts';
import type { ByteEncoder, ByteSink } from '../byte-encoder.ts';
import type { BlockDeflate, DeflatedBlock } from './block-deflate.ts';
import { compressionFault } from './compression-fault.ts';
import { crc32 } from './crc32.ts';
import { libraryDeflate } from './library-deflate.ts';
import { storedLength } from './stored-blocks.ts';
import { zlibDeflate } from './zlib-deflate.ts';

/** How a stream is cut and compressed; all but `concurrency` decide about the bytes that come out. */
export interface ParallelDeflateParameters {
  /** zlib's level, 0 to 9, or another that makes it as short; 6 unless told. */
  readonly level?: number;
  /** What compresses; libdeflate unless told, or zlib where that is not installed. */
  readonly by?: BlockDeflate;
  /** Bytes compressed at a time; what is best for the compressor unless told. */
  readonly blockLength?: number;
  /** How many blocks may be on their way at once; what is best for the compressor unless told. */
  readonly concurrency?: number;
}

/** An empty last block: the stream is at a byte boundary when it comes. */
const LAST_BLOCK = Uint8Array.of(0x03, 0x00);

/** Room for what has to be compressed, and before it for what came before it. */
interface Block {
  readonly bytes: Uint8Array;
  windowLength: number;
  end: number;
  /** The CRC-32 of all that was written before it, and with it. */
  sumBefore: number;
  sum: number;
}

/**
 * Raw deflate (RFC 1951) of a stream, made of blocks that are compressed at once by several threads, so that their outputs joined are one stream. The output depends on the compressor,
 * the parameters and the bytes only, not on the pieces they come in, nor on time. What would not shrink is stored, so a block of n bytes never takes more than
 * `n + 5 * ceil(n / 65535)`.
 */
export class ParallelDeflate implements ByteEncoder {
  readonly #sink: ByteSink;
  readonly #by: BlockDeflate;
  readonly #level: number;
  readonly #blockLength: number;
  readonly #concurrency: number;

  #current: Block;
  readonly #spare: Block[] = [];
  #delivered: Promise<void> = Promise.resolve();
  /** Of the latest blocks, fewer than may be on their way at once. */
  readonly #deliveries: Promise<void>[] = [];
  /** Bytes the sink has, plus the most that what is on its way can become. */
  #committed = 0;
  #failure: { readonly error: unknown } | undefined;
  #over = false;

  constructor(sink: ByteSink, parameters: ParallelDeflateParameters = {}) {
    this.#sink = sink;
    this.#by = parameters.by ?? libraryDeflate() ?? zlibDeflate;
    this.#level = parameters.level ?? 6;
    this.#blockLength = parameters.blockLength ?? this.#by.blockLength;
    this.#concurrency = parameters.concurrency ?? this.#by.concurrency;
    this.#current = this.#emptyBlock();
  }

  /** The CRC-32 of what was written. */
  get sum(): number {
    return this.#current.sum;
  }

  get isReadBack(): boolean {
    return this.#by.isReadBack;
  }

  get sizeBound(): number {
    const { windowLength, end } = this.#current;
    return (
      this.#committed + storedLength(end - windowLength) + (this.#over ? 0 : LAST_BLOCK.length)
    );
  }

  async write(plain: Uint8Array): Promise<void> {
    this.#demandUsable();
    let offset = 0;
    while (offset < plain.length) {
      const block = this.#current;
      const room = block.windowLength + this.#blockLength - block.end;
      const length = Math.min(room, plain.length - offset);
      const part = plain.subarray(offset, offset + length);
      block.bytes.set(part, block.end);
      block.sum = crc32(part, block.sum);
      block.end += length;
      offset += length;
      if (length === room) {
        this.#start();
        if (this.#deliveries.length >= this.#concurrency) await this.#deliveries.shift();
        this.#demandSound();
      }
    }
  }

  /** Waits for the blocks on their way. The block that is not full yet stays and counts with what it takes when stored. */
  async settle(): Promise<void> {
    this.#demandUsable();
    await this.#delivered;
    this.#demandSound();
  }

  async finish(): Promise<void> {
    this.#demandUsable();
    if (this.#current.end > this.#current.windowLength) this.#start();
    this.#over = true;
    this.#committed += LAST_BLOCK.length;
    await this.#delivered;
    this.#demandSound();
    await this.#sink(LAST_BLOCK.slice());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true;
    this.#failure ??= { error: new AppError('internal', 'The compressor was given up') };
    await this.#delivered;
  }

  /** Has the current block compressed, and its output sent to the sink after that of the blocks before it. */
  #start(): void {
    const block = this.#current;
    const plainLength = block.end - block.windowLength;
    const most = storedLength(plainLength);
    this.#committed += most;
    this.#current = this.#blockAfter(block);
    const coding = this.#by.deflate(
      { ...block, start: block.windowLength, sum: block.sumBefore },
      this.#level,
    );
    // Looked at in turn below; until then a failure must not count as unnoticed.
    coding.catch(() => undefined);
    this.#delivered = this.#deliver(this.#delivered, coding, block, most);
    this.#deliveries.push(this.#delivered);
  }

  async #deliver(
    before: Promise<void>,
    coding: Promise<DeflatedBlock>,
    block: Block,
    most: number,
  ): Promise<void> {
    await before;
    try {
      const { pieces, sum } = await coding;
      if (sum !== undefined && sum !== block.sum) throw compressionFault();
      if (this.#failure === undefined) {
        this.#committed -= most;
        for (const { length } of pieces) this.#committed += length;
        for (const piece of pieces) await this.#sink(piece);
      }
    } catch (error) {
      this.#failure ??= { error };
    } finally {
      this.#spare.push(block);
    }
  }

  #emptyBlock(): Block {
    const bytes = this.#by.memory(this.#by.windowLength + this.#blockLength);
    return { bytes, windowLength: 0, end: 0, sumBefore: 0, sum: 0 };
  }

  /** A block that begins with the window in which the next bytes are compressed. */
  #blockAfter(before: Block): Block {
    const block = this.#spare.pop() ?? this.#emptyBlock();
    const window = before.bytes.subarray(
      Math.max(0, before.end - this.#by.windowLength),
      before.end,
    );
    block.bytes.set(window);
    block.windowLength = window.length;
    block.end = window.length;
    block.sumBefore = before.sum;
    block.sum = before.sum;
    return block;
  }

  #demandUsable(): void {
    this.#demandSound();
    if (this.#over) throw new AppError('internal', 'The compressor is finished already');
  }

  #demandSound(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
