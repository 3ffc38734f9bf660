/** Most deltas are short: a whole block for each of many files is more work for the memory than the files. */
const FIRST_ROOM = 1024;

/** Cuts a stream into blocks of one length: what is put in in pieces of any size comes out in full blocks. */
export class DeltaBlocks {
  readonly #length: number;
  readonly #full: Uint8Array[] = [];
  #block: Uint8Array;
  #filled = 0;

  constructor(length: number) {
    this.#length = length;
    this.#block = new Uint8Array(Math.min(length, FIRST_ROOM));
  }

  /** Takes the next bytes, which it copies. */
  put(bytes: Uint8Array): void {
    for (let offset = 0; offset < bytes.length;) {
      const length = Math.min(this.#length - this.#filled, bytes.length - offset);
      this.#demandRoom(this.#filled + length);
      this.#block.set(bytes.subarray(offset, offset + length), this.#filled);
      this.#filled += length;
      offset += length;
      if (this.#filled < this.#length) return;
      this.#full.push(this.#block);
      this.#block = new Uint8Array(this.#length);
      this.#filled = 0;
    }
  }

  #demandRoom(length: number): void {
    if (length <= this.#block.length) return;
    const larger = new Uint8Array(Math.min(this.#length, Math.max(length, 4 * this.#filled)));
    larger.set(this.#block.subarray(0, this.#filled));
    this.#block = larger;
  }

  /** The next full block, if there is one. */
  take(): Uint8Array | undefined {
    return this.#full.shift();
  }

  /** What is left when all full blocks were taken: less than a block, perhaps nothing. */
  rest(): Uint8Array {
    return this.#block.subarray(0, this.#filled);
  }
}
