import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

import { discardBytes } from '../../base/discard-bytes.ts';
import { type ZstdLibrary, zstdLibrary } from '../../base/zstd-library.ts';

/** Compresses and opens zstd frames, one a call, in the calling thread. */
export interface Zstd {
  /** A frame of `raw`, good until the next call. */
  compress(raw: Uint8Array, level: number): Uint8Array;
  /** Opens one frame of exactly `out.length` bytes; throws a `RangeError` when it holds fewer or more, or is none. */
  decompressInto(out: Uint8Array, frame: Uint8Array): void;
}

/** By the library itself, with one context and one buffer for all calls: twice as fast as by `node:zlib`, and no garbage. */
export class LibraryZstd implements Zstd {
  readonly #library: ZstdLibrary;
  #frame = new Uint8Array(0);

  constructor(library: ZstdLibrary) {
    this.#library = library;
  }

  compress(raw: Uint8Array, level: number): Uint8Array {
    const room = roomFor(raw.length);
    if (this.#frame.length < room) this.#frame = new Uint8Array(room);
    const length = this.#library.compress(this.#frame, raw, level);
    if (length < 0) throw new RangeError('zstd cannot compress this');
    return this.#frame.subarray(0, length);
  }

  decompressInto(out: Uint8Array, frame: Uint8Array): void {
    if (this.#library.decompress(out, frame) !== out.length) throw wrongLength();
  }
}

/**
 * By `node:zlib`, where the library cannot be called. Never with `nbWorkers`: Node 24 answers empty buffers then, without an error. `chunkSize` is the size
 * of the output buffer: with the default of 16 KiB compression takes three times as long, decompression five times.
 */
export class NodeZstd implements Zstd {
  #frame = new Uint8Array(0);

  compress(raw: Uint8Array, level: number): Uint8Array {
    discardBytes(this.#frame);
    this.#frame = zstdCompressSync(raw, {
      chunkSize: Math.max(1024, roomFor(raw.length)),
      params: { [constants.ZSTD_c_compressionLevel]: level },
    });
    return this.#frame;
  }

  decompressInto(out: Uint8Array, frame: Uint8Array): void {
    const options = {
      // One byte more than expected, so that a frame that holds more shows as such.
      chunkSize: Math.max(1024, out.length + 1),
      maxOutputLength: out.length + 1,
      info: true,
    };
    const { buffer: raw, engine } = zstdDecompressSync(frame, options) as unknown as WithInfo;
    if (raw.length !== out.length || engine.bytesWritten !== frame.length) throw wrongLength();
    out.set(raw);
    discardBytes(raw);
  }
}

/** What `info: true` makes of the answer; what follows a frame is not read, and only shows there. */
interface WithInfo {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

let shared: Zstd | undefined;

/** The one of this thread. */
export function zstd(): Zstd {
  if (shared !== undefined) return shared;
  const library = zstdLibrary();
  shared = library === undefined ? new NodeZstd() : new LibraryZstd(library);
  return shared;
}

/** As `ZSTD_compressBound`, and some more. */
function roomFor(rawLength: number): number {
  return rawLength + (rawLength >>> 7) + 1024;
}

function wrongLength(): RangeError {
  return new RangeError('The frame is damaged, or holds another number of bytes');
}
