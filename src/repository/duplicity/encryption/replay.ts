import type { PieceSource } from '../../../codec/encryption/openpgp/piece-source.ts';

/** What is remembered at most, beside the last piece, in bytes. */
const remembered = 1 << 20;

/** Reads a stream and remembers its beginning, so that somebody else can start again. */
export class Replay implements PieceSource {
  readonly #pieces: AsyncIterator<Uint8Array, unknown>;
  #start: Uint8Array[] | undefined = [];
  #length = 0;

  constructor(stored: AsyncIterable<Uint8Array>) {
    this.#pieces = stored[Symbol.asyncIterator]();
  }

  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      const next = await this.#pieces.next();
      if (next.done === true) return undefined;
      if (next.value.length === 0) continue;
      if (this.#length > remembered) this.forget();
      this.#length += next.value.length;
      this.#start?.push(next.value);
      return next.value;
    }
  }

  /** Nobody will start again. */
  forget(): void {
    this.#start = undefined;
  }

  /** Whether everything that was read is remembered. */
  get isComplete(): boolean {
    return this.#start !== undefined;
  }

  /** The stream from its beginning on, once, as far as it is remembered. */
  async *again(): AsyncGenerator<Uint8Array> {
    const start = this.#start ?? [];
    this.#start = undefined;
    yield* start;
    for (let piece = await this.read(); piece !== undefined; piece = await this.read()) yield piece;
  }

  /** Ends the stream early, so that what it has open is closed. */
  async close(): Promise<void> {
    await this.#pieces.return?.();
  }
}
