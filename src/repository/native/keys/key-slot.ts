import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { mapPool } from '../../../base/pool.ts';
import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import { decodeHeader } from '../../../codec/encryption/object-header.ts';
import type { Storage } from '../../../storage/storage.ts';
import { objectPrefixes, parseObjectName } from '../objects/object-name.ts';
import { damagedObject } from '../objects/signed-object.ts';
import { ageSlotKind, openAgeSlot } from './age-slot.ts';
import type { Credentials } from './credentials.ts';
import { decodeOpenSlot, openSlotKind } from './open-slot.ts';
import { openPassphraseSlot, passphraseSlotKind } from './passphrase-slot.ts';
import type { SlotPayload } from './slot-payload.ts';

/** A repository has no more. */
export const maximumSlots = 16;

const maximumSlotSize = 16 * 1024;

export type KeySlotKind = 'passphrase' | 'public key' | 'open';

/** A key slot as it lies in the storage. */
export interface KeySlot {
  readonly id: string;
  readonly name: string;
  readonly kind: KeySlotKind;
  readonly bytes: Uint8Array;
}

/** All slots, and the errors of those that cannot be ones. */
export interface KeySlots {
  readonly slots: readonly KeySlot[];
  readonly damaged: readonly AppError[];
}

const kinds: ReadonlyMap<number, KeySlotKind> = new Map([
  [passphraseSlotKind, 'passphrase'],
  [ageSlotKind, 'public key'],
  [openSlotKind, 'open'],
]);

/**
 * Reads all key slots, in the order of their names. Throws an `AppError` (`repository/damaged`) if there are more than a repository
 * may have, because each one costs time and memory to try.
 */
export async function readKeySlots(
  storage: Storage,
  { signal }: CallOptions = {},
): Promise<KeySlots> {
  const names: { name: string; id: string; size: number }[] = [];
  for await (const { name, size } of storage.list(objectPrefixes.key, { signal })) {
    const parsed = parseObjectName(name);
    if (parsed?.type === 'key') names.push({ name, id: parsed.id, size });
  }
  if (names.length > maximumSlots) {
    throw new AppError(
      'repository/damaged',
      `There are ${names.length} key slots in "${storage.location}" where at most ${maximumSlots} belong`,
      {
        hint: 'Somebody else put them there; the recovery sheet opens the repository all the same',
      },
    );
  }
  names.sort((left, right) => (left.name < right.name ? -1 : 1));
  const slots: KeySlot[] = [];
  const damaged: AppError[] = [];
  const read = async (
    { name, id, size }: (typeof names)[number],
    call: CallOptions,
  ): Promise<KeySlot | AppError | undefined> => {
    try {
      if (size > maximumSlotSize) throw new MalformedError('Too large');
      const bytes = await storage.read(name, call);
      return { id, name, kind: kindOf(bytes), bytes };
    } catch (error) {
      if (hasCode(error, 'storage/not-found')) return undefined; // Removed since it was listed.
      if (error instanceof MalformedError) return damagedObject(name, error);
      if (hasCode(error, 'repository/unsupported')) return error;
      throw error;
    }
  };
  // All at once: they are few and small, and over a slow line each costs a round trip.
  for await (const slot of mapPool(names, maximumSlots, read, { signal })) {
    if (slot instanceof AppError) damaged.push(slot);
    else if (slot !== undefined) slots.push(slot);
  }
  return { slots, damaged };
}

/**
 * What a slot keeps; `undefined` if these credentials are for another kind of slot or do not open this one. Throws an `AppError`
 * (`repository/damaged`) if it is damaged.
 */
export async function openKeySlot(
  slot: KeySlot,
  credentials: Credentials,
): Promise<SlotPayload | undefined> {
  try {
    switch (credentials.kind) {
      case 'passphrase':
        return slot.kind === 'passphrase'
          ? await openPassphraseSlot(slot.bytes, credentials.passphrase, credentials.ahead)
          : undefined;
      case 'identity':
        return slot.kind === 'public key'
          ? await openAgeSlot(slot.bytes, credentials.identityFile)
          : undefined;
      case 'none':
        return slot.kind === 'open' ? decodeOpenSlot(slot.bytes) : undefined;
      case 'recovery':
        return undefined;
    }
  } catch (error) {
    if (error instanceof MalformedError) throw damagedObject(slot.name, error);
    throw error;
  }
}

function kindOf(bytes: Uint8Array): KeySlotKind {
  const kind = kinds.get(decodeHeader(bytes, 'key'));
  if (kind === undefined) throw new MalformedError('Kind of key slot is not known');
  return kind;
}
