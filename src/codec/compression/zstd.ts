import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

/**
 * One zstd frame a call, in one thread. Never `nbWorkers`: with it Node 24 answers empty buffers without an error. `chunkSize` is the size of the
 * output buffer: with the default of 16 KiB compression takes three times as long, decompression five times.
 */
export function compressZstd(raw: Uint8Array, level: number): Uint8Array {
  return zstdCompressSync(raw, {
    chunkSize: Math.max(1024, raw.length + (raw.length >>> 7) + 1024),
    params: { [constants.ZSTD_c_compressionLevel]: level },
  });
}

/** Opens one frame of exactly `rawLength` bytes; throws a `RangeError` when it holds fewer or more. */
export function decompressZstd(frame: Uint8Array, rawLength: number): Uint8Array {
  const raw = zstdDecompressSync(frame, {
    // One byte more than expected, so that a frame that holds more shows as such.
    chunkSize: Math.max(1024, rawLength + 1),
    maxOutputLength: rawLength + 1,
  });
  if (raw.length !== rawLength) throw new RangeError('The frame holds another number of bytes');
  return raw;
}
