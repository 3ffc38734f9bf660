/** Length of the parts a body is cut into: 2^16 bytes. */
const partExponent = 16;
const partLength = 2 ** partExponent;
const newFormat = 0xc0;

/** Writes one packet whose length is not known before its end, with partial body lengths (RFC 4880, 4.2.2.4). */
export class PartialBody {
  #part = new Uint8Array(1 + partLength);
  #filled = 0;
  #pending: Uint8Array[];
  /** Memory of parts that came back. */
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];

  /** `start` is the beginning of the body, shorter than a part. */
  constructor(tag: number, start: Uint8Array) {
    this.#pending = [Uint8Array.of(newFormat | tag)];
    this.#part.set(start, 1);
    this.#filled = start.length;
  }

  /** Bytes that were pushed and not given out yet. */
  get held(): number {
    return this.#filled;
  }

  /** The stored bytes that are complete now; nobody changes them any more, unless they come back. */
  push(bytes: Uint8Array): Uint8Array[] {
    for (let offset = 0; offset < bytes.length;) {
      const count = Math.min(partLength - this.#filled, bytes.length - offset);
      this.#part.set(bytes.subarray(offset, offset + count), 1 + this.#filled);
      this.#filled += count;
      offset += count;
      if (this.#filled === partLength) this.#closePart();
    }
    return this.#take();
  }

  /** Takes the memory of a piece that was given out and is of no more interest. */
  takeBack({ buffer }: Uint8Array): void {
    if (buffer instanceof ArrayBuffer && buffer.byteLength === 1 + partLength) {
      this.#spare.push(new Uint8Array(buffer));
    }
  }

  /** The rest, with the length that says that it is the last part. */
  finish(): Uint8Array[] {
    this.#pending.push(bodyLength(this.#filled), this.#part.subarray(1, 1 + this.#filled));
    this.#filled = 0;
    return this.#take();
  }

  #closePart(): void {
    this.#part[0] = 0xe0 | partExponent;
    this.#pending.push(this.#part);
    this.#part = this.#spare.pop() ?? new Uint8Array(1 + partLength);
    this.#filled = 0;
  }

  #take(): Uint8Array[] {
    const taken = this.#pending;
    this.#pending = [];
    return taken;
  }
}

/** At most so many bytes become of a body of `length` bytes. */
export function partialBodyBound(length: number): number {
  return 1 + length + Math.ceil(length / partLength) + 5;
}

/** A length of a new header (RFC 4880, 4.2.2.1 to 4.2.2.3). */
function bodyLength(length: number): Uint8Array {
  if (length < 192) return Uint8Array.of(length);
  if (length < 8384) return Uint8Array.of(((length - 192) >> 8) + 192, (length - 192) & 0xff);
  return Uint8Array.of(
    255,
    length >>> 24,
    (length >> 16) & 0xff,
    (length >> 8) & 0xff,
    length & 0xff,
  );
}
