import { AppError } from '../base/errors.ts';
import type { ByteEncoder, ByteSink } from './byte-encoder.ts';

/** The coded form is what was written. */
export class PlainEncoder implements ByteEncoder {
  readonly #sink: ByteSink;
  #size = 0;
  #failure: { readonly error: unknown } | undefined;

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  get sizeBound(): number {
    return this.#size;
  }

  async write(plain: Uint8Array): Promise<void> {
    this.#demandUsable();
    // The bytes are the sink's then, which may discard them.
    const { length } = plain;
    try {
      await this.#sink(plain);
      this.#size += length;
    } catch (error) {
      this.#failure ??= { error };
      throw error;
    }
  }

  settle(): Promise<void> {
    return Promise.resolve();
  }

  finish(): Promise<void> {
    this.#demandUsable();
    this.#failure = { error: new AppError('internal', 'The encoder is finished already') };
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#failure ??= { error: new AppError('internal', 'The encoder was given up') };
    return Promise.resolve();
  }

  #demandUsable(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
