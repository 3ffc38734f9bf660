import { timingSafeEqual } from 'node:crypto';

import { concatBytes } from '../../base/bytes.ts';
import type { RandomBytes } from '../../base/random.ts';
import { MalformedError } from '../binary/byte-reader.ts';
import { hkdf, parts } from './key-derivation.ts';
import {
  decapsulate,
  encapsulate,
  xWingSizes,
  type Encapsulation,
  type XWingSecret,
} from './x-wing.ts';

/** A key sealed to the meta or data public key: salt 32 ‖ X-Wing ciphertext 1120 ‖ commitment 32 (docs/formats/native.md, section 4). */
export const slotSize = 1184;

const saltSize = 32;
const keySize = 32;

/** What is sealed under the slot's key. */
export type SlotKind = 'data' | 'meta' | 'final';

export interface CreatedSlot {
  /** 1184 bytes. */
  readonly slot: Uint8Array;
  /** AES key, 32 bytes. */
  readonly key: Uint8Array;
}

/** A fresh key that only the holder of the private half of `publicKey` finds in the slot. */
export function createSlot(
  publicKey: Uint8Array,
  kind: SlotKind,
  repositoryId: Uint8Array,
  random: RandomBytes,
): CreatedSlot {
  return assembleSlot(random(saltSize), encapsulate(publicKey, random), kind, repositoryId);
}

/** A slot of given parts, which fixes every byte: for test vectors. Programs call `createSlot`. */
export function assembleSlot(
  salt: Uint8Array,
  { sharedSecret, ciphertext }: Encapsulation,
  kind: SlotKind,
  repositoryId: Uint8Array,
): CreatedSlot {
  const { key, commitment } = derive(sharedSecret, salt, kind, repositoryId);
  return { slot: concatBytes(salt, ciphertext, commitment), key };
}

/** The key in a slot. Throws a `MalformedError` if the slot was made for another key, kind or repository, or is damaged. */
export function openSlot(
  secret: XWingSecret,
  slot: Uint8Array,
  kind: SlotKind,
  repositoryId: Uint8Array,
): Uint8Array {
  if (slot.length !== slotSize) throw new MalformedError('Slot has a wrong length');
  const ciphertextEnd = saltSize + xWingSizes.ciphertext;
  const sharedSecret = decapsulate(secret, slot.subarray(saltSize, ciphertextEnd));
  const { key, commitment } = derive(sharedSecret, slot.subarray(0, saltSize), kind, repositoryId);
  if (!timingSafeEqual(commitment, slot.subarray(ciphertextEnd))) {
    throw new MalformedError('Slot does not open with this key');
  }
  return key;
}

function derive(
  sharedSecret: Uint8Array,
  salt: Uint8Array,
  kind: SlotKind,
  repositoryId: Uint8Array,
): { key: Uint8Array; commitment: Uint8Array } {
  const derived = hkdf(
    sharedSecret,
    salt,
    parts('holdfast/1', 'segment', kind, repositoryId),
    2 * keySize,
  );
  return { key: derived.subarray(0, keySize), commitment: derived.subarray(keySize) };
}
