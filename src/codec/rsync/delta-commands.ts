/** The commands of a delta: docs/formats/duplicity.md 8.2. */
export const deltaMagic = 0x72730236;

/** Literals are cut to this many bytes, as librsync 2.3.2 cuts them. */
export const mostLiteral = 32768;

export const opcodes = {
  end: 0x00,
  /** Up to here the opcode is the length of a literal. */
  lastInline: 0x40,
  literal: 0x41,
  copy: 0x45,
  reserved: 0x55,
} as const;

const bufferSize = 64 * 1024;

/** Writes commands in the shortest form; copies that follow each other in the old file become one. */
export class DeltaCommandWriter {
  readonly #emit: (piece: Uint8Array) => void;
  #buffer: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #length = 0;
  #copyOffset = 0;
  #copyLength = 0;

  /** @param emit gets the delta in pieces that are its own */
  constructor(emit: (piece: Uint8Array) => void) {
    this.#emit = emit;
    this.#buffer = new Uint8Array(bufferSize);
    this.#view = new DataView(this.#buffer.buffer);
    this.#number(deltaMagic, 4);
  }

  /** Where the old file goes on after what was copied last; `undefined` if the last command was no copy. */
  get copyEnd(): number | undefined {
    return this.#copyLength === 0 ? undefined : this.#copyOffset + this.#copyLength;
  }

  copy(offset: number, length: number): void {
    if (this.copyEnd === offset) {
      this.#copyLength += length;
      return;
    }
    this.#endCopy();
    this.#copyOffset = offset;
    this.#copyLength = length;
  }

  /** One literal, of 1 to `mostLiteral` bytes. */
  literal(bytes: Uint8Array): void {
    this.#endCopy();
    this.#reserve(3 + bytes.length);
    if (bytes.length <= opcodes.lastInline) {
      this.#number(bytes.length, 1);
    } else {
      const width = widthOf(bytes.length);
      this.#number(opcodes.literal + Math.log2(width), 1);
      this.#number(bytes.length, width);
    }
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  end(): void {
    this.#endCopy();
    this.#reserve(1);
    this.#number(opcodes.end, 1);
    this.#flush();
  }

  #endCopy(): void {
    if (this.#copyLength === 0) return;
    const offsetWidth = widthOf(this.#copyOffset);
    const lengthWidth = widthOf(this.#copyLength);
    this.#reserve(17);
    this.#number(opcodes.copy + 4 * Math.log2(offsetWidth) + Math.log2(lengthWidth), 1);
    this.#number(this.#copyOffset, offsetWidth);
    this.#number(this.#copyLength, lengthWidth);
    this.#copyLength = 0;
  }

  #number(value: number, width: number): void {
    const at = this.#length;
    if (width === 1) this.#view.setUint8(at, value);
    else if (width === 2) this.#view.setUint16(at, value);
    else if (width === 4) this.#view.setUint32(at, value);
    else this.#view.setBigUint64(at, BigInt(value));
    this.#length += width;
  }

  #reserve(more: number): void {
    if (this.#length + more > this.#buffer.length) this.#flush();
  }

  #flush(): void {
    this.#emit(this.#buffer.slice(0, this.#length));
    this.#length = 0;
  }
}

/** The fewest bytes that hold a number below 2^53. */
function widthOf(value: number): 1 | 2 | 4 | 8 {
  if (value < 0x100) return 1;
  if (value < 0x10000) return 2;
  return value < 0x100000000 ? 4 : 8;
}
