import { AppError } from '../base/errors.ts';
import type { ByteRange } from './storage.ts';

/** Where a range lies in an object of `size` bytes. */
export interface ResolvedRange {
  readonly offset: number;
  readonly length: number;
}

/**
 * Turns a range, or none, into an offset from the start and a length. An empty range at the very end lies inside.
 * Throws `storage/bad-range` when the range does not lie inside the object called `name`.
 */
export function resolveRange(name: string, size: number, range?: ByteRange): ResolvedRange {
  if (range === undefined) return { offset: 0, length: size };
  const offset = range.offset < 0 ? size + range.offset : range.offset;
  const length = range.length ?? size - offset;
  const inside =
    Number.isSafeInteger(offset) &&
    Number.isSafeInteger(length) &&
    offset >= 0 &&
    length >= 0 &&
    offset + length <= size;
  if (inside) return { offset, length };
  throw new AppError(
    'storage/bad-range',
    `Cannot read ${describe(range)} of "${name}", which has ${size} bytes`,
  );
}

/** The part of a range that is still to come after `delivered` bytes; `undefined` when that is nothing. */
export function restOfRange(
  range: ByteRange = { offset: 0 },
  delivered: number,
): ByteRange | undefined {
  const offset = range.offset + delivered;
  const length = range.length === undefined ? undefined : range.length - delivered;
  // A range that counts from the end has reached it when its offset has come to 0.
  if (length === 0 || (range.offset < 0 && offset >= 0)) return undefined;
  return length === undefined ? { offset } : { offset, length };
}

function describe({ offset, length }: ByteRange): string {
  const from = offset < 0 ? `from ${-offset} bytes before the end` : `from byte ${offset}`;
  return length === undefined ? `everything ${from}` : `${length} bytes ${from}`;
}
