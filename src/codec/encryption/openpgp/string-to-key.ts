import { createHash } from 'node:crypto';
import { setImmediate as otherWork } from 'node:timers/promises';

import { toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { damagedMessage, unsupportedMessage } from './message-error.ts';

/** How a key is made of a passphrase (RFC 4880, 3.7.1). */
export interface StringToKey {
  /** The number of the hash (9.4). */
  readonly hash: number;
  /** 8 bytes; `undefined` for the simple kind 0. */
  readonly salt: Uint8Array | undefined;
  /** Bytes that are hashed at least; 0 for kinds 0 and 1, where it is salt and passphrase once. */
  readonly count: number;
}

/** What gpg 2.2 uses, and the highest there is: 65,011,712 bytes (docs/formats/duplicity.md 11.1). */
export const codedHighestCount = 255;
/** The number of SHA-1, which gpg 2.2 uses, too. */
export const sha1Hash = 2;

const hashes: Readonly<Record<number, { readonly name: string; readonly length: number }>> = {
  1: { name: 'md5', length: 16 },
  2: { name: 'sha1', length: 20 },
  3: { name: 'ripemd160', length: 20 },
  8: { name: 'sha256', length: 32 },
  9: { name: 'sha384', length: 48 },
  10: { name: 'sha512', length: 64 },
  11: { name: 'sha224', length: 28 },
};

/** Bytes that are hashed before others get their turn: some milliseconds. */
const hashedAtOnce = 8 << 20;
const blockLength = 1 << 16;
const mostKnown = 64;

/** The count of a coded byte (RFC 4880, 3.7.1.3). */
export function countOf(coded: number): number {
  return (16 + (coded & 15)) << ((coded >> 4) + 6);
}

/**
 * Parses what follows the algorithm in a packet, and gives how many bytes it takes.
 *
 * @throws AppError `repository/damaged` if it is cut off, `repository/unsupported` for other kinds and hashes
 */
export function parseStringToKey(bytes: Uint8Array): {
  readonly stringToKey: StringToKey;
  readonly length: number;
} {
  const [kind, hash] = bytes;
  if (kind === undefined || hash === undefined) throw damagedMessage('has a key that is cut off');
  const length = { 0: 2, 1: 10, 3: 11 }[kind];
  if (length === undefined) {
    throw unsupportedMessage(`makes its key in the way ${kind}, which only gpg may know`);
  }
  if (bytes.length < length) throw damagedMessage('has a key that is cut off');
  if (hashes[hash] === undefined) {
    throw unsupportedMessage(`makes its key with the hash ${hash}, which only gpg may know`);
  }
  const salt = kind === 0 ? undefined : bytes.slice(2, 10);
  const count = kind === 3 ? countOf(bytes[10] ?? 0) : 0;
  return { stringToKey: { hash, salt, count }, length };
}

/**
 * Makes keys of one passphrase and remembers them, so that files whose salt is the same do not cost the work again. It holds keys: it has
 * to go when the files are done.
 */
export class PassphraseKeys {
  readonly #passphrase: Uint8Array;
  readonly #known = new Map<string, Promise<Uint8Array>>();
  #provenSalt: Uint8Array | undefined;

  /** The bytes of the passphrase. */
  constructor(passphrase: Uint8Array) {
    this.#passphrase = passphrase;
  }

  /**
   * The salt of a message that proved to be made with this passphrase and that was made as ours are, if there was one. A message that is made with it costs no further key. Only who knows the
   * passphrase can have chosen it: otherwise a destination could have everybody use one salt, for which keys are made beforehand.
   */
  get provenSalt(): Uint8Array | undefined {
    return this.#provenSalt;
  }

  /** A message whose key is made in this way was read to its end, and nothing in it was changed. */
  prove({ hash, salt, count }: StringToKey): void {
    if (hash === sha1Hash && count === countOf(codedHighestCount)) this.#provenSalt = salt;
  }

  /** A key of `length` bytes; throws only `signal.reason`. */
  async derive(way: StringToKey, length: number, options: CallOptions): Promise<Uint8Array> {
    const salt = way.salt === undefined ? '' : toHex(way.salt);
    const name = `${way.hash}/${salt}/${way.count}/${length}`;
    const known = this.#known.get(name);
    if (known !== undefined) {
      try {
        return await known;
      } catch {
        // Somebody else made it and gave up: only an abort ends it early.
        options.signal?.throwIfAborted();
        return this.derive(way, length, options);
      }
    }
    const key = deriveKey(this.#passphrase, way, length, options);
    // A salt is nearly never seen again after some files; the memory of a million of them is not worth it.
    if (this.#known.size >= mostKnown) this.#known.clear();
    this.#known.set(name, key);
    try {
      return await key;
    } catch (error) {
      this.#known.delete(name);
      throw error;
    }
  }
}

/** RFC 4880, 3.7.1: as many hashes as the key needs, the n-th after n zero bytes. */
async function deriveKey(
  passphrase: Uint8Array,
  { hash, salt, count }: StringToKey,
  length: number,
  { signal }: CallOptions,
): Promise<Uint8Array> {
  const { name, length: step } = hashes[hash] ?? { name: '', length: 0 };
  const unit = Buffer.concat([salt ?? new Uint8Array(0), passphrase]);
  const total = Math.max(count, unit.length);
  // Whole units, so that it can be repeated.
  const block = Buffer.concat(
    Array.from({ length: Math.max(1, Math.floor(blockLength / (unit.length || 1))) }, () => unit),
  );
  const parts: Uint8Array[] = [];
  for (let made = 0; made < length; made += step) {
    const hasher = createHash(name).update(new Uint8Array(parts.length));
    let sinceOthers = 0;
    for (let hashed = 0; hashed < total; hashed += block.length) {
      const part = block.subarray(0, total - hashed);
      hasher.update(part);
      sinceOthers += part.length;
      if (sinceOthers < hashedAtOnce) continue;
      sinceOthers = 0;
      await otherWork();
      signal?.throwIfAborted();
    }
    parts.push(hasher.digest());
  }
  return new Uint8Array(Buffer.concat(parts).subarray(0, length));
}
