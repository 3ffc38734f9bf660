import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import { collectAtMost } from '../../../storage/byte-stream.ts';
import type { Storage } from '../../../storage/storage.ts';
import { descriptionName } from '../objects/object-name.ts';
import { damagedObject } from '../objects/signed-object.ts';
import type { Credentials } from './credentials.ts';
import { decodeDescription, maximumDescriptionSize, type Description } from './description.ts';
import { deriveKeyRing, haveSamePublicKeys, type KeyRing } from './key-ring.ts';
import { openKeySlot, readKeySlots, type KeySlot, type KeySlots } from './key-slot.ts';
import { stretchingOf } from './passphrase-slot.ts';
import { ringOf, type SlotPayload } from './slot-payload.ts';
import { isSameStretching, type Stretching } from './stretching.ts';

/** An opened repository. */
export interface Unlocked {
  readonly ring: KeyRing;
  readonly description: Description;
  /** Which slot opened; `undefined` with a recovery sheet. */
  readonly slotId: string | undefined;
  /** What the slot keeps besides keys: label, date, a host key made for this machine. */
  readonly payload: SlotPayload | undefined;
}

/** Remembers which slot of a repository opened last, so that it is tried first, and how its passphrase was stretched. */
export interface SlotMemory {
  get(repositoryId: Uint8Array): Promise<RememberedSlot | undefined>;
  set(repositoryId: Uint8Array, slot: RememberedSlot): Promise<void>;
}

export interface RememberedSlot {
  readonly id: string;
  /** `undefined` if no passphrase opened it. */
  readonly stretching: Stretching | undefined;
}

export interface UnlockOptions extends CallOptions {
  readonly memory?: SlotMemory | undefined;
  /** `holdfast` and the key slots, where the caller has read them a moment ago. */
  readonly description?: Description;
  readonly keySlots?: Promise<KeySlots>;
  /** Called whenever a slot was begun to be opened, which for a passphrase keeps other threads busy for a moment, but not this one. */
  readonly onOpening?: (() => void) | undefined;
}

/** A slot that opened. */
interface OpenedSlot {
  readonly slot: KeySlot;
  readonly payload: SlotPayload;
}

/**
 * Opens a repository. Throws an `AppError`: `repository/missing` if there is none, `repository/wrong-passphrase` if no slot opens,
 * `repository/damaged` if the keys and `holdfast` do not belong together, `repository/unsupported` if a newer program is needed.
 */
export async function unlock(
  storage: Storage,
  credentials: Credentials,
  { memory, description: known, keySlots, onOpening, signal }: UnlockOptions = {},
): Promise<Unlocked> {
  // Both at once: on a remote storage they cost a round trip each.
  const [description, slots] = await Promise.all([
    known ?? readDescription(storage, { signal }),
    credentials.kind === 'recovery'
      ? Promise.resolve<KeySlots>({ slots: [], damaged: [] })
      : (keySlots ?? readKeySlots(storage, { signal })),
  ]);
  if (description === undefined) throw missing(storage, slots);
  if (credentials.kind === 'recovery') {
    const ring = deriveKeyRing(credentials.root, credentials.repositoryId);
    if (!haveSamePublicKeys(ring, description)) {
      throw new AppError(
        'repository/wrong-passphrase',
        `The recovery sheet belongs to another repository than "${storage.location}"`,
      );
    }
    return { ring, description, slotId: undefined, payload: undefined };
  }
  const remembered = await memory?.get(description.repositoryId);
  const opening = { first: remembered?.id, onOpening, signal };
  const { slot, payload } = await openAnySlot(storage, slots, credentials, opening);
  try {
    const ring = ringOf(payload, description);
    const opened = rememberedSlot(slot.id, slot.bytes, credentials);
    if (!isSame(opened, remembered)) await memory?.set(description.repositoryId, opened);
    return { ring, description, slotId: slot.id, payload };
  } catch (cause) {
    if (cause instanceof MalformedError) throw damagedObject(slot.name, cause);
    throw cause;
  }
}

/** What is remembered of a slot that these credentials have opened. */
export function rememberedSlot(
  id: string,
  bytes: Uint8Array,
  { kind }: Credentials,
): RememberedSlot {
  return { id, stretching: kind === 'passphrase' ? stretchingOf(bytes) : undefined };
}

/** What is remembered wrongly would be stretched in vain by every run. */
function isSame(opened: RememberedSlot, remembered: RememberedSlot | undefined): boolean {
  if (opened.id !== remembered?.id) return false;
  const [one, other] = [opened.stretching, remembered.stretching];
  return one === undefined || other === undefined ? one === other : isSameStretching(one, other);
}

/** `holdfast`, or `undefined` if there is none. */
export async function readDescription(
  storage: Storage,
  { signal }: CallOptions = {},
): Promise<Description | undefined> {
  try {
    // A stream, so that one call tells everything and an object of any size does no harm.
    const stream = await storage.get(descriptionName, { signal });
    const bytes = await collectAtMost(stream, maximumDescriptionSize);
    if (bytes === undefined) throw damagedObject(descriptionName, new MalformedError('Too large'));
    return decodeDescription(bytes);
  } catch (error) {
    if (hasCode(error, 'storage/not-found')) return undefined;
    throw error;
  }
}

/** The first slot that opens, trying the one with the id `first` first. Throws an `AppError` (`repository/wrong-passphrase`) if none does. */
export async function openAnySlot(
  storage: Storage,
  { slots, damaged }: KeySlots,
  credentials: Credentials,
  {
    first,
    onOpening,
    signal,
  }: Pick<UnlockOptions, 'onOpening' | 'signal'> & { readonly first?: string | undefined } = {},
): Promise<OpenedSlot> {
  const ordered = [
    ...slots.filter(({ id }) => id === first),
    ...slots.filter(({ id }) => id !== first),
  ];
  const failures: AppError[] = [...damaged];
  for (const slot of ordered) {
    signal?.throwIfAborted();
    try {
      const opening = openKeySlot(slot, credentials);
      onOpening?.();
      const payload = await opening;
      if (payload !== undefined) return { slot, payload };
    } catch (error) {
      // One damaged slot must not keep the others from opening.
      if (!hasCode(error, 'repository/damaged', 'repository/unsupported')) throw error;
      failures.push(error);
    }
  }
  throw noSlotOpens(storage, slots, failures, credentials);
}

function noSlotOpens(
  storage: Storage,
  slots: readonly KeySlot[],
  failures: readonly AppError[],
  credentials: Credentials,
): AppError {
  const place = `"${storage.location}"`;
  if (slots.length + failures.length === 0) {
    return new AppError('repository/damaged', `All key slots of ${place} are gone`, {
      hint: 'Open it with the recovery sheet',
    });
  }
  const what = {
    passphrase: `The passphrase opens none of the key slots of ${place}`,
    identity: `The identity file opens none of the key slots of ${place}`,
    none: `The repository in ${place} does not open without a passphrase`,
    recovery: `The recovery sheet opens none of the key slots of ${place}`,
  }[credentials.kind];
  const unusable =
    failures.length === 0 ? '' : `; ${failures.map(({ message }) => message).join('; ')}`;
  return new AppError('repository/wrong-passphrase', what + unusable, {
    hint: {
      passphrase:
        'Look at its spelling, and at where it comes from; a recovery sheet opens the repository, too (--recovery-sheet)',
      identity: 'Another identity may be meant; "holdfast key list" tells which keys there are',
      none: 'Give its passphrase, and leave --insecure-no-passphrase out',
      recovery: 'Each repository has a sheet of its own',
    }[credentials.kind],
    ...(failures.length === 0 ? {} : { cause: new AggregateError(failures) }),
    details: { slots: slots.length, damaged: failures.length },
  });
}

function missing(storage: Storage, { slots }: KeySlots): AppError {
  const place = `"${storage.location}"`;
  return slots.length === 0
    ? new AppError('repository/missing', `There is no repository in ${place}`, {
        hint: 'Make one with "holdfast init"',
      })
    : new AppError(
        'repository/missing',
        `The repository in ${place} has key slots but no "${descriptionName}": either its making was interrupted, or that is lost`,
        {
          hint: 'Where there is nothing else, "holdfast init" with the same passphrase completes it; otherwise "holdfast check --repair" writes it again',
        },
      );
}
