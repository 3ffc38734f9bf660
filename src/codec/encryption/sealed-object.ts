import { timingSafeEqual } from 'node:crypto';

import { concatBytes } from '../../base/bytes.ts';
import type { RandomBytes } from '../../base/random.ts';
import { MalformedError } from '../binary/byte-reader.ts';
import { hkdf, parts, sha256 } from './key-derivation.ts';
import { decodeHeader, encodeHeader, headerSize, type ObjectType } from './object-header.ts';
import { openBody, sealBody, type Padding } from './padded-plaintext.ts';
import { PieceOpener, PieceSealer } from './piece-cipher.ts';

/** Types of objects that are sealed under the index key as a whole (packs only have their tail sealed so). */
export type SealedType = Exclude<ObjectType, 'pack' | 'final' | 'key'>;

const saltSize = 32;
const commitmentSize = 32;
const prefixSize = headerSize + saltSize + commitmentSize;

/** Key and commitment of one object under the index key, for its salt (docs/formats/native.md, section 4). */
export function deriveSealKey(
  indexKey: Uint8Array,
  salt: Uint8Array,
  type: SealedType | 'pack',
  repositoryId: Uint8Array,
): { key: Uint8Array; commitment: Uint8Array } {
  const derived = hkdf(indexKey, salt, parts('holdfast/1', 'sealed', type, repositoryId), 64);
  return { key: derived.subarray(0, 32), commitment: derived.subarray(32) };
}

export interface SealingKeys {
  readonly indexKey: Uint8Array;
  readonly repositoryId: Uint8Array;
}

/** `header ‖ salt ‖ commitment ‖ pieces` of a body, under a fresh key derived from the index key. */
export function sealObject(
  { indexKey, repositoryId }: SealingKeys,
  type: SealedType,
  body: Uint8Array,
  padding: Padding,
  random: RandomBytes,
): Uint8Array {
  const salt = random(saltSize);
  const { key, commitment } = deriveSealKey(indexKey, salt, type, repositoryId);
  const prefix = concatBytes(encodeHeader(type), salt, commitment);
  return concatBytes(prefix, sealBody(new PieceSealer(key, sha256(prefix)), body, padding));
}

/**
 * The body of an object that `sealObject` made. Throws a `MalformedError` if it is of another type or repository or damaged anywhere,
 * and an `AppError` (`repository/unsupported`) if a newer program made it.
 */
export function openObject(
  { indexKey, repositoryId }: SealingKeys,
  type: SealedType,
  bytes: Uint8Array,
): Uint8Array {
  if (decodeHeader(bytes, type) !== 0) throw new MalformedError('Header has a wrong last byte');
  if (bytes.length < prefixSize) throw new MalformedError('Cut off');
  const prefix = bytes.subarray(0, prefixSize);
  const salt = prefix.subarray(headerSize, headerSize + saltSize);
  const { key, commitment } = deriveSealKey(indexKey, salt, type, repositoryId);
  if (!timingSafeEqual(commitment, prefix.subarray(headerSize + saltSize))) {
    throw new MalformedError('Sealed under another key or damaged');
  }
  return openBody(new PieceOpener(key, sha256(prefix)), bytes.subarray(prefixSize));
}
