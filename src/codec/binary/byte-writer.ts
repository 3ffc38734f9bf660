const utf8Encoder = new TextEncoder();

/** What small copies share, so that not each of them is a buffer of its own, which costs far more than its bytes. */
const slabSize = 64 * 1024;
let slab = Buffer.allocUnsafeSlow(slabSize);
let slabUsed = 0;

/** Appends the primitive layouts of docs/formats/native.md, section 1, to one growing buffer. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#length;
  }

  /** The bytes written so far, without a copy: valid until the next write or `clear`. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** The bytes written so far, as an array of their own. */
  take(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  /** A copy of the bytes written so far, which may share its memory with other copies: for what is small, many, and not handed to other threads. */
  copy(): Uint8Array {
    const length = this.#length;
    if (length > slabSize / 16) return this.take();
    if (slabUsed + length > slabSize) {
      slab = Buffer.allocUnsafeSlow(slabSize);
      slabUsed = 0;
    }
    const start = slabUsed;
    slabUsed += length;
    slab.set(this.view(), start);
    return slab.subarray(start, slabUsed);
  }

  clear(): void {
    this.#length = 0;
  }

  u8(value: number): this {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  u16(value: number): this {
    this.#reserve(2);
    this.#view.setUint16(this.#length, value, true);
    this.#length += 2;
    return this;
  }

  u32(value: number): this {
    this.#reserve(4);
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
    return this;
  }

  /** A number below 2^53, in eight bytes. */
  u64(value: number): this {
    this.#reserve(8);
    this.#view.setBigUint64(this.#length, BigInt(value), true);
    this.#length += 8;
    return this;
  }

  /** Shortest LEB128. Throws a `RangeError` unless `value` is a safe non-negative integer. */
  varint(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`Not a varint: ${value}`);
    this.#reserve(9);
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest % 128) | 0x80;
      rest = rest > 0x7fffffff ? Math.floor(rest / 128) : rest >>> 7;
    }
    this.#bytes[this.#length++] = rest;
    return this;
  }

  /** Zigzag varint; `value` must lie strictly between -2^52 and 2^52. */
  svarint(value: number): this {
    return this.varint(value < 0 ? -2 * value - 1 : 2 * value);
  }

  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** `varint length ‖ bytes`. */
  bytes(bytes: Uint8Array): this {
    return this.varint(bytes.length).raw(bytes);
  }

  text(text: string): this {
    return this.bytes(Buffer.from(text, 'utf8'));
  }

  /** The bytes of a text alone, without their number. */
  utf8(text: string): this {
    this.#reserve(text.length * 3);
    this.#length += utf8Encoder.encodeInto(text, this.#bytes.subarray(this.#length)).written;
    return this;
  }

  zeros(count: number): this {
    this.#reserve(count);
    this.#bytes.fill(0, this.#length, this.#length + count);
    this.#length += count;
    return this;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.view());
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
