/** The zstd library that Node itself carries, called directly: `node:zlib` makes a context, streams and buffers anew for every call. */
import { createRequire } from 'node:module';

/** One frame a call, in the calling thread. Every thread has its own. */
export interface ZstdLibrary {
  /** Makes a frame of `raw` in `out`; gives its length, or -1 if there is no room for it. */
  compress(out: Uint8Array, raw: Uint8Array, level: number): number;
  /** Opens exactly one frame into `out`; gives the number of bytes, or -1 if it is damaged, holds more, or something follows it. */
  decompress(out: Uint8Array, frame: Uint8Array): number;
}

let loaded: ZstdLibrary | 'none' | undefined;

/** The library; `undefined` where this Node does not show it, or its functions cannot be called. */
export function zstdLibrary(): ZstdLibrary | undefined {
  loaded ??= load() ?? 'none';
  return loaded === 'none' ? undefined : loaded;
}

/** Sizes; what cannot be a size, since an error is a number just below 2^64, comes as a `bigint`. */
type Result = number | bigint;
type Compress = (
  context: unknown,
  out: Uint8Array,
  room: number,
  raw: Uint8Array,
  length: number,
  level: number,
) => Result;
type Decompress = (
  context: unknown,
  out: Uint8Array,
  room: number,
  frame: Uint8Array,
  length: number,
) => Result;

function load(): ZstdLibrary | undefined {
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
    const library = koffi.load(null);
    const call = (name: string, result: string, ...parameters: string[]): unknown =>
      library.func(name, result, parameters);
    const from = ['const uint8_t *', 'size_t'];
    const fromTo = ['void *', 'uint8_t *', 'size_t', ...from];
    const makeCompressor = call('ZSTD_createCCtx', 'void *') as () => unknown;
    const makeDecompressor = call('ZSTD_createDCtx', 'void *') as () => unknown;
    const compress = call('ZSTD_compressCCtx', 'size_t', ...fromTo, 'int') as Compress;
    const decompress = call('ZSTD_decompressDCtx', 'size_t', ...fromTo) as Decompress;
    const lengthOf = call('ZSTD_findFrameCompressedSize', 'size_t', ...from) as (
      frame: Uint8Array,
      length: number,
    ) => Result;
    // They live as long as the process, of whose threads each works until its operation is over.
    const compressor = makeCompressor();
    const decompressor = makeDecompressor();
    if (compressor === null || decompressor === null) return undefined;
    const sizeOf = (result: Result, room: number): number =>
      typeof result === 'number' && result <= room ? result : -1;
    return {
      compress: (out, raw, level) =>
        sizeOf(compress(compressor, out, out.length, raw, raw.length, level), out.length),
      decompress: (out, frame) =>
        lengthOf(frame, frame.length) === frame.length
          ? sizeOf(decompress(decompressor, out, out.length, frame, frame.length), out.length)
          : -1,
    };
  } catch {
    return undefined;
  }
}
