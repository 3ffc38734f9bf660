import { damagedMessage } from './message-error.ts';
import type { PieceSource } from './piece-source.ts';

const nothing = new Uint8Array(0);

/** Takes a stream of pieces apart at any byte; what it gives is memory of the pieces, not copies, wherever that is possible: good until more is asked for. */
export class ByteSource {
  readonly #pieces: PieceSource;
  #current: Uint8Array = nothing;

  constructor(pieces: PieceSource) {
    this.#pieces = pieces;
  }

  /** At least one and at most `limit` bytes; `undefined` at the end. */
  async readSome(limit: number): Promise<Uint8Array | undefined> {
    if (!(await this.#fill())) return undefined;
    const some = this.#current.subarray(0, limit);
    this.#current = this.#current.subarray(some.length);
    return some;
  }

  /** Exactly `length` bytes; throws `repository/damaged` if the stream ends before. */
  async readExactly(length: number): Promise<Uint8Array> {
    const first = length === 0 ? nothing : await this.readSome(length);
    if (first?.length === length) return first;
    const whole = new Uint8Array(length);
    let filled = 0;
    for (let part = first; part !== undefined; part = await this.readSome(length - filled)) {
      whole.set(part, filled);
      filled += part.length;
      if (filled === length) return whole;
    }
    throw damagedMessage('is cut off');
  }

  async readByte(): Promise<number> {
    const [byte = 0] = await this.readExactly(1);
    return byte;
  }

  /** What is there without waiting, maybe nothing; not taken. */
  get buffered(): Uint8Array {
    return this.#current;
  }

  /** Takes the first bytes of what is buffered. */
  take(length: number): Uint8Array {
    const taken = this.#current.subarray(0, length);
    this.#current = this.#current.subarray(length);
    return taken;
  }

  /** The next bytes without taking them: those that are there in one piece, at least one. `undefined` at the end. */
  async peek(): Promise<Uint8Array | undefined> {
    return (await this.#fill()) ? this.#current : undefined;
  }

  async isAtEnd(): Promise<boolean> {
    return !(await this.#fill());
  }

  async #fill(): Promise<boolean> {
    while (this.#current.length === 0) {
      const next = await this.#pieces.read();
      if (next === undefined) return false;
      this.#current = next;
    }
    return true;
  }
}
