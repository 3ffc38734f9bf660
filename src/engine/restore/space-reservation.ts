/** So much is asked for at once, so that a very long file does not wait for its end. */
const MOST = 64 * 1024 * 1024;

/** Puts neighbouring parts of a file together and asks for their space as a whole. */
export class SpaceReservation {
  readonly #reserve: (offset: number, length: number) => void;
  #offset = 0;
  #length = 0;

  constructor(reserve: (offset: number, length: number) => void) {
    this.#reserve = reserve;
  }

  /** A part that will be written; parts come in order. */
  add(position: number, length: number): void {
    if (position !== this.#offset + this.#length) this.end();
    if (this.#length === 0) this.#offset = position;
    this.#length += length;
    if (this.#length >= MOST) this.end();
  }

  /** No part comes after this, or a hole. */
  end(): void {
    if (this.#length > 0) this.#reserve(this.#offset, this.#length);
    this.#length = 0;
  }
}
