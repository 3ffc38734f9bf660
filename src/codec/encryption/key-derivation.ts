import { createHash, hkdfSync } from 'node:crypto';

import { concatBytes, utf8 } from '../../base/bytes.ts';

/** Strings stand for their UTF-8 bytes. */
export type DerivationPart = string | Uint8Array;

/**
 * The parts one after the other, each as `u8 length ‖ bytes`, so that no two lists of parts give the same bytes
 * (docs/formats/native.md, section 1). Throws a `RangeError` for a part above 255 bytes.
 */
export function parts(...list: readonly DerivationPart[]): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (const part of list) {
    const bytes = typeof part === 'string' ? utf8(part) : part;
    if (bytes.length > 255) throw new RangeError(`Part of ${bytes.length} bytes is too long`);
    pieces.push(Uint8Array.of(bytes.length), bytes);
  }
  return concatBytes(...pieces);
}

/** HKDF-SHA-256 (RFC 5869), extract and expand: `length` bytes, at most 8160. */
export function hkdf(
  secret: Uint8Array,
  salt: Uint8Array,
  info: DerivationPart,
  length: number,
): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, salt, info, length));
}

/** SHA-256 of the parts as if they were one byte string. */
export function sha256(...pieces: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return new Uint8Array(hash.digest());
}
