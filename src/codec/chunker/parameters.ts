import { hkdfSync } from 'node:crypto';

/** The chunker's numbers, as recorded in `holdfast` (docs/formats/native.md, sections 5 and 7.2). */
export interface ChunkerParameters {
  /** Bytes; no chunk but a last one is shorter. */
  readonly minimum: number;
  /** Bytes; up to here only strict positions cut, from here on loose ones do. */
  readonly normal: number;
  /** Bytes; no chunk is longer. */
  readonly maximum: number;
  /** How many top bits of the hash are zero at a strict position. */
  readonly strictBits: number;
  readonly looseBits: number;
}

export const defaultChunkerParameters: ChunkerParameters = {
  minimum: 512 * 1024,
  normal: 1024 * 1024,
  maximum: 4 * 1024 * 1024,
  strictBits: 22,
  looseBits: 18,
};

/** Bytes before a position that decide whether it is a cut. */
export const WINDOW = 32;

/** The 256 words that bytes stand for, secret with the chunk key so that cuts tell nothing about the content. */
export function gearTable(chunkKey: Uint8Array): Uint32Array {
  const bytes = new DataView(hkdfSync('sha256', chunkKey, new Uint8Array(0), 'gear', 1024));
  return Uint32Array.from({ length: 256 }, (_, index) => bytes.getUint32(index * 4, true));
}

/** A mask of the top `bits` bits, as a signed 32-bit integer. */
export function topBits(bits: number): number {
  return (0xffffffff << (32 - bits)) | 0;
}
