import { equalBytes, toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import type { Clock } from '../../../base/clock.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import type { RandomBytes } from '../../../base/random.ts';
import type { Secret } from '../../../base/secret.ts';
import type { Storage } from '../../../storage/storage.ts';
import { keySlotName } from '../objects/object-name.ts';
import type { Credentials } from './credentials.ts';
import { haveSamePublicKeys, type KeyRing } from './key-ring.ts';
import {
  maximumSlots,
  openKeySlot,
  readKeySlots,
  type KeySlot,
  type KeySlotKind,
} from './key-slot.ts';
import type { PassphraseCost } from './stretching.ts';
import { sealSlot, type SlotProtection } from './seal-slot.ts';
import { payloadOf, ringOf, type SlotPayload } from './slot-payload.ts';
import type { Unlocked } from './unlock.ts';

export interface AddSlotOptions extends CallOptions {
  readonly random: RandomBytes;
  readonly clock: Clock;
  /** For people. */
  readonly label?: string;
}

/** One line of the list of keys. What is inside shows only of slots that the credentials open. */
export interface ListedSlot {
  readonly id: string;
  readonly kind: KeySlotKind;
  readonly opened: Pick<SlotPayload, 'role' | 'label' | 'created'> | undefined;
}

/**
 * Adds a slot that keeps what `ring` holds (`restrictKeyRing` first for another role), reads it back and opens it. Gives its id.
 * Throws an `AppError` (`input/invalid`) if there are as many slots as there may be.
 */
export async function addKeySlot(
  storage: Storage,
  ring: KeyRing,
  protection: SlotProtection,
  { random, clock, label = '', signal }: AddSlotOptions,
): Promise<string> {
  const { slots, damaged } = await readKeySlots(storage, { signal });
  if (slots.length + damaged.length >= maximumSlots) {
    throw new AppError(
      'input/invalid',
      `"${storage.location}" has ${maximumSlots} key slots, which is all it may have`,
      { hint: 'Remove one with "holdfast key remove"' },
    );
  }
  const id = toHex(random(16));
  const name = keySlotName(id);
  const bytes = await sealSlot(payloadOf(ring, label, clock.now()), protection, random);
  await storage.put(name, bytes, { ifAbsent: true, signal });
  const stored = await storage.read(name, { signal });
  const slot: KeySlot = { id, name, kind: protection.kind, bytes: stored };
  if (!equalBytes(stored, bytes) || !(await opens(slot, protection, ring))) {
    throw new AppError('repository/damaged', `The key slot "${name}" reads back differently`);
  }
  return id;
}

/** All slots, each tried with the credentials, and the errors of those that cannot be read. */
export async function listKeySlots(
  storage: Storage,
  credentials: Credentials,
  { signal }: CallOptions = {},
): Promise<{ slots: ListedSlot[]; damaged: AppError[] }> {
  const found = await readKeySlots(storage, { signal });
  const slots: ListedSlot[] = [];
  const damaged = [...found.damaged];
  for (const slot of found.slots) {
    signal?.throwIfAborted();
    try {
      const payload = await openKeySlot(slot, credentials);
      slots.push({ id: slot.id, kind: slot.kind, opened: payload });
    } catch (error) {
      if (!hasCode(error, 'repository/damaged')) throw error;
      damaged.push(error);
    }
  }
  return { slots, damaged };
}

/**
 * Removes a slot. `keeper` is the slot that the caller opened the repository with: it stays, so that one that opens is always left.
 * Whoever opened the removed slot before may have kept the keys. Throws an `AppError` (`input/invalid`) if the two are the same, or
 * `keeper` is gone, or there is no such slot.
 */
export async function removeKeySlot(
  storage: Storage,
  slotId: string,
  keeper: string | undefined,
  { signal }: CallOptions = {},
): Promise<void> {
  if (slotId === keeper) {
    throw new AppError('input/invalid', `Key "${slotId}" is the one that opened the repository`, {
      hint: 'Open it with another key to remove this one',
    });
  }
  const { slots, damaged } = await readKeySlots(storage, { signal });
  if (!slots.some(({ id }) => id === keeper)) {
    throw new AppError(
      'input/invalid',
      `Key "${slotId}" stays: no other key is known to open "${storage.location}"`,
      { hint: 'Add a key first, and open the repository with it' },
    );
  }
  const name = keySlotName(slotId);
  const isDamaged = damaged.some(({ details }) => details['object'] === name);
  if (!isDamaged && !slots.some(({ id }) => id === slotId)) {
    throw new AppError('input/invalid', `There is no key "${slotId}" in "${storage.location}"`);
  }
  await storage.delete(name, { signal });
}

/**
 * Puts a new slot in the place of the one that opened the repository, with the same role and label. The old one goes only after
 * the new one was read back and opened. Gives the new slot's id.
 */
export async function changePassphrase(
  storage: Storage,
  { ring, slotId, payload }: Pick<Unlocked, 'ring' | 'slotId' | 'payload'>,
  passphrase: Secret,
  options: Omit<AddSlotOptions, 'label'> & { readonly cost?: PassphraseCost | undefined },
): Promise<string> {
  const added = await addKeySlot(
    storage,
    ring,
    { kind: 'passphrase', passphrase, cost: options.cost },
    { ...options, label: payload?.label ?? '' },
  );
  if (slotId === undefined) return added;
  try {
    await removeKeySlot(storage, slotId, added, options);
  } catch (cause) {
    throw bothOpen(storage, slotId, cause);
  }
  return added;
}

/** Whoever changes a passphrase that others know has to be told that it still serves them. */
function bothOpen({ location }: Storage, slotId: string, cause: unknown): unknown {
  if (!hasCode(cause)) return cause;
  const message = `"${location}" opens with the new passphrase, and perhaps still with the old one: ${cause.message}`;
  return new AppError(cause.code, message, {
    cause,
    hint: `Remove the old key with the new passphrase: holdfast key remove ${slotId}`,
  });
}

/** Whether a new slot opens and keeps what it should. A public key's private half is elsewhere: its slot is not tried. */
async function opens(slot: KeySlot, protection: SlotProtection, ring: KeyRing): Promise<boolean> {
  if (protection.kind === 'public key') return true;
  const payload = await openKeySlot(
    slot,
    protection.kind === 'open'
      ? { kind: 'none' }
      : { kind: 'passphrase', passphrase: protection.passphrase },
  );
  return payload !== undefined && haveSamePublicKeys(ringOf(payload, ring), ring);
}
