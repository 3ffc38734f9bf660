import { once } from 'node:events';
import { createInflate, createInflateRaw, type Inflate, type InflateRaw } from 'node:zlib';

import { discardLastPiece } from '../../../base/discard-bytes.ts';
import { damagedMessage } from './message-error.ts';
import type { PieceSource } from './piece-source.ts';

/** The output of one turn in the thread pool, in bytes; and what is decompressed and read ahead, so that the thread pool goes on while others work. */
const streamOptions = {
  chunkSize: 1 << 18,
  readableHighWaterMark: 1 << 19,
  writableHighWaterMark: 1 << 20,
};

/** What is waiting for the decompressor lies in pieces of this size. */
const fedAtOnce = 1 << 18;

/** Decompresses a stream: `zip` is raw deflate, `zlib` has a header and a checksum (RFC 4880, 5.6). `await using` ends its work. */
export class Inflation implements PieceSource, AsyncDisposable {
  readonly #stream: Inflate | InflateRaw;
  readonly #pieces: AsyncIterator<Uint8Array, undefined>;
  readonly #feeding: Promise<void>;
  #last: Uint8Array | undefined;

  constructor(compressed: PieceSource, kind: 'zip' | 'zlib') {
    this.#stream = (kind === 'zip' ? createInflateRaw : createInflate)(streamOptions);
    this.#pieces = this.#stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array, undefined>;
    this.#feeding = feed(compressed, this.#stream);
  }

  /** Throws `repository/damaged` for what is not compressed data, and whatever the compressed stream threw. */
  async read(): Promise<Uint8Array | undefined> {
    if (this.#last !== undefined) discardLastPiece(this.#last);
    this.#last = undefined;
    try {
      const { value } = await this.#pieces.next();
      this.#last = value;
      return value;
    } catch (error) {
      const isOfZlib =
        error instanceof Error && 'code' in error && String(error.code).startsWith('Z_');
      throw isOfZlib ? damagedMessage('holds compressed data that are damaged', error) : error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stream.destroy();
    await this.#feeding;
  }
}

/** Never rejects: what went wrong comes out of the stream. What follows the end of the compressed data is left unread. */
async function feed(compressed: PieceSource, stream: Inflate | InflateRaw): Promise<void> {
  const closed = new AbortController();
  stream.once('close', () => closed.abort());
  // It takes what it is given when it can, and a piece is only good until the next one is asked for.
  const spare: Uint8Array[] = [];
  try {
    for (
      let piece = await compressed.read();
      piece !== undefined;
      piece = await compressed.read()
    ) {
      for (let offset = 0; offset < piece.length; offset += fedAtOnce) {
        if (stream.destroyed) return;
        const part = piece.subarray(offset, offset + fedAtOnce);
        const memory = spare.pop() ?? new Uint8Array(fedAtOnce);
        memory.set(part);
        const mayGoOn = stream.write(memory.subarray(0, part.length), () => spare.push(memory));
        if (!mayGoOn) await once(stream, 'drain', { signal: closed.signal });
      }
    }
    stream.end();
  } catch (error) {
    // After a destruction this does nothing: the waiting was given up then.
    stream.destroy(error instanceof Error ? error : new Error(String(error)));
  }
}
