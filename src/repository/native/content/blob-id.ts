import { createHash, hash } from 'node:crypto';

/** Kinds of blobs; the number is part of the id (native.md, section 7.1). */
export const blobType = { data: 1, tree: 2, list: 3 } as const;
export type BlobType = (typeof blobType)[keyof typeof blobType];

const BLOCK = 64;

/**
 * Names blobs: `hmac(id key, type ‖ sha256(raw))`. HMAC is written out as its two hashes over prepared blocks: with the object interface of
 * `node:crypto` the same takes five times as long.
 */
export class BlobNamer {
  readonly #inner = Buffer.alloc(BLOCK + 33);
  readonly #outer = Buffer.alloc(BLOCK + 32);

  constructor(idKey: Uint8Array) {
    for (let index = 0; index < BLOCK; index++) {
      const byte = idKey[index] ?? 0;
      this.#inner[index] = byte ^ 0x36;
      this.#outer[index] = byte ^ 0x5c;
    }
  }

  /** The id of a blob, 32 bytes. */
  nameOf(type: BlobType, raw: Uint8Array): Uint8Array {
    return this.#finish(type, hash('sha256', raw, 'binary'));
  }

  /** The same for bytes that lie apart. */
  nameOfParts(type: BlobType, parts: readonly Uint8Array[]): Uint8Array {
    const sum = createHash('sha256');
    for (const part of parts) sum.update(part);
    return this.#finish(type, sum.digest('binary'));
  }

  /** What marks names of one inode: the first 8 bytes of `hmac(id key, "link" ‖ device ‖ inode)`. */
  linkOf(device: bigint, inode: bigint): Uint8Array {
    const message = Buffer.alloc(20);
    message.write('link', 'latin1');
    message.writeBigUInt64LE(BigInt.asUintN(64, device), 4);
    message.writeBigUInt64LE(BigInt.asUintN(64, inode), 12);
    const inner = hash(
      'sha256',
      Buffer.concat([this.#inner.subarray(0, BLOCK), message]),
      'buffer',
    );
    this.#outer.set(inner, BLOCK);
    return new Uint8Array(hash('sha256', this.#outer, 'buffer').subarray(0, 8));
  }

  /** Digests are strings of a character for each byte: a buffer for each costs several times as much as the hash of a block. */
  #finish(type: BlobType, digest: string): Uint8Array {
    this.#inner[BLOCK] = type;
    this.#inner.write(digest, BLOCK + 1, 'binary');
    this.#outer.write(hash('sha256', this.#inner, 'binary'), BLOCK, 'binary');
    return Buffer.from(hash('sha256', this.#outer, 'binary'), 'binary');
  }
}
