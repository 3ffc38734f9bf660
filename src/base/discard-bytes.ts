/**
 * Frees the memory of bytes at once instead of at the next collection. V8 collects the whole heap for every few dozen megabytes of buffers, which costs more than most loops
 * do with them. Only for whoever owns all of the buffer these bytes lie in and has no further view of it that is used: all become empty. Small buffers, which may lie in Node's
 * pool, and shared memory are left alone.
 */
export function discardBytes({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength > Buffer.poolSize) buffer.transfer(0);
}

/** The same for a buffer that is handed out in pieces, in order, and is of no more interest when the last of them was used: only that one frees it. */
export function discardLastPiece(piece: Uint8Array): void {
  const { byteOffset, byteLength, buffer } = piece;
  if (byteOffset + byteLength === buffer.byteLength) discardBytes(piece);
}
