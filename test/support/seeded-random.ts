import { createCipheriv } from 'node:crypto';

/** Numbers and bytes that are the same for the same seed: what failed can be done again. */
export class SeededRandom {
  readonly #stream;

  constructor(seed: number) {
    const key = Buffer.alloc(32);
    key.writeDoubleLE(seed);
    this.#stream = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  }

  bytes(length: number): Buffer {
    return this.#stream.update(Buffer.alloc(length));
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    return Math.floor((this.bytes(6).readUIntLE(0, 6) / 2 ** 48) * limit);
  }
}
