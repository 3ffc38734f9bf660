/** Hands out the pieces of a stream one by one: the next one, or `undefined` at the end. No piece is empty, and each is good until the next one is asked for: its memory is used again then. */
export interface PieceSource {
  read(): Promise<Uint8Array | undefined>;
}
