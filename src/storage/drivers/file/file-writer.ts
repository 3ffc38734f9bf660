import type { FileHandle } from 'node:fs/promises';

import { AppError, systemCodeOf } from '../../../base/errors.ts';
import {
  beginDirectWrites,
  directMemory,
  directUnit,
  endDirectWrites,
  isDirectMemory,
} from '../../../base/posix/direct-writes.ts';
import { uninterrupted } from './file-system.ts';

/** Smaller objects go through the page cache: they are soon read again, and the disk takes them together. */
const worthDirectWrites = 1024 ** 2;

/** One system call writes at most this much; more than 2 GiB cannot be asked for at once. */
const largestWrite = 1024 ** 3;

/** What does not lie where it can be written from directly is copied through memory of this size. */
const bounceSize = 256 * 1024;

/**
 * Writes a new file from its beginning. A large one goes past the page cache, where that is possible: it is made durable right afterwards
 * anyway, so that nothing would be gained by a copy in the kernel, which is a third of the processor time of a backup of large files.
 */
export class FileWriter {
  readonly #handle: FileHandle;
  #direct: boolean;
  #bounce: Uint8Array | undefined;
  /** Bytes that wait in `#bounce`. */
  #waiting = 0;

  /** `size`: bytes that will come. */
  constructor(handle: FileHandle, size: number) {
    this.#handle = handle;
    this.#direct = size >= worthDirectWrites && beginDirectWrites(handle.fd);
  }

  /** Writes the next bytes, or keeps some of them for later. */
  async add(piece: Uint8Array): Promise<void> {
    let rest = piece;
    while (this.#direct && rest.length > 0) {
      if (this.#waiting === 0 && rest.length >= directUnit && isDirectMemory(rest)) {
        const length = rest.length - (rest.length % directUnit);
        await this.#write(rest.subarray(0, length));
        rest = rest.subarray(length);
      } else {
        rest = rest.subarray(await this.#addToBounce(rest));
      }
    }
    if (rest.length > 0) await this.#write(rest);
  }

  /** Writes what is left. */
  async end(): Promise<void> {
    // Less than a unit may be left, which cannot be written directly.
    this.#leaveDirect();
    await this.#flush();
  }

  /** Takes as many bytes as there is room for; gives their number. */
  async #addToBounce(bytes: Uint8Array): Promise<number> {
    this.#bounce ??= directMemory(bounceSize, (size) => new ArrayBuffer(size));
    const taken = Math.min(bytes.length, bounceSize - this.#waiting);
    this.#bounce.set(bytes.subarray(0, taken), this.#waiting);
    this.#waiting += taken;
    if (this.#waiting === bounceSize) await this.#flush();
    return taken;
  }

  async #flush(): Promise<void> {
    const bytes = this.#bounce?.subarray(0, this.#waiting);
    this.#waiting = 0;
    if (bytes !== undefined) await this.#write(bytes);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    let offset = 0;
    while (offset < bytes.length) {
      const length = Math.min(bytes.length - offset, largestWrite);
      const written = await this.#writeSome(bytes, offset, length);
      if (written === 0) {
        throw new AppError(
          'storage/unavailable',
          'The file system took nothing of what was written',
        );
      }
      offset += written;
    }
  }

  async #writeSome(bytes: Uint8Array, offset: number, length: number): Promise<number> {
    try {
      const write = () => this.#handle.write(bytes, offset, length);
      return (await uninterrupted(write)).bytesWritten;
    } catch (error) {
      // The file system cannot do it after all, or a write was cut short where the next one cannot begin.
      if (!this.#direct || systemCodeOf(error) !== 'EINVAL') throw error;
      this.#leaveDirect();
      return this.#writeSome(bytes, offset, length);
    }
  }

  #leaveDirect(): void {
    if (this.#direct) endDirectWrites(this.#handle.fd);
    this.#direct = false;
  }
}
