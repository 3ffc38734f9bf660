import { timingSafeEqual } from 'node:crypto';

import type { RandomBytes } from '../../../base/random.ts';
import type { Secret } from '../../../base/secret.ts';
import { ByteReader, MalformedError } from '../../../codec/binary/byte-reader.ts';
import { ByteWriter } from '../../../codec/binary/byte-writer.ts';
import { sha256 } from '../../../codec/encryption/key-derivation.ts';
import { decodeHeader, encodeHeader, headerSize } from '../../../codec/encryption/object-header.ts';
import { PieceOpener, pieceOverhead, PieceSealer } from '../../../codec/encryption/piece-cipher.ts';
import { decodeFixedPayload, encodeFixedPayload, fixedSlotSize } from './fixed-slot.ts';
import type { SlotPayload } from './slot-payload.ts';
import type { StretchedAhead } from './stretched-ahead.ts';
import {
  defaultPassphraseCost,
  isWithinBounds,
  type PassphraseCost,
  saltSize,
  stretch,
  type Stretching,
} from './stretching.ts';

export const passphraseSlotKind = 1;

const argon2id = 1;
const commitmentSize = 32;
/** Everything before the ciphertext. */
const prefixSize = 88;
const plaintextSize = fixedSlotSize - prefixSize - pieceOverhead;

/** A slot of 512 bytes that the passphrase opens. Throws an `AppError` (`input/invalid`) for an empty passphrase. */
export async function sealPassphraseSlot(
  payload: SlotPayload,
  passphrase: Secret,
  random: RandomBytes,
  cost: PassphraseCost = defaultPassphraseCost,
): Promise<Uint8Array> {
  if (!isWithinBounds(cost)) throw new RangeError('Cost of the passphrase out of bounds');
  const salt = random(saltSize);
  const { key, commitment } = await stretch(passphrase, { ...cost, salt });
  const prefix = new ByteWriter(prefixSize)
    .raw(encodeHeader('key', passphraseSlotKind))
    .u8(argon2id)
    .u32(cost.memory)
    .u8(cost.passes)
    .u8(cost.lanes)
    .zeros(5)
    .raw(salt)
    .raw(commitment)
    .take();
  const slot = new Uint8Array(fixedSlotSize);
  slot.set(prefix);
  new PieceSealer(key, sha256(prefix)).sealInto(
    encodeFixedPayload(payload, plaintextSize),
    slot,
    prefixSize,
  );
  return slot;
}

/**
 * What the slot keeps; `undefined` if this is not its passphrase. Throws a `MalformedError` if the slot is damaged or its cost out of
 * bounds. The work is done in the thread pool, unless it was done `ahead`.
 */
export async function openPassphraseSlot(
  slot: Uint8Array,
  passphrase: Secret,
  ahead?: StretchedAhead,
): Promise<SlotPayload | undefined> {
  const stretching = stretchingOf(slot);
  const prefix = slot.subarray(0, prefixSize);
  const { key, commitment } = await (ahead?.keyFor(passphrase, stretching) ??
    stretch(passphrase, stretching));
  if (!timingSafeEqual(commitment, prefix.subarray(prefixSize - commitmentSize))) return undefined;
  const opener = new PieceOpener(key, sha256(prefix));
  return decodeFixedPayload(opener.open(0, slot.subarray(prefixSize)));
}

/** What a slot says about the stretching of its passphrase. Throws a `MalformedError` as `openPassphraseSlot` does. */
export function stretchingOf(slot: Uint8Array): Stretching {
  if (slot.length !== fixedSlotSize) throw new MalformedError('Key slot has a wrong length');
  if (decodeHeader(slot, 'key') !== passphraseSlotKind) {
    throw new MalformedError('Not a passphrase slot');
  }
  const reader = new ByteReader(slot.subarray(headerSize, prefixSize));
  if (reader.u8() !== argon2id) throw new MalformedError('Key derivation is not known');
  const cost = { memory: reader.u32(), passes: reader.u8(), lanes: reader.u8() };
  if (!isWithinBounds(cost)) throw new MalformedError('Cost of the passphrase out of bounds');
  if (reader.raw(5).some((byte) => byte !== 0)) throw new MalformedError('Padding is not zero');
  return { ...cost, salt: reader.raw(saltSize) };
}
