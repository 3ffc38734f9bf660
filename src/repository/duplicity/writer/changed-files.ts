import { concatBytes } from '../../../base/bytes.ts';
import type { ChangedFile } from '../manifest/manifest.ts';
import { manifestFile, manifestFileListHead } from '../manifest/write-manifest.ts';

const PIECE = 256 * 1024;

/** The list of files at the end of a manifest, kept as the bytes it will be: there may be millions. */
export class ChangedFiles {
  readonly #pieces: Uint8Array[] = [];
  #piece = Buffer.allocUnsafeSlow(PIECE);
  #filled = 0;
  #count = 0;

  add(file: ChangedFile): void {
    const line = manifestFile(file);
    if (this.#filled + line.length > this.#piece.length) {
      this.#pieces.push(this.#piece.subarray(0, this.#filled));
      this.#piece = Buffer.allocUnsafeSlow(Math.max(PIECE, line.length));
      this.#filled = 0;
    }
    this.#piece.set(line, this.#filled);
    this.#filled += line.length;
    this.#count++;
  }

  /** The section of the manifest. */
  encode(): Uint8Array {
    const last = this.#piece.subarray(0, this.#filled);
    return concatBytes(manifestFileListHead(this.#count), ...this.#pieces, last);
  }
}
