import type { DeflateLibrary } from '../../base/deflate-library.ts';
import { compressionFault } from './compression-fault.ts';
import { cutRuns } from './incompressible-runs.ts';
import { putStored, storedLength } from './stored-blocks.ts';

/** Repetitions over more than this are of no use to deflate. */
const WINDOW = 32 * 1024;
/** The bits of a block's header that say that it is stored, the rest of their byte, and no length: what ends a block that is not the last at a byte boundary. */
const JOINT = 5;
const HEADER_BITS = 3;

/** Room for what becomes of so many bytes, on the way to less than `storedLength` of them. */
export function roomForBlock(length: number): number {
  return storedLength(length) + (length >>> 10) + 2 * JOINT;
}

/** What `deflateBlock` has made. */
export interface LibraryBlock {
  readonly length: number;
  /** The CRC-32 of what came before and of what it holds: of what came out when it was inflated again. */
  readonly sum: number;
}

/**
 * Puts what `plain` becomes at the start of `out`: at most `storedLength(plain.length)` bytes of deflate, from a byte boundary to a byte boundary, none of it a last block. `sum` is the CRC-32
 * of what came before. `level` is zlib's: libdeflate's output is as short three levels below.
 *
 * @throws AppError `internal` when it cannot be inflated again
 */
export function deflateBlock(
  library: DeflateLibrary,
  { plain, sum: sumBefore }: { readonly plain: Uint8Array; readonly sum: number },
  level: number,
  out: Uint8Array,
): LibraryBlock {
  let length = 0;
  let sum = sumBefore;
  for (const { isIncompressible, start, end } of cutRuns(plain, 0, plain.length, WINDOW)) {
    const run = plain.subarray(start, end);
    const made =
      isIncompressible || level === 0 ? undefined : joinable(library, run, Math.max(1, level - 3));
    if (made === undefined) {
      length = putStored(run, out, length);
      sum = library.crc32(run, sum);
    } else {
      out.set(made, length);
      length += made.length;
      sum = library.crc32(library.inflated, sum);
    }
  }
  if (length > storedLength(plain.length)) length = putStored(plain, out, 0);
  return { length, sum };
}

/** `plain` in blocks of which none is the last, good until the next call; undefined if it is better stored. */
function joinable(
  library: DeflateLibrary,
  plain: Uint8Array,
  level: number,
): Uint8Array | undefined {
  const length = library.compress(plain, level, Math.max(0, storedLength(plain.length) - JOINT));
  if (length === 0) return undefined;
  const { stream } = library;
  // Where the next header begins: its first bit says whether the block is the last.
  let header = { at: 0, bit: 1 };
  for (;;) {
    const isLast = (stream[header.at]! & header.bit) !== 0;
    const end = library.inflateBlock();
    if (end === undefined) throw compressionFault();
    if (!isLast) {
      const { taken, bitsLeft } = end;
      header = bitsLeft === 0 ? { at: taken, bit: 1 } : { at: taken - 1, bit: 0x100 >> bitsLeft };
      continue;
    }
    if (end.taken !== length || end.inflated !== plain.length) throw compressionFault();
    stream[header.at]! &= ~header.bit;
    return stream.subarray(0, putJoint(stream, length, end.bitsLeft));
  }
}

/** Adds an empty stored block to what leaves `bitsLeft` bits of its last byte; gives where it ends. */
function putJoint(stream: Uint8Array, length: number, bitsLeft: number): number {
  let end = length;
  stream[end - 1]! &= 0xff >> bitsLeft;
  if (bitsLeft < HEADER_BITS) stream[end++] = 0;
  for (const byte of [0, 0, 0xff, 0xff]) stream[end++] = byte;
  return end;
}
