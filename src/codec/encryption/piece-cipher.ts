import { createCipheriv, createDecipheriv } from 'node:crypto';

import { asBuffer } from '../../base/bytes.ts';
import { discardBytes } from '../../base/discard-bytes.ts';
import { MalformedError } from '../binary/byte-reader.ts';

/** Bytes that sealing adds to a piece. */
export const pieceOverhead = 16;
/** The largest plaintext of one piece. */
export const maximumPiece = 4 * 1024 * 1024;
/** How many pieces one key may seal: far inside the limits of GCM. */
export const maximumPieces = 2 ** 20;

const algorithm = 'aes-256-gcm';
const options = { authTagLength: pieceOverhead } as const;

/**
 * Seals the pieces of one key, in order (docs/formats/native.md, section 4). The nonce is the number of the piece, counted here:
 * nobody can give one, so none is used twice as long as every key gets one sealer.
 */
export class PieceSealer {
  readonly #key: Uint8Array;
  readonly #associated: Uint8Array;
  readonly #nonce = Buffer.alloc(12);
  readonly #limit: number;
  #count = 0;

  /** `key` and `associatedData`: 32 bytes each. They are not copied. `limit` may only lower the number of pieces. */
  constructor(key: Uint8Array, associatedData: Uint8Array, limit = maximumPieces) {
    this.#key = key;
    this.#associated = associatedData;
    this.#limit = Math.min(limit, maximumPieces);
  }

  /** The number the next piece gets. */
  get count(): number {
    return this.#count;
  }

  /** Ciphertext and tag, as an array of their own. */
  seal(plaintext: Uint8Array): Uint8Array {
    const out = new Uint8Array(plaintext.length + pieceOverhead);
    this.sealInto(plaintext, out, 0);
    return out;
  }

  /** Writes ciphertext and tag to `out` from `offset`; `plaintext` may lie in the same memory. Gives the number of bytes written. */
  sealInto(plaintext: Uint8Array, out: Uint8Array, offset: number): number {
    if (plaintext.length > maximumPiece) throw new RangeError('Piece too large to seal');
    if (this.#count >= this.#limit) throw new RangeError('Too many pieces under one key');
    if (out.length - offset < plaintext.length + pieceOverhead) {
      throw new RangeError('No room for the sealed piece');
    }
    this.#nonce.writeUInt32BE(this.#count++, 8);
    const cipher = createCipheriv(algorithm, this.#key, this.#nonce, options);
    cipher.setAAD(this.#associated);
    const ciphertext = cipher.update(plaintext);
    out.set(ciphertext, offset);
    discardBytes(ciphertext);
    cipher.final();
    out.set(cipher.getAuthTag(), offset + plaintext.length);
    return plaintext.length + pieceOverhead;
  }
}

/** Opens pieces of one key, in any order. */
export class PieceOpener {
  readonly #key: Uint8Array;
  readonly #associated: Uint8Array;
  readonly #nonce = Buffer.alloc(12);

  constructor(key: Uint8Array, associatedData: Uint8Array) {
    this.#key = key;
    this.#associated = associatedData;
  }

  /** The plaintext of piece `number`. Throws a `MalformedError` if one bit of anything differs. */
  open(number: number, stored: Uint8Array): Uint8Array {
    const length = stored.length - pieceOverhead;
    if (length < 0 || length > maximumPiece || number >= maximumPieces) {
      throw new MalformedError('Piece has an impossible length or number');
    }
    this.#nonce.writeUInt32BE(number, 8);
    const decipher = createDecipheriv(algorithm, this.#key, this.#nonce, options);
    decipher.setAAD(this.#associated);
    decipher.setAuthTag(asBuffer(stored.subarray(length)));
    const plaintext = decipher.update(stored.subarray(0, length));
    try {
      decipher.final();
    } catch (cause) {
      throw new MalformedError(`Piece ${number} is not authentic`, { cause });
    }
    return new Uint8Array(plaintext.buffer, plaintext.byteOffset, plaintext.length);
  }
}
