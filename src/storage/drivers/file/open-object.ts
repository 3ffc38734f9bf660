import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';

import { AppError } from '../../../base/errors.ts';
import { resolveRange, type ResolvedRange } from '../../byte-range.ts';
import type { ByteRange } from '../../storage.ts';
import { type FileSystem, uninterrupted } from './file-system.ts';

/** How much of an object is read at once for a stream. */
const pieceSize = 1024 ** 2;

/** `O_NONBLOCK`: a FIFO somebody has put there must not block the open. */
const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** A regular file and the range of it that is wanted. Closed by `close`. */
export class OpenObject {
  readonly length: number;
  readonly #name: string;
  readonly #handle: FileHandle;
  readonly #end: number;
  #position: number;

  private constructor(name: string, handle: FileHandle, { offset, length }: ResolvedRange) {
    this.#name = name;
    this.#handle = handle;
    this.length = length;
    this.#position = offset;
    this.#end = offset + length;
  }

  /** Rejects with the system's error, or `storage/bad-range`. */
  static async open(
    fileSystem: FileSystem,
    file: string,
    name: string,
    range?: ByteRange,
  ): Promise<OpenObject> {
    const handle = await uninterrupted(() => fileSystem.open(file, flags));
    try {
      const found = await uninterrupted(() => handle.stat());
      if (found.isDirectory())
        throw new AppError('storage/not-found', `No object "${name}": it is a directory`);
      if (!found.isFile())
        throw new AppError('storage/access-denied', `Cannot read "${name}": it is no regular file`);
      return new OpenObject(name, handle, resolveRange(name, found.size, range));
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** The next piece of the range, or `undefined` at its end. */
  async next(): Promise<Uint8Array | undefined> {
    const length = Math.min(pieceSize, this.#end - this.#position);
    return length === 0 ? undefined : await this.#read(length);
  }

  /** What is left of the range. */
  async rest(): Promise<Uint8Array> {
    return this.#read(this.#end - this.#position);
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #read(length: number): Promise<Uint8Array> {
    // Not zeroed: either all of it is filled or it is not given out.
    const bytes = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
    let filled = 0;
    while (filled < length) {
      const from = filled;
      const { bytesRead } = await uninterrupted(() =>
        this.#handle.read(bytes, from, length - from, this.#position),
      );
      if (bytesRead === 0) {
        throw new AppError(
          'storage/unavailable',
          `Reading "${this.#name}" gave ${filled} of ${length} bytes: it has become shorter`,
        );
      }
      filled += bytesRead;
      this.#position += bytesRead;
    }
    return bytes;
  }
}
