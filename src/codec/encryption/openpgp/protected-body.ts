import { createHash, type Hash } from 'node:crypto';

import { equalBytes } from '../../../base/bytes.ts';
import { discardBytes } from '../../../base/discard-bytes.ts';
import type { ByteSource } from './byte-source.ts';
import { CfbDecipher } from './cfb-decipher.ts';
import { damagedMessage } from './message-error.ts';
import type { PieceSource } from './piece-source.ts';
import type { SessionKey } from './session-key.ts';
import { decryptWith, type SymmetricCipher } from './symmetric-cipher.ts';

/** Header and SHA-1 of the modification detection code packet at the end (RFC 4880, 5.14). */
export const detectionHeader: Uint8Array = Uint8Array.of(0xd3, 0x14);
const hashLength = 20;
const trailerLength = detectionHeader.length + hashLength;

/** The random bytes at the start, of which the last two come again (RFC 4880, 5.13). */
export function prefixLength({ blockLength }: SymmetricCipher): number {
  return blockLength + 2;
}

/** Whether the key turns the first bytes (as many as `prefixLength()`) into what has to be there; by accident one in 65,536 does. */
export function prefixFits(encrypted: Uint8Array, { cipher, key }: SessionKey): boolean {
  const prefix = decryptWith(cipher, key).update(encrypted);
  const block = cipher.blockLength;
  return prefix[block - 2] === prefix[block] && prefix[block - 1] === prefix[block + 1];
}

/**
 * Opens the body of a symmetrically encrypted integrity protected data packet, version 1, behind its version byte (RFC 4880, 5.13).
 * Plaintext is given out before it is known to be right: only `undefined` from `read()` says that it was.
 */
export class ProtectedBody implements PieceSource {
  readonly #encrypted: ByteSource;
  readonly #decipher: CfbDecipher;
  readonly #hash: Hash = createHash('sha1');
  #prefixLeft: number;
  /** The end of what was decrypted, which may be the trailer. */
  #held: Uint8Array = new Uint8Array(0);
  #isDone = false;
  /** What was decrypted last, which nobody needs when more is asked for. */
  #last: Uint8Array | undefined;

  constructor(encrypted: ByteSource, { cipher, key }: SessionKey) {
    this.#encrypted = encrypted;
    this.#decipher = new CfbDecipher(cipher, key);
    this.#prefixLeft = prefixLength(cipher);
  }

  /** Throws `repository/damaged` instead of giving `undefined` if the data are not what was encrypted. */
  async read(): Promise<Uint8Array | undefined> {
    if (this.#last !== undefined) discardBytes(this.#last);
    this.#last = undefined;
    while (!this.#isDone) {
      const encrypted = await this.#encrypted.readSome(1 << 20);
      if (encrypted === undefined) {
        this.#check();
        this.#isDone = true;
        break;
      }
      const plain = this.#withoutPrefix(this.#decipher.update(encrypted));
      const piece = this.#known(plain);
      if (piece.length === 0) continue;
      this.#hash.update(piece);
      return piece;
    }
    return undefined;
  }

  /** What was held before and all of `plain` but what may be the trailer, in the memory of `plain` where it can be. */
  #known(plain: Uint8Array): Uint8Array {
    const held = this.#held;
    if (plain.length < 2 * trailerLength) {
      const all = Buffer.concat([held, plain]);
      const count = Math.max(0, all.length - trailerLength);
      this.#held = all.subarray(count);
      return all.subarray(0, count);
    }
    this.#last = plain;
    this.#held = plain.slice(-trailerLength);
    plain.copyWithin(held.length, 0, plain.length - trailerLength);
    plain.set(held);
    return plain.subarray(0, plain.length - trailerLength + held.length);
  }

  #withoutPrefix(plain: Uint8Array): Uint8Array {
    if (this.#prefixLeft === 0) return plain;
    const prefix = plain.subarray(0, this.#prefixLeft);
    this.#hash.update(prefix);
    this.#prefixLeft -= prefix.length;
    return plain.subarray(prefix.length);
  }

  #check(): void {
    const header = this.#held.subarray(0, detectionHeader.length);
    const stored = this.#held.subarray(detectionHeader.length);
    if (this.#held.length < trailerLength) throw damagedMessage('is cut off');
    const right = this.#hash.update(header).digest();
    if (!equalBytes(header, detectionHeader) || !equalBytes(stored, right)) {
      throw damagedMessage(
        'was changed after it was encrypted: its modification detection code is wrong',
      );
    }
  }
}
