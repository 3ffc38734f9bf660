const MAX_STORED = 65_535;
const STORED_HEADER = 5;

/** The bytes that `length` bytes take in stored blocks (RFC 1951, 3.2.4), in which every stream fits. */
export function storedLength(length: number): number {
  return length + STORED_HEADER * Math.ceil(length / MAX_STORED);
}

/** `plain` in stored blocks, none of them the last. */
export function stored(plain: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(storedLength(plain.length));
  putStored(plain, bytes, 0);
  return bytes;
}

/** Puts `plain` in stored blocks, none of them the last, into `out` from `at` on, a byte boundary; gives where they end. */
export function putStored(plain: Uint8Array, out: Uint8Array, at: number): number {
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength);
  let written = at;
  for (let offset = 0; offset < plain.length; offset += MAX_STORED) {
    const piece = plain.subarray(offset, offset + MAX_STORED);
    out[written] = 0;
    view.setUint16(written + 1, piece.length, true);
    view.setUint16(written + 3, 0xffff ^ piece.length, true);
    out.set(piece, written + STORED_HEADER);
    written += STORED_HEADER + piece.length;
  }
  return written;
}
