/** Hands out the pieces of a stream one by one: the next one, or `undefined` at the end. No piece is empty. */
export interface PieceSource {
  read(): Promise<Uint8Array | undefined>;
}
