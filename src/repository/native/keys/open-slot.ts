import { concatBytes, equalBytes } from '../../../base/bytes.ts';
import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import { sha256 } from '../../../codec/encryption/key-derivation.ts';
import { decodeHeader, encodeHeader, headerSize } from '../../../codec/encryption/object-header.ts';
import { decodeFixedPayload, encodeFixedPayload, fixedSlotSize } from './fixed-slot.ts';
import type { SlotPayload } from './slot-payload.ts';

/** A slot that anyone can open: for repositories that are not confidential. */
export const openSlotKind = 3;

const zerosSize = 4;
const hashSize = 32;
const plaintextStart = headerSize + zerosSize + hashSize;

export function encodeOpenSlot(payload: SlotPayload): Uint8Array {
  const plaintext = encodeFixedPayload(payload, fixedSlotSize - plaintextStart);
  return concatBytes(
    encodeHeader('key', openSlotKind),
    new Uint8Array(zerosSize),
    sha256(plaintext),
    plaintext,
  );
}

/** Throws a `MalformedError` if the slot is damaged. */
export function decodeOpenSlot(slot: Uint8Array): SlotPayload {
  if (slot.length !== fixedSlotSize) throw new MalformedError('Key slot has a wrong length');
  if (decodeHeader(slot, 'key') !== openSlotKind) throw new MalformedError('Not an open slot');
  const plaintext = slot.subarray(plaintextStart);
  const hash = slot.subarray(headerSize + zerosSize, plaintextStart);
  const zeros = slot.subarray(headerSize, headerSize + zerosSize);
  if (zeros.some((byte) => byte !== 0) || !equalBytes(sha256(plaintext), hash)) {
    throw new MalformedError('Key slot is damaged');
  }
  return decodeFixedPayload(plaintext);
}
