import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';

import { unwritable } from './signature-file.ts';

/** A file that grows at its end, and whose bytes survive a power cut once they were appended: the manifest of a set while it is made. */
export class AppendedFile implements Disposable {
  readonly path: string;
  readonly #fd: number;
  #length = 0;
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

  append(bytes: Uint8Array): void {
    try {
      for (let done = 0; done < bytes.length;) {
        const count = writeSync(this.#fd, bytes, done, bytes.length - done, this.#length);
        done += count;
        this.#length += count;
      }
      fdatasyncSync(this.#fd);
    } catch (cause) {
      throw unwritable(this.path, cause);
    }
  }

  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeSync(this.#fd);
  }
}
