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

/**
 * A gzip file (RFC 1952) of one member, with the header that duplicity writes: a time, no name (docs/formats/duplicity.md 4). Blocks are compressed at
 * once by several threads.
 */
export function gzipEncoder(sink: ByteSink, parameters: GzipParameters = {}): ByteEncoder {
  return new GzipEncoder(sink, parameters);
}

class GzipEncoder implements ByteEncoder {
  readonly #sink: ByteSink;
  readonly #body: ParallelDeflate;
  readonly #time: number;
  #plainLength = 0;
  #hasHeader = false;
  readonly copies = true;

  constructor(sink: ByteSink, parameters: GzipParameters) {
    this.#sink = sink;
    this.#time = parameters.time ?? 0;
    this.#body = new ParallelDeflate(sink, parameters);
  }

  get isReadBack(): boolean {
    return this.#body.isReadBack;
  }

  get sizeBound(): number {
    return HEADER_LENGTH + this.#body.sizeBound + TRAILER_LENGTH;
  }

  async write(plain: Uint8Array): Promise<void> {
    await this.#header();
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
    view.setUint32(0, this.#body.sum, true);
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
