/** Bits of the hash. */
const width = 160;

/** Bits by which each byte is moved further than the one before. */
const shift = 11;

/**
 * Microsoft's QuickXorHash: bytes are combined by exclusive-or in a ring of 160 bits, each 11 bits after the one before, and at the end the
 * length (https://learn.microsoft.com/onedrive/developer/code-snippets/quickxorhash). It finds damage, not intent.
 */
export class QuickXorHash {
  /** The bytes at places that are equal modulo 160 land on the same bits: they are combined here first. */
  readonly #cells = new Uint8Array(width);
  readonly #words = new Uint32Array(this.#cells.buffer);
  #length = 0;

  update(bytes: Uint8Array): this {
    const end = bytes.byteLength;
    const toStart = Math.min(end, (width - (this.#length % width)) % width);
    this.#combine(bytes, 0, toStart);
    const rounds = Math.floor((end - toStart) / width);
    const from = bytes.byteOffset + toStart;
    // Four bytes at a time, where the memory is laid out for it.
    if (from % 4 === 0) {
      combineRounds(this.#words, new Uint32Array(bytes.buffer, from, (rounds * width) / 4));
      this.#length += rounds * width;
    } else this.#combine(bytes, toStart, toStart + rounds * width);
    this.#combine(bytes, toStart + rounds * width, end);
    return this;
  }

  #combine(bytes: Uint8Array, start: number, end: number): void {
    let cell = this.#length % width;
    for (let at = start; at < end; at++) {
      this.#cells[cell] = (this.#cells[cell] ?? 0) ^ (bytes[at] ?? 0);
      cell = cell + 1 === width ? 0 : cell + 1;
    }
    this.#length += end - start;
  }

  /** The hash in Base64, as OneDrive writes it. */
  digest(): string {
    const ring = new Uint8Array(width / 8);
    const put = (place: number, bits: number): void => {
      ring[place % ring.length] = (ring[place % ring.length] ?? 0) ^ (bits & 0xff);
    };
    for (const [index, byte] of this.#cells.entries()) {
      const bit = (index * shift) % width;
      const moved = byte << (bit % 8);
      put(Math.floor(bit / 8), moved);
      put(Math.floor(bit / 8) + 1, moved >>> 8);
    }
    let rest = BigInt(this.#length);
    for (let index = ring.length - 8; index < ring.length; index++) {
      put(index, Number(rest & 0xffn));
      rest >>= 8n;
    }
    return Buffer.from(ring).toString('base64');
  }
}

function combineRounds(cells: Uint32Array, words: Uint32Array): void {
  const count = cells.length;
  for (let at = 0; at < words.length; at += count)
    for (let index = 0; index < count; index++)
      cells[index] = (cells[index] ?? 0) ^ (words[at + index] ?? 0);
}
