/** What a reader throws when the bytes are not what the layout asks for; the caller knows which object they came from. */
export class MalformedError extends Error {
  override readonly name = 'MalformedError';
}

/** Reads the primitive layouts of docs/formats/native.md, section 1. Every length is checked before anything is taken. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  u8(): number {
    return this.#bytes[this.#take(1)]!;
  }

  u16(): number {
    return this.u8() + this.u8() * 0x100;
  }

  u32(): number {
    return this.u16() + this.u16() * 0x1_0000;
  }

  /** A number of eight bytes; malformed if it is not below 2^53. */
  u64(): number {
    const value = this.u32() + this.u32() * 0x1_0000_0000;
    if (!Number.isSafeInteger(value)) throw new MalformedError('Number too large');
    return value;
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER) throw new MalformedError('Number too large');
      if (byte < 0x80) {
        if (byte === 0 && scale > 1) throw new MalformedError('Number not in its shortest form');
        return value;
      }
      scale *= 128;
      if (scale > 2 ** 56) throw new MalformedError('Number too long');
    }
  }

  svarint(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** A view of the next `length` bytes, not a copy. */
  raw(length: number): Uint8Array {
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** Passes over `length` bytes, and gives where they begin. */
  skip(length: number): number {
    return this.#take(length);
  }

  /** `varint length ‖ bytes`, as a view. */
  bytes(): Uint8Array {
    return this.raw(this.varint());
  }

  text(): string {
    return decodeText(this.bytes());
  }

  /** Throws unless everything was read. */
  end(): void {
    if (this.remaining !== 0) throw new MalformedError(`${this.remaining} bytes too many`);
  }

  #take(length: number): number {
    if (length > this.remaining) throw new MalformedError('Cut off');
    const start = this.#offset;
    this.#offset += length;
    return start;
  }
}

/** One for all: to make one takes longer than to decode a name. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Throws a `MalformedError` for what is not UTF-8. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new MalformedError('Text is not UTF-8', { cause });
  }
}
