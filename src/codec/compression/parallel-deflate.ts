import { constants, deflateRaw } from 'node:zlib';

import { discardBytes } from '../../base/discard-bytes.ts';
import { AppError } from '../../base/errors.ts';
import type { ByteEncoder, ByteSink } from '../byte-encoder.ts';
import { cutRuns, type Run } from './incompressible-runs.ts';

/** How a stream is cut and compressed; all but `concurrency` decide about the bytes that come out. */
export interface ParallelDeflateParameters {
  /** zlib's level, 0 to 9; 6 unless told. */
  readonly level?: number;
  /** Bytes compressed at a time; 128 KiB unless told. */
  readonly blockLength?: number;
  /** How many blocks may be on their way at once; 4 unless told, which is the size of Node's thread pool. */
  readonly concurrency?: number;
}

/** How far back deflate refers; so much of what came before a block is shown to its compressor. */
const WINDOW = 32 * 1024;

const MAX_STORED = 65_535;
const STORED_HEADER = 5;

/** An empty last block: the stream is at a byte boundary when it comes, as each block ends with a sync flush. */
const LAST_BLOCK = Uint8Array.of(0x03, 0x00);

/** Room for what has to be compressed, and before it for what came before it. */
interface Block {
  readonly bytes: Uint8Array;
  windowLength: number;
  end: number;
}

/**
 * Raw deflate (RFC 1951) of a stream, made of blocks that Node's thread pool compresses at once: each is primed with the 32 KiB before it and ends with
 * a sync flush, so that their outputs joined are one stream (as pigz does). The output depends on the parameters and the bytes only, not on the pieces
 * they come in, nor on time. What would not shrink is stored, so a block of n bytes never takes more than `n + 5 * ceil(n / 65535)`.
 */
export class ParallelDeflate implements ByteEncoder {
  readonly #sink: ByteSink;
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
    this.#level = parameters.level ?? 6;
    this.#blockLength = parameters.blockLength ?? 128 * 1024;
    this.#concurrency = parameters.concurrency ?? 4;
    this.#current = this.#emptyBlock();
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
      block.bytes.set(plain.subarray(offset, offset + length), block.end);
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

  /** Sends the current block to the thread pool, and its output to the sink after that of the blocks before it. */
  #start(): void {
    const block = this.#current;
    const plainLength = block.end - block.windowLength;
    const most = storedLength(plainLength);
    this.#committed += most;
    this.#current = this.#blockAfter(block);
    const coding = compressed(block, this.#level);
    // Looked at in turn below; until then a failure must not count as unnoticed.
    coding.catch(() => undefined);
    this.#delivered = this.#deliver(this.#delivered, coding, block, most);
    this.#deliveries.push(this.#delivered);
  }

  async #deliver(
    before: Promise<void>,
    coding: Promise<Uint8Array[]>,
    block: Block,
    most: number,
  ): Promise<void> {
    await before;
    try {
      const pieces = await coding;
      if (this.#failure === undefined) {
        this.#committed += lengthOf(pieces) - most;
        for (const piece of pieces) await this.#sink(piece);
      }
    } catch (error) {
      this.#failure ??= { error };
    } finally {
      this.#spare.push(block);
    }
  }

  #emptyBlock(): Block {
    return { bytes: new Uint8Array(WINDOW + this.#blockLength), windowLength: 0, end: 0 };
  }

  /** A block that begins with the window in which the next bytes are compressed. */
  #blockAfter(before: Block): Block {
    const block = this.#spare.pop() ?? this.#emptyBlock();
    const window = before.bytes.subarray(Math.max(0, before.end - WINDOW), before.end);
    block.bytes.set(window);
    block.windowLength = window.length;
    block.end = window.length;
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

/** The bytes that `length` bytes take in stored blocks, in which every stream fits. */
function storedLength(length: number): number {
  return length + STORED_HEADER * Math.ceil(length / MAX_STORED);
}

async function compressed(block: Block, level: number): Promise<Uint8Array[]> {
  const { bytes, windowLength, end } = block;
  const most = storedLength(end - windowLength);
  const runs = cutRuns(bytes, windowLength, end, WINDOW);
  const pieces = await Promise.all(runs.map((run) => compressedRun(block, run, level)));
  return lengthOf(pieces) > most ? [stored(bytes.subarray(windowLength, end))] : pieces;
}

async function compressedRun(
  { bytes }: Block,
  { isIncompressible, start, end }: Run,
  level: number,
): Promise<Uint8Array> {
  const plain = bytes.subarray(start, end);
  if (isIncompressible) return stored(plain);
  const window = bytes.subarray(Math.max(0, start - WINDOW), start);
  const made = await deflated(plain, window, level, storedLength(plain.length));
  if (made.length >= plain.length / 2) return made;
  // A short result must not keep the long buffer it was made in.
  const copy = Uint8Array.from(made);
  discardBytes(made);
  return copy;
}

function lengthOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

function deflated(
  plain: Uint8Array,
  window: Uint8Array,
  level: number,
  most: number,
): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  deflateRaw(
    plain,
    {
      level,
      ...(window.length === 0 ? {} : { dictionary: window }),
      finishFlush: constants.Z_SYNC_FLUSH,
      // The output in one piece and one turn in the thread pool; with the 16 KiB of the default there are many.
      chunkSize: most + (most >>> 8) + 1024,
    },
    (error, bytes) => {
      if (error === null) resolve(bytes);
      else reject(error);
    },
  );
  return promise;
}

function stored(plain: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(storedLength(plain.length));
  const view = new DataView(bytes.buffer);
  let written = 0;
  for (let offset = 0; offset < plain.length; offset += MAX_STORED) {
    const piece = plain.subarray(offset, offset + MAX_STORED);
    view.setUint16(written + 1, piece.length, true);
    view.setUint16(written + 3, 0xffff ^ piece.length, true);
    bytes.set(piece, written + STORED_HEADER);
    written += STORED_HEADER + piece.length;
  }
  return bytes;
}
