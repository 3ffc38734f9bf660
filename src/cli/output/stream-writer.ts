import type { Writable } from 'node:stream';

/** Writes to a stream whose reader may go away: then nothing more is written and nobody complains. */
export class StreamWriter {
  readonly #stream: Writable;
  #closed = false;
  #failure: Error | undefined;

  constructor(stream: Writable) {
    this.#stream = stream;
    stream.on('error', (error: NodeJS.ErrnoException) => {
      this.#closed = true;
      if (error.code !== 'EPIPE') this.#failure ??= error;
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  write(data: string | Uint8Array): void {
    if (!this.#closed) this.#stream.write(data);
  }

  /** Resolves when everything was handed over; rejects if that failed otherwise than by the reader's going away. */
  async flush(): Promise<void> {
    if (!this.#closed) {
      // The callback of an empty write comes after those of all writes before it, also when the stream fails.
      await new Promise<void>((resolve) => this.#stream.write('', () => resolve()));
    }
    if (this.#failure !== undefined) throw this.#failure;
  }
}
