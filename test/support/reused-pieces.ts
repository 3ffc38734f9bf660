import type { PieceSource } from '../../src/codec/encryption/openpgp/piece-source.ts';

/** `bytes` in pieces, each in the memory of the one before it; what is held too long is seen to have changed. */
export function reusedPieces(bytes: Uint8Array, pieceLength = bytes.length): PieceSource {
  const memory = new Uint8Array(pieceLength);
  let offset = 0;
  return {
    read() {
      memory.fill(0xff);
      if (offset >= bytes.length) return Promise.resolve(undefined);
      const piece = bytes.subarray(offset, offset + pieceLength);
      offset += piece.length;
      memory.set(piece);
      return Promise.resolve(memory.subarray(0, piece.length));
    },
  };
}
