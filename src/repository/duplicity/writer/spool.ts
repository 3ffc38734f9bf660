import { closeSync, openSync, read, unlinkSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';

import { toHex } from '../../../base/bytes.ts';
import { discardBytes } from '../../../base/discard-bytes.ts';
import { AppError, messageOf, systemCodeOf } from '../../../base/errors.ts';
import { systemRandom } from '../../../base/random.ts';
import { streamOf } from '../../../storage/byte-stream.ts';
import type { ByteSource } from '../../../storage/storage.ts';
import type { FilePart } from '../inspection/file-part.ts';
import { unwritable } from './signature-file.ts';

/** What is longer goes to a file. */
const MOST_IN_MEMORY = 4 * 1024 * 1024;
const PIECE = 1024 * 1024;

/**
 * Bytes on their way to the storage: written once, read as often as needed. Short ones stay in memory; others lie in a temporary file that has no name any more, so that nothing
 * is left behind however the program ends.
 */
export class Spool implements ByteSource, Disposable {
  readonly #directory: string;
  readonly #pieces: Uint8Array[] = [];
  #fd: number | undefined;
  #size = 0;
  #isOpen = true;

  /** `directory`: where a temporary file may be made. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Bytes so far. */
  get size(): number {
    return this.#size;
  }

  /** What is in memory: everything, or nothing. */
  get inMemory(): readonly Uint8Array[] {
    return this.#pieces;
  }

  /** Where the bytes from `offset` on are, for another thread; undefined while they are in memory. */
  partFrom(offset: number): FilePart | undefined {
    if (this.#fd === undefined) return undefined;
    return { fd: this.#fd, position: offset, length: this.#size - offset };
  }

  /** Appends; true if it keeps these bytes, which must not change then. Throws `local/unwritable` when there is no room. */
  write(bytes: Uint8Array): boolean {
    this.#demandOpen();
    if (this.#fd === undefined && this.#size + bytes.length > MOST_IN_MEMORY) this.#spill();
    const isKept = this.#fd === undefined;
    if (this.#fd === undefined) this.#pieces.push(bytes);
    else this.#writeOut(this.#fd, bytes, this.#size);
    this.#size += bytes.length;
    return isKept;
  }

  /** All of it, from the start. Several may be read at once. `transient`: a piece that was read is of no more interest when the next one is asked for. */
  stream(transient = false): ReadableStream<Uint8Array> {
    let position = 0;
    let piece = 0;
    let last: Uint8Array | undefined;
    return streamOf({
      next: async () => {
        this.#demandOpen();
        if (this.#fd === undefined) return this.#pieces[piece++];
        if (transient && last !== undefined) discardBytes(last);
        const bytes = await this.#readPiece(this.#fd, position);
        last = bytes;
        position += bytes.length;
        return bytes.length === 0 ? undefined : bytes;
      },
      close: () => undefined,
    });
  }

  /** Copies it to a file that must not be there yet, and that survives a power cut when this resolves. Throws `local/unwritable`. */
  async saveAs(file: string): Promise<void> {
    try {
      const handle = await open(file, 'wx', 0o600);
      try {
        for await (const piece of this.stream()) await handle.writeFile(piece);
        await handle.datasync();
      } finally {
        await handle.close();
      }
    } catch (cause) {
      if (cause instanceof AppError) throw cause;
      throw unwritable(file, cause);
    }
  }

  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#pieces.length = 0;
    if (this.#fd !== undefined) closeSync(this.#fd);
  }

  #spill(): void {
    const file = path.join(this.#directory, `holdfast-${toHex(systemRandom(12))}.volume`);
    try {
      this.#fd = openSync(file, 'wx+', 0o600);
      unlinkSync(file);
    } catch (cause) {
      throw this.#failure('make a temporary file', cause);
    }
    let position = 0;
    for (const piece of this.#pieces.splice(0)) {
      this.#writeOut(this.#fd, piece, position);
      position += piece.length;
    }
  }

  #writeOut(fd: number, bytes: Uint8Array, position: number): void {
    try {
      for (let done = 0; done < bytes.length;) {
        done += writeSync(fd, bytes, done, bytes.length - done, position + done);
      }
    } catch (cause) {
      throw this.#failure('write a temporary file', cause);
    }
  }

  async #readPiece(fd: number, position: number): Promise<Uint8Array> {
    const length = Math.min(PIECE, this.#size - position);
    if (length === 0) return new Uint8Array(0);
    const bytes = new Uint8Array(length);
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    read(fd, bytes, 0, length, position, (error, count) => {
      if (error === null) resolve(count);
      else reject(error);
    });
    let count: number;
    try {
      count = await promise;
    } catch (cause) {
      throw this.#failure('read a temporary file', cause);
    }
    if (count === 0) throw new AppError('internal', 'A temporary file is shorter than written');
    return bytes.subarray(0, count);
  }

  #failure(action: string, cause: unknown): AppError {
    const reason = systemCodeOf(cause) ?? messageOf(cause);
    const message = `Cannot ${action} in "${this.#directory}": ${reason}`;
    return new AppError('local/unwritable', message, {
      cause,
      hint: 'Make room there, or choose another directory for temporary files',
    });
  }

  #demandOpen(): void {
    if (!this.#isOpen) throw new AppError('internal', 'A temporary file was used after its end');
  }
}
