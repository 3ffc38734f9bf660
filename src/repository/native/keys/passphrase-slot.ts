import { argon2, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

import { utf8 } from '../../../base/bytes.ts';
import { AppError } from '../../../base/errors.ts';
import type { RandomBytes } from '../../../base/random.ts';
import type { Secret } from '../../../base/secret.ts';
import { ByteReader, MalformedError } from '../../../codec/binary/byte-reader.ts';
import { ByteWriter } from '../../../codec/binary/byte-writer.ts';
import { sha256 } from '../../../codec/encryption/key-derivation.ts';
import { decodeHeader, encodeHeader, headerSize } from '../../../codec/encryption/object-header.ts';
import { PieceOpener, pieceOverhead, PieceSealer } from '../../../codec/encryption/piece-cipher.ts';
import { decodeFixedPayload, encodeFixedPayload, fixedSlotSize } from './fixed-slot.ts';
import type { SlotPayload } from './slot-payload.ts';

/** How much work each guess of a passphrase is. */
export interface PassphraseCost {
  /** KiB. */
  readonly memory: number;
  readonly passes: number;
  readonly lanes: number;
}

export const defaultPassphraseCost: PassphraseCost = { memory: 131_072, passes: 3, lanes: 4 };

/** Outside of these a slot is refused untried: it would starve the machine, or pass for a weak one. */
const passphraseCostBounds = {
  memory: { least: 19_456, most: 1_048_576 },
  passes: { least: 1, most: 10 },
  lanes: { least: 1, most: 16 },
} as const;

export const passphraseSlotKind = 1;

const argon2id = 1;
const saltSize = 32;
const commitmentSize = 32;
/** Everything before the ciphertext. */
const prefixSize = 88;
const plaintextSize = fixedSlotSize - prefixSize - pieceOverhead;

const deriveKey = promisify(argon2);

/** A slot of 512 bytes that the passphrase opens. Throws an `AppError` (`input/invalid`) for an empty passphrase. */
export async function sealPassphraseSlot(
  payload: SlotPayload,
  passphrase: Secret,
  random: RandomBytes,
  cost: PassphraseCost = defaultPassphraseCost,
): Promise<Uint8Array> {
  if (!isWithinBounds(cost)) throw new RangeError('Cost of the passphrase out of bounds');
  const salt = random(saltSize);
  const { key, commitment } = await stretch(passphrase, salt, cost);
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
 * bounds. The work is done in the thread pool.
 */
export async function openPassphraseSlot(
  slot: Uint8Array,
  passphrase: Secret,
): Promise<SlotPayload | undefined> {
  if (slot.length !== fixedSlotSize) throw new MalformedError('Key slot has a wrong length');
  if (decodeHeader(slot, 'key') !== passphraseSlotKind) {
    throw new MalformedError('Not a passphrase slot');
  }
  const prefix = slot.subarray(0, prefixSize);
  const reader = new ByteReader(prefix.subarray(headerSize));
  if (reader.u8() !== argon2id) throw new MalformedError('Key derivation is not known');
  const cost = { memory: reader.u32(), passes: reader.u8(), lanes: reader.u8() };
  if (!isWithinBounds(cost)) throw new MalformedError('Cost of the passphrase out of bounds');
  if (reader.raw(5).some((byte) => byte !== 0)) throw new MalformedError('Padding is not zero');
  const salt = reader.raw(saltSize);
  const { key, commitment } = await stretch(passphrase, salt, cost);
  if (!timingSafeEqual(commitment, reader.raw(commitmentSize))) return undefined;
  const opener = new PieceOpener(key, sha256(prefix));
  return decodeFixedPayload(opener.open(0, slot.subarray(prefixSize)));
}

async function stretch(
  passphrase: Secret,
  salt: Uint8Array,
  { memory, passes, lanes }: PassphraseCost,
): Promise<{ key: Uint8Array; commitment: Uint8Array }> {
  const message = utf8(passphrase.reveal().normalize('NFC'));
  if (message.length === 0) throw new AppError('input/invalid', 'The passphrase is empty');
  const derived = await deriveKey('argon2id', {
    message,
    nonce: salt,
    memory,
    passes,
    parallelism: lanes,
    tagLength: 64,
  });
  return { key: derived.subarray(0, 32), commitment: derived.subarray(32) };
}

function isWithinBounds(cost: PassphraseCost): boolean {
  return (['memory', 'passes', 'lanes'] as const).every((name) => {
    const { least, most } = passphraseCostBounds[name];
    return Number.isInteger(cost[name]) && cost[name] >= least && cost[name] <= most;
  });
}
