import { type Cipheriv, createCipheriv } from 'node:crypto';

/** Numbers and bytes that look random and are the same in every run: what the benchmark makes its data from. */
export class SeededRandom {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;
  readonly #bytes: Cipheriv;

  constructor(seed: number) {
    this.#a = seed | 0;
    this.#b = 0x9e3779b9 | 0;
    this.#c = 0x243f6a88;
    for (let round = 0; round < 16; round++) this.next();
    const key = Buffer.alloc(16);
    key.writeInt32LE(seed | 0);
    this.#bytes = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  }

  /** An unsigned 32-bit integer, by Chris Doty-Humphrey's sfc32. */
  next(): number {
    const result = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + result;
    return result >>> 0;
  }

  /** An integer from 0 up to, not including, `limit`. */
  below(limit: number): number {
    return Math.floor((this.next() / 2 ** 32) * limit);
  }

  /** A number from 0 up to, not including, 1. */
  fraction(): number {
    return this.next() / 2 ** 32;
  }

  /** A size around `median`; the spread is that of a log-normal distribution, as sizes of files have. */
  size(median: number, spread: number): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.fraction()));
    const normal = radius * Math.cos(2 * Math.PI * this.fraction());
    return Math.round(median * Math.exp(spread * normal));
  }

  /** Fills with bytes that no program can compress. */
  fill(target: Buffer): void {
    this.#bytes.update(target.fill(0)).copy(target);
  }
}
