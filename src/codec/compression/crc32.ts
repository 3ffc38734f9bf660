import { crc32 as crc32OfZlib } from 'node:zlib';

import { deflateLibrary } from '../../base/deflate-library.ts';

/** The CRC-32 (RFC 1952, section 8) of bytes and of what came before them: by libdeflate, which takes an eighth of zlib's time, where that is installed. */
export function crc32(bytes: Uint8Array, before = 0): number {
  return deflateLibrary()?.crc32(bytes, before) ?? crc32OfZlib(bytes, before);
}
