import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import path from 'node:path';

import { toHex } from '../../../base/bytes.ts';
import { AppError, messageOf, systemCodeOf } from '../../../base/errors.ts';
import { type FilePart, readFully } from '../inspection/file-part.ts';
import { systemRandom } from '../../../base/random.ts';

/** What the file is divided into. */
const CHUNK = 1024 * 1024;
/** An area keeps the last so many bytes in memory; shorter ones never reach the file. */
const TAIL = 128 * 1024;
const FIRST_TAIL = 2048;

/**
 * Room for bytes that are needed again soon: volumes that are compared with their hash before they are used, and the parts of files that are put together. However many there are, they
 * share one file, made when it is needed, which has no name, so that nothing is left behind however the program ends. What is given back is used again.
 */
export class TemporaryStore implements Disposable {
  readonly #directory: string;
  readonly #free: number[] = [];
  #fd: number | undefined;
  #chunks = 0;
  #isOpen = true;

  /** `directory`: where a temporary file may be made. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** A new, empty area. */
  area(): TemporaryArea {
    return new TemporaryArea({
      take: () => this.#free.pop() ?? this.#chunks++,
      give: (chunks) => this.#free.push(...chunks),
      write: (bytes, position) => this.#write(bytes, position),
      read: (bytes, position) => this.#read(bytes, position),
      fd: () => this.#fd,
    });
  }

  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (this.#fd !== undefined) closeSync(this.#fd);
  }

  #write(bytes: Uint8Array, position: number): void {
    try {
      const fd = this.#open();
      for (let done = 0; done < bytes.length;) {
        done += writeSync(fd, bytes, done, bytes.length - done, position + done);
      }
    } catch (cause) {
      throw this.#failure('write', cause);
    }
  }

  #read(bytes: Uint8Array, position: number): void {
    try {
      const fd = this.#open();
      for (let done = 0; done < bytes.length;) {
        const count = readSync(fd, bytes, done, bytes.length - done, position + done);
        if (count === 0) throw new Error('it is shorter than written');
        done += count;
      }
    } catch (cause) {
      throw this.#failure('read', cause);
    }
  }

  #open(): number {
    if (!this.#isOpen) throw new AppError('internal', 'A temporary file was used after its end');
    if (this.#fd !== undefined) return this.#fd;
    const file = path.join(this.#directory, `holdfast-${toHex(systemRandom(12))}.temporary`);
    const fd = openSync(file, 'wx+', 0o600);
    this.#fd = fd;
    unlinkSync(file);
    return fd;
  }

  #failure(action: string, cause: unknown): AppError {
    if (cause instanceof AppError) return cause;
    const reason = systemCodeOf(cause) ?? messageOf(cause);
    const message = `Cannot ${action} a temporary file in "${this.#directory}": ${reason}`;
    return new AppError('local/unwritable', message, {
      cause,
      hint: 'Make room there, or choose another directory for temporary files',
    });
  }
}

interface Chunks {
  take(): number;
  give(chunks: readonly number[]): void;
  write(bytes: Uint8Array, position: number): void;
  read(bytes: Uint8Array, position: number): void;
  fd(): number | undefined;
}

/** Where an area's bytes are, for another thread: the same file, and what is not in it. Good while the area is, if nothing is appended. */
export interface AreaPlace {
  readonly fd: number | undefined;
  readonly chunks: readonly number[];
  /** Bytes in the file. */
  readonly stored: number;
  /** What follows them. */
  readonly tail: Uint8Array;
}

/**
 * All of an area in pieces of about `piece` bytes, from any thread. With `reusesMemory` a piece is good until the next one is asked for. Errors are `local/unwritable`.
 */
export async function* streamPlace(
  { fd, chunks, stored, tail }: AreaPlace,
  piece: number,
  { reusesMemory = false }: { readonly reusesMemory?: boolean } = {},
): AsyncGenerator<Uint8Array, undefined, undefined> {
  let memory: Buffer | undefined;
  for (let offset = 0; offset < stored;) {
    const inChunk = offset % CHUNK;
    const length = Math.min(piece, CHUNK - inChunk, stored - offset);
    if (!reusesMemory || memory === undefined || memory.length < length) {
      memory = Buffer.allocUnsafeSlow(length);
    }
    const bytes = memory.subarray(0, length);
    const position = chunks[(offset - inChunk) / CHUNK]! * CHUNK + inChunk;
    readFully(fd!, bytes, position);
    offset += length;
    yield new Uint8Array(bytes.buffer, 0, length);
  }
  if (tail.length > 0) yield tail;
}

const empty = new Uint8Array(0);

/** Bytes that were appended, to be read anywhere. Errors are `local/unwritable`. */
export class TemporaryArea implements Disposable {
  readonly #store: Chunks;
  readonly #chunks: number[] = [];
  /** What is not in the file yet: the last `#filled` bytes. */
  #tail: Uint8Array = empty;
  #filled = 0;
  #stored = 0;

  constructor(store: Chunks) {
    this.#store = store;
  }

  get length(): number {
    return this.#stored + this.#filled;
  }

  /** The bytes may be used for something else afterwards. */
  append(bytes: Uint8Array): void {
    for (let offset = 0; offset < bytes.length;) {
      if (this.#filled === TAIL) this.#flush();
      if (this.#filled === 0 && this.#stored > 0 && bytes.length - offset >= TAIL) {
        const length = Math.min(bytes.length - offset, CHUNK - (this.#stored % CHUNK));
        this.#put(bytes.subarray(offset, offset + length));
        offset += length;
        continue;
      }
      const length = Math.min(bytes.length - offset, TAIL - this.#filled);
      this.#demandTail(this.#filled + length);
      this.#tail.set(bytes.subarray(offset, offset + length), this.#filled);
      this.#filled += length;
      offset += length;
    }
  }

  /** The bytes from `offset` on; fewer at the end. */
  read(offset: number, length: number): Uint8Array {
    const end = Math.min(offset + length, this.length);
    if (end <= offset) return empty;
    if (offset >= this.#stored) {
      return this.#tail.slice(offset - this.#stored, end - this.#stored);
    }
    const bytes = new Uint8Array(end - offset);
    const last = Math.min(end, this.#stored);
    for (let at = offset; at < last;) {
      const inChunk = at % CHUNK;
      const count = Math.min(CHUNK - inChunk, last - at);
      const position = this.#chunks[(at - inChunk) / CHUNK]! * CHUNK + inChunk;
      this.#store.read(bytes.subarray(at - offset, at - offset + count), position);
      at += count;
    }
    if (end > last) bytes.set(this.#tail.subarray(0, end - last), last - offset);
    return bytes;
  }

  /** Bytes in the file. */
  get stored(): number {
    return this.#stored;
  }

  /** Where the bytes in the file are from `offset` on, for another thread. */
  *partsFrom(offset: number): Generator<FilePart, void, undefined> {
    const fd = this.#store.fd();
    if (fd === undefined) return;
    for (let at = offset; at < this.#stored;) {
      const inChunk = at % CHUNK;
      const length = Math.min(CHUNK - inChunk, this.#stored - at);
      yield { fd, position: this.#chunks[(at - inChunk) / CHUNK]! * CHUNK + inChunk, length };
      at += length;
    }
  }

  /** Where it is, for another thread. */
  get place(): AreaPlace {
    return {
      fd: this.#store.fd(),
      chunks: this.#chunks,
      stored: this.#stored,
      tail: this.#tail.slice(0, this.#filled),
    };
  }

  /** All of it in pieces of at most `piece` bytes. */
  async *stream(piece: number): AsyncGenerator<Uint8Array, void, undefined> {
    for (let offset = 0; offset < this.length; offset += piece) yield this.read(offset, piece);
  }

  [Symbol.dispose](): void {
    this.#store.give(this.#chunks);
    this.#chunks.length = 0;
    this.#tail = empty;
    this.#filled = 0;
    this.#stored = 0;
  }

  #demandTail(length: number): void {
    if (length <= this.#tail.length) return;
    let capacity = Math.max(FIRST_TAIL, this.#tail.length);
    while (capacity < length) capacity *= 2;
    const larger = new Uint8Array(Math.min(capacity, TAIL));
    larger.set(this.#tail.subarray(0, this.#filled));
    this.#tail = larger;
  }

  #flush(): void {
    const bytes = this.#tail.subarray(0, this.#filled);
    this.#filled = 0;
    for (let offset = 0; offset < bytes.length;) {
      const length = Math.min(bytes.length - offset, CHUNK - (this.#stored % CHUNK));
      this.#put(bytes.subarray(offset, offset + length));
      offset += length;
    }
  }

  /** Writes what fits into one chunk. */
  #put(bytes: Uint8Array): void {
    const inChunk = this.#stored % CHUNK;
    if (inChunk === 0) this.#chunks.push(this.#store.take());
    this.#store.write(bytes, this.#chunks.at(-1)! * CHUNK + inChunk);
    this.#stored += bytes.length;
  }
}
