import type { ByteRange } from '../../../storage/storage.ts';

/** Reads begin and end at multiples of this, so that what is read does not show the boundaries of segments (native.md, section 8). */
export const readUnit = 64 * 1024;

/** A range widened to whole units, inside an object of `size` bytes. */
export function alignedRange(start: number, end: number, size: number): Required<ByteRange> {
  const offset = start - (start % readUnit);
  return { offset, length: Math.min(size, Math.ceil(end / readUnit) * readUnit) - offset };
}
