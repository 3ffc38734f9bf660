import { createHash } from 'node:crypto';

/** Bytes of a block, which are hashed alone. */
export const blockSize = 4 * 1024 ** 2;

/**
 * Dropbox's `content_hash`: SHA-256 of the SHA-256 of each block of 4 MiB, in hexadecimal
 * (https://www.dropbox.com/developers/reference/content-hash).
 */
export class ContentHash {
  readonly #whole = createHash('sha256');
  #block = createHash('sha256');
  #inBlock = 0;

  update(bytes: Uint8Array): this {
    for (let at = 0; at < bytes.byteLength;) {
      const part = bytes.subarray(at, at + blockSize - this.#inBlock);
      this.#block.update(part);
      this.#inBlock += part.byteLength;
      at += part.byteLength;
      if (this.#inBlock === blockSize) this.#endBlock();
    }
    return this;
  }

  /** Ends the hash; call it once. */
  digest(): string {
    if (this.#inBlock > 0) this.#endBlock();
    return this.#whole.digest('hex');
  }

  #endBlock(): void {
    this.#whole.update(this.#block.digest());
    this.#block = createHash('sha256');
    this.#inBlock = 0;
  }
}

export function contentHashOf(bytes: Uint8Array): string {
  return new ContentHash().update(bytes).digest();
}
