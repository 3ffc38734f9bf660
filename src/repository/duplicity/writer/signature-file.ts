import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';

import { AppError, messageOf, systemCodeOf } from '../../../base/errors.ts';
import { TAR_BLOCK } from '../../../codec/tar/tar-entry.ts';

const BUFFER = 1024 * 1024;
/** The archive ends with two blocks of zeros, and fills records of this length. */
const RECORD = 10_240;

/**
 * The signature tar of a set while it is made: not compressed, in the archive directory (docs/formats/duplicity.md 7, 12.2).
 */
export class SignatureFile implements Disposable {
  readonly path: string;
  readonly #fd: number;
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER);
  #filled = 0;
  #written = 0;
  #isOpen = true;

  /** Makes a file that must not be there yet. Throws `local/unwritable`. */
  constructor(path: string) {
    this.path = path;
    try {
      this.#fd = openSync(path, 'wx', 0o600);
    } catch (cause) {
      throw unwritable(path, cause);
    }
  }

  /** Appends an entry: its header, and the content that belongs to it. */
  add(header: Uint8Array, content?: Uint8Array): void {
    this.#append(header);
    if (content === undefined) return;
    this.#append(content);
    this.#fill(-content.length & (TAR_BLOCK - 1));
  }

  /** Everything up to here survives a power cut when this returns. */
  settle(): void {
    this.#flush();
    try {
      fdatasyncSync(this.#fd);
    } catch (cause) {
      throw unwritable(this.path, cause);
    }
  }

  /** Ends the archive. */
  finish(): void {
    this.#fill(2 * TAR_BLOCK);
    const length = this.#written + this.#filled;
    this.#fill((RECORD - (length % RECORD)) % RECORD);
    this.settle();
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeSync(this.#fd);
  }

  #append(bytes: Uint8Array): void {
    for (let offset = 0; offset < bytes.length;) {
      if (this.#filled === BUFFER) this.#flush();
      const length = Math.min(BUFFER - this.#filled, bytes.length - offset);
      this.#buffer.set(bytes.subarray(offset, offset + length), this.#filled);
      this.#filled += length;
      offset += length;
    }
  }

  #fill(length: number): void {
    if (this.#filled + length > BUFFER) this.#flush();
    this.#buffer.fill(0, this.#filled, this.#filled + length);
    this.#filled += length;
  }

  #flush(): void {
    try {
      for (let done = 0; done < this.#filled;) {
        const count = writeSync(this.#fd, this.#buffer, done, this.#filled - done);
        done += count;
        this.#written += count;
      }
    } catch (cause) {
      throw unwritable(this.path, cause);
    }
    this.#filled = 0;
  }
}

/** Why nothing can be written in the archive directory. */
export function unwritable(path: string, cause: unknown): AppError {
  const reason = systemCodeOf(cause) ?? messageOf(cause);
  return new AppError('local/unwritable', `Cannot write "${path}": ${reason}`, {
    cause,
    hint: 'Make room in the archive directory, or choose another one',
  });
}
