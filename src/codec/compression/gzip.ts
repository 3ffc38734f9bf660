import { createInflateRaw, crc32 } from 'node:zlib';

import { AppError } from '../../base/errors.ts';
import type { ByteEncoder, ByteSink } from '../byte-encoder.ts';
import { ParallelDeflate } from './parallel-deflate.ts';
import type { ParallelDeflateParameters } from './parallel-deflate.ts';

/** How a gzip file is made. */
export interface GzipParameters extends ParallelDeflateParameters {
  /** The time in the header, in seconds since 1970; 0, which is none, unless told. */
  readonly time?: number;
}

const HEADER_LENGTH = 10;
const TRAILER_LENGTH = 8;

/** The output of one turn in the thread pool, in bytes. */
const CHUNK = 256 * 1024;

const HAS_HEADER_CRC = 0x02;
const HAS_EXTRA = 0x04;
const HAS_NAME = 0x08;
const HAS_COMMENT = 0x10;
const RESERVED_FLAGS = 0xe0;

/** What zlib says about bytes that are no deflate stream or not all of one. */
const damageCodes: ReadonlySet<string> = new Set(['Z_DATA_ERROR', 'Z_BUF_ERROR', 'Z_NEED_DICT']);

/** The output of the next turn is made while that of the last one is used. */
const inflateOptions = { chunkSize: CHUNK, highWaterMark: 2 * CHUNK };

const EMPTY = new Uint8Array(0);

/**
 * A gzip file (RFC 1952) of one member, with the header that duplicity writes: a time, no name (docs/formats/duplicity.md 4). Blocks are compressed at once
 * on Node's thread pool.
 */
export function gzipEncoder(sink: ByteSink, parameters: GzipParameters = {}): ByteEncoder {
  return new GzipEncoder(sink, parameters);
}

class GzipEncoder implements ByteEncoder {
  readonly #sink: ByteSink;
  readonly #body: ParallelDeflate;
  readonly #time: number;
  #crc = 0;
  #plainLength = 0;
  #hasHeader = false;

  constructor(sink: ByteSink, parameters: GzipParameters) {
    this.#sink = sink;
    this.#time = parameters.time ?? 0;
    this.#body = new ParallelDeflate(sink, parameters);
  }

  get sizeBound(): number {
    return HEADER_LENGTH + this.#body.sizeBound + TRAILER_LENGTH;
  }

  async write(plain: Uint8Array): Promise<void> {
    await this.#header();
    this.#crc = crc32(plain, this.#crc);
    this.#plainLength += plain.length;
    await this.#body.write(plain);
  }

  settle(): Promise<void> {
    return this.#body.settle();
  }

  async finish(): Promise<void> {
    await this.#header();
    await this.#body.finish();
    const trailer = new Uint8Array(TRAILER_LENGTH);
    const view = new DataView(trailer.buffer);
    view.setUint32(0, this.#crc, true);
    // Modulo 2^32.
    view.setUint32(4, this.#plainLength, true);
    await this.#sink(trailer);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#body[Symbol.asyncDispose]();
  }

  async #header(): Promise<void> {
    if (this.#hasHeader) return;
    this.#hasHeader = true;
    const header = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff);
    new DataView(header.buffer).setUint32(4, this.#time, true);
    await this.#sink(header);
  }
}

/**
 * The content of a gzip file (RFC 1952): one member or several, with nothing behind them but zeros. The sum and the length of each are checked. Anything
 * else, a file that is cut off or empty included, is `repository/damaged`, at the latest at the end. The work is done on Node's thread pool; memory stays
 * flat. What `stored` throws is passed on; it is let go of in any case.
 */
export async function* gunzip(stored: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const input = new Input(stored);
  try {
    await demandMagic(input);
    do {
      await passHeader(input);
      yield* member(input);
    } while (await isMemberNext(input));
  } finally {
    await input.close();
  }
}

/** The bytes of a stream, one by one or by the piece, with what was taken too much given back. */
class Input {
  readonly #pieces: AsyncIterator<Uint8Array>;
  #piece: Uint8Array = EMPTY;
  #offset = 0;

  constructor(stored: AsyncIterable<Uint8Array>) {
    this.#pieces = stored[Symbol.asyncIterator]();
  }

  /** All that is at hand, at least one byte; undefined at the end. */
  async piece(): Promise<Uint8Array | undefined> {
    while (this.#offset === this.#piece.length) {
      const result = await this.#pieces.next();
      if (result.done === true) return undefined;
      this.#piece = result.value;
      this.#offset = 0;
    }
    const rest = this.#piece.subarray(this.#offset);
    this.#offset = this.#piece.length;
    return rest;
  }

  /** The next byte; undefined at the end. */
  async byteOrEnd(): Promise<number | undefined> {
    const rest = await this.piece();
    if (rest === undefined) return undefined;
    this.giveBack(rest.length - 1);
    return rest[0];
  }

  async byte(): Promise<number> {
    const byte = await this.byteOrEnd();
    if (byte === undefined) throw cut();
    return byte;
  }

  async little(length: 2 | 4): Promise<number> {
    let value = 0;
    for (let i = 0; i < length; i += 1) value += (await this.byte()) * 256 ** i;
    return value;
  }

  /** Makes the last `length` bytes of the piece that was taken last be taken again. */
  giveBack(length: number): void {
    this.#offset -= length;
  }

  async close(): Promise<void> {
    await this.#pieces.return?.();
  }
}

async function demandMagic(input: Input): Promise<void> {
  const first = await input.byteOrEnd();
  if (first === undefined) throw damaged('It is empty');
  if (first !== 0x1f || (await input.byte()) !== 0x8b) throw damaged('It is no gzip file');
}

/** Passes over what stands between the magic number and the compressed content. */
async function passHeader(input: Input): Promise<void> {
  const method = await input.byte();
  const flags = await input.byte();
  if (method !== 8 || (flags & RESERVED_FLAGS) !== 0)
    throw damaged('Its header has unknown fields');
  // The time, the level and the system.
  for (let i = 0; i < 6; i += 1) await input.byte();
  if ((flags & HAS_EXTRA) !== 0) {
    const length = await input.little(2);
    for (let i = 0; i < length; i += 1) await input.byte();
  }
  for (const flag of [HAS_NAME, HAS_COMMENT]) {
    if ((flags & flag) !== 0) while ((await input.byte()) !== 0);
  }
  if ((flags & HAS_HEADER_CRC) !== 0) await input.little(2);
}

/** The content of one member, whose trailer is read and checked after it. */
async function* member(input: Input): AsyncGenerator<Uint8Array> {
  let crc = 0;
  let length = 0;
  for await (const piece of inflated(input)) {
    crc = crc32(piece, crc);
    length += piece.length;
    yield piece;
  }
  if ((await input.little(4)) !== crc) throw damaged('Its content has the wrong sum');
  if ((await input.little(4)) !== length % 2 ** 32)
    throw damaged('Its content has the wrong length');
}

/** One deflate stream; afterwards the input stands behind it. */
async function* inflated(input: Input): AsyncGenerator<Uint8Array> {
  const inflate = createInflateRaw(inflateOptions);
  let fed = 0;
  let failure: { readonly error: unknown } | undefined;
  // A write is never answered when the reader leaves before all that came of it was read.
  let leave: (() => void) | undefined;
  inflate.once('close', () => leave?.());
  const write = (piece: Uint8Array): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    leave = resolve;
    // An error is seen by the reader of `inflate`.
    inflate.write(piece, () => resolve());
    return inflate.destroyed ? Promise.resolve() : promise;
  };
  const feed = async (): Promise<void> => {
    try {
      while (!inflate.readableEnded && !inflate.destroyed && fed === inflate.bytesWritten) {
        const piece = await input.piece();
        if (piece === undefined) {
          inflate.end();
          return;
        }
        fed += piece.length;
        await write(piece);
      }
    } catch (error) {
      failure = { error };
      inflate.destroy();
    }
  };
  const feeding = feed();
  try {
    for await (const piece of inflate) yield piece as Uint8Array;
    await feeding;
    input.giveBack(fed - inflate.bytesWritten);
  } catch (error) {
    if (failure !== undefined) throw failure.error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || !damageCodes.has(code)) throw error;
    throw damaged('Its content cannot be read', error);
  } finally {
    inflate.destroy();
    await feeding;
  }
}

/** Whether another member follows, past its magic number. Zeros may stand at the end, as padding. */
async function isMemberNext(input: Input): Promise<boolean> {
  const first = await input.byteOrEnd();
  if (first === undefined) return false;
  if (first === 0x1f && (await input.byte()) === 0x8b) return true;
  if (first !== 0) throw damaged('Something follows its end');
  for (let rest = await input.piece(); rest !== undefined; rest = await input.piece()) {
    if (rest.some((byte) => byte !== 0)) throw damaged('Something follows its end');
  }
  return false;
}

function damaged(what: string, cause?: unknown): AppError {
  return new AppError('repository/damaged', `The gzip file is damaged: ${what}`, { cause });
}

function cut(): AppError {
  return damaged('It is cut off');
}
