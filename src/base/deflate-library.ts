/** The libdeflate of the system, and the inflate that Node itself carries, called directly: neither has its like in `node:zlib`. */
import { createRequire } from 'node:module';

/** Of Debian's `libdeflate0`, and of all versions since 1.0 elsewhere. */
const FILE = 'libdeflate.so.0';
/** Of `inflate`: stop behind every block. */
const Z_BLOCK = 5;
/** In `data_type` after that: it stopped behind a block; and in how many bits of the byte it stopped at there is more. */
const BEHIND_BLOCK = 128;
const BITS_LEFT = 7;

type Koffi = typeof import('koffi');
type Size = number | bigint;
type Memory = { readonly address: bigint; readonly bytes: Uint8Array };

interface Functions {
  makeCompressor(level: number): unknown;
  compress(
    compressor: unknown,
    plain: Uint8Array,
    plainLength: number,
    out: Uint8Array,
    room: number,
  ): Size;
  initialise(stream: bigint, windowBits: number, version: string, size: number): number;
  reset(stream: bigint): number;
  inflate(stream: bigint, flush: number): number;
  zlibVersion(): string;
  crc32(before: number, bytes: Uint8Array, length: number): number;
}

/** Where a stream was read up to. */
export interface BlockEnd {
  /** Bytes of the stream that were taken, the last of them perhaps in part. */
  readonly taken: number;
  /** How many bits of that last byte belong to what follows; they are its upper ones. */
  readonly bitsLeft: number;
  /** Bytes that came of it. */
  readonly inflated: number;
}

/**
 * One stream of raw deflate (RFC 1951) at a time, in memory of the library's own: it is made at once, and read back block by block. To be used in one thread, for as long as that lives.
 */
export interface DeflateLibrary {
  /** The stream; good until the next one is made. There are eight bytes of room behind it. */
  readonly stream: Uint8Array;
  /** What came of the stream when it was read. */
  readonly inflated: Uint8Array;
  /** Makes the stream of `plain`, and goes to its start; gives its length, or 0 if it would be longer than `most`. */
  compress(plain: Uint8Array, level: number, most: number): number;
  /** The CRC-32 (RFC 1952) of bytes and of what came before. */
  crc32(bytes: Uint8Array, before: number): number;
  /** Reads the next block into `inflated`; undefined if there is none, or more comes of it than `plain` had. */
  inflateBlock(): BlockEnd | undefined;
}

let loaded: DeflateLibrary | 'none' | undefined;

/** The one of this thread; undefined where libdeflate is not installed, or its functions or Node's cannot be called. */
export function deflateLibrary(): DeflateLibrary | undefined {
  loaded ??= load() ?? 'none';
  return loaded === 'none' ? undefined : loaded;
}

class CalledLibrary implements DeflateLibrary {
  readonly #koffi: Koffi;
  readonly #functions: Functions;
  readonly #state: ZlibStream;
  /** By level. */
  readonly #compressors = new Map<number, unknown>();
  #stream: Memory | undefined;
  #inflated: Memory | undefined;
  #streamLength = 0;
  #plainLength = 0;

  constructor(koffi: Koffi, functions: Functions) {
    this.#koffi = koffi;
    this.#functions = functions;
    this.#state = new ZlibStream(koffi);
    const { address, size } = this.#state;
    if (functions.initialise(address, -15, functions.zlibVersion(), size) !== 0) {
      throw new RangeError('inflate cannot be used');
    }
  }

  get stream(): Uint8Array {
    return this.#stream?.bytes ?? new Uint8Array(0);
  }

  get inflated(): Uint8Array {
    return this.#inflated?.bytes.subarray(0, this.#plainLength) ?? new Uint8Array(0);
  }

  compress(plain: Uint8Array, level: number, most: number): number {
    const functions = this.#functions;
    let compressor = this.#compressors.get(level);
    if (compressor === undefined) {
      compressor = functions.makeCompressor(level);
      if (compressor === null) throw new RangeError(`libdeflate has no level ${level}`);
      this.#compressors.set(level, compressor);
    }
    this.#stream = this.#memory(this.#stream, most + 8);
    this.#inflated = this.#memory(this.#inflated, plain.length);
    const { bytes } = this.#stream;
    this.#streamLength = Number(functions.compress(compressor, plain, plain.length, bytes, most));
    this.#plainLength = plain.length;
    functions.reset(this.#state.address);
    this.#state.lead(this.#stream, this.#streamLength, this.#inflated, plain.length);
    return this.#streamLength;
  }

  crc32(bytes: Uint8Array, before: number): number {
    // Of no memory at all libdeflate gives the sum that everything begins with.
    return bytes.length === 0 ? before : this.#functions.crc32(before, bytes, bytes.length);
  }

  inflateBlock(): BlockEnd | undefined {
    const state = this.#state;
    const result = this.#functions.inflate(state.address, Z_BLOCK);
    if (result !== 0 || (state.dataType & BEHIND_BLOCK) === 0) return undefined;
    return {
      taken: this.#streamLength - state.inputLeft,
      bitsLeft: state.dataType & BITS_LEFT,
      inflated: this.#plainLength - state.roomLeft,
    };
  }

  #memory(old: Memory | undefined, length: number): Memory {
    if (old !== undefined && old.bytes.length >= length) return old;
    if (old !== undefined) this.#koffi.free(old.address);
    return allocate(this.#koffi, length);
  }
}

/** The structure by which zlib is told where to read and where to write. */
class ZlibStream {
  readonly address: bigint;
  readonly size: number;
  readonly #addresses: BigUint64Array;
  readonly #counts: Uint32Array;
  readonly #places: {
    readonly [Field in 'next_in' | 'avail_in' | 'next_out' | 'avail_out' | 'data_type']: number;
  };

  constructor(koffi: Koffi) {
    const type = koffi.struct({
      next_in: 'void *',
      avail_in: 'uint',
      total_in: 'ulong',
      next_out: 'void *',
      avail_out: 'uint',
      total_out: 'ulong',
      msg: 'void *',
      state: 'void *',
      zalloc: 'void *',
      zfree: 'void *',
      opaque: 'void *',
      data_type: 'int',
      adler: 'ulong',
      reserved: 'ulong',
    });
    this.size = koffi.sizeof(type);
    const { address, bytes } = allocate(koffi, this.size);
    bytes.fill(0);
    this.address = address;
    this.#addresses = new BigUint64Array(bytes.buffer);
    this.#counts = new Uint32Array(bytes.buffer);
    const place = (field: string, width: number): number => koffi.offsetof(type, field) / width;
    this.#places = {
      next_in: place('next_in', 8),
      avail_in: place('avail_in', 4),
      next_out: place('next_out', 8),
      avail_out: place('avail_out', 4),
      data_type: place('data_type', 4),
    };
  }

  get inputLeft(): number {
    return this.#counts[this.#places.avail_in]!;
  }

  get roomLeft(): number {
    return this.#counts[this.#places.avail_out]!;
  }

  get dataType(): number {
    return this.#counts[this.#places.data_type]!;
  }

  /** From where to where it goes next. */
  lead(from: Memory, length: number, to: Memory, room: number): void {
    this.#addresses[this.#places.next_in] = from.address;
    this.#counts[this.#places.avail_in] = length;
    this.#addresses[this.#places.next_out] = to.address;
    this.#counts[this.#places.avail_out] = room;
  }
}

function allocate(koffi: Koffi, length: number): Memory {
  const address = koffi.alloc('uint8_t', length) as bigint;
  return { address, bytes: new Uint8Array(koffi.view(address, length)) };
}

function load(): DeflateLibrary | undefined {
  try {
    const koffi = createRequire(import.meta.url)('koffi') as Koffi;
    // Structures are written to as they lie in the memory of such a processor.
    if (koffi.sizeof('void *') !== 8) return undefined;
    const libdeflate = koffi.load(FILE);
    const own = koffi.load(null);
    const bytes = ['uint8_t *', 'size_t'];
    const functions = {
      makeCompressor: libdeflate.func('libdeflate_alloc_compressor', 'void *', ['int']),
      compress: libdeflate.func('libdeflate_deflate_compress', 'size_t', [
        'void *',
        ...bytes,
        ...bytes,
      ]),
      crc32: libdeflate.func('libdeflate_crc32', 'uint32_t', ['uint32_t', ...bytes]),
      initialise: own.func('inflateInit2_', 'int', ['void *', 'int', 'str', 'int']),
      reset: own.func('inflateReset', 'int', ['void *']),
      inflate: own.func('inflate', 'int', ['void *', 'int']),
      zlibVersion: own.func('zlibVersion', 'str', []),
    } as unknown as Functions;
    return new CalledLibrary(koffi, functions);
  } catch {
    return undefined;
  }
}
