import type { ItemContent } from './source-item.ts';

const empty = new Uint8Array(0);

/** A content that comes in pieces, each of which is good until the next is asked for. */
export class StreamedContent implements ItemContent {
  readonly #pieces: AsyncIterator<Uint8Array>;
  #piece: Uint8Array = empty;

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  async readInto(buffer: Uint8Array, offset: number, length: number): Promise<number> {
    let count = 0;
    while (count < length) {
      if (this.#piece.length === 0) {
        const next = await this.#pieces.next();
        if (next.done === true) break;
        this.#piece = next.value;
        continue;
      }
      const part = this.#piece.subarray(0, length - count);
      buffer.set(part, offset + count);
      count += part.length;
      this.#piece = this.#piece.subarray(part.length);
    }
    return count;
  }

  [Symbol.dispose](): void {
    // Whoever gives the pieces gives up what is left when the next item is asked for.
    this.#piece = empty;
  }
}
