import { TAR_BLOCK } from '../../../codec/tar/tar-entry.ts';

const SLAB = 1024 * 1024;

/**
 * Tar bytes on their way into an encoder, in pieces of about a mebibyte: headers are copied and contents are read right into the slab. What was handed on is never touched again, unless
 * it is copied where it goes.
 */
export class TarSlab {
  readonly #write: (plain: Uint8Array) => Promise<void>;
  readonly #isCopied: boolean;
  #bytes = new Uint8Array(0);
  #start = 0;
  #end = 0;
  #written = 0;

  /** `isCopied`: what `write` was given is of no more interest when its promise is fulfilled. */
  constructor(write: (plain: Uint8Array) => Promise<void>, isCopied: boolean) {
    this.#write = write;
    this.#isCopied = isCopied;
  }

  /** Bytes that are not handed on yet. */
  get pending(): number {
    return this.#end - this.#start;
  }

  /** Bytes so far, handed on or not. */
  get length(): number {
    return this.#written + this.pending;
  }

  /** The memory that `offset` counts in; another one after every wait. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Where the next byte goes. */
  get offset(): number {
    return this.#end;
  }

  /** Sees to it that so many bytes can be put behind each other; a promise when that takes time. */
  room(length: number): Promise<void> | undefined {
    if (this.#end + length <= this.#bytes.length) return undefined;
    return this.#renew(length);
  }

  /** Copies bytes for which there is room. */
  put(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** So many bytes were written at `offset`; they are padded to a block. There must be room for that, too. */
  advance(length: number): void {
    this.#end += length;
    const padding = -length & (TAR_BLOCK - 1);
    this.#bytes.fill(0, this.#end, this.#end + padding);
    this.#end += padding;
  }

  /** Copies bytes of any length, and pads them to a block. */
  async append(bytes: Uint8Array): Promise<void> {
    for (let offset = 0; offset < bytes.length; offset += SLAB / 2) {
      const piece = bytes.subarray(offset, offset + SLAB / 2);
      await this.room(piece.length);
      this.put(piece);
    }
    await this.room(TAR_BLOCK);
    const padding = -bytes.length & (TAR_BLOCK - 1);
    this.#bytes.fill(0, this.#end, this.#end + padding);
    this.#end += padding;
  }

  /** Hands on what is there. */
  async flush(): Promise<void> {
    if (this.pending === 0) return;
    const plain = this.#bytes.subarray(this.#start, this.#end);
    this.#written += plain.length;
    this.#start = this.#end;
    await this.#write(plain);
  }

  async #renew(length: number): Promise<void> {
    await this.flush();
    if (!this.#isCopied || this.#bytes.length < length) {
      this.#bytes = Buffer.allocUnsafeSlow(Math.max(SLAB, length));
    }
    this.#start = 0;
    this.#end = 0;
  }
}
