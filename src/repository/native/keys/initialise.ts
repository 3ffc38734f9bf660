import { equalBytes, toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import type { Clock } from '../../../base/clock.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import type { RandomBytes } from '../../../base/random.ts';
import type { Storage } from '../../../storage/storage.ts';
import {
  descriptionName,
  keySlotName,
  objectPrefixes,
  parseObjectName,
} from '../objects/object-name.ts';
import { defaultSettings, encodeSettings } from '../objects/settings.ts';
import type { NamedObject } from '../objects/signed-object.ts';
import type { Credentials } from './credentials.ts';
import { describeRepository, encodeDescription } from './description.ts';
import { deriveKeyRing, ownerSigner, type KeyRing } from './key-ring.ts';
import { type KeySlot, openKeySlot, readKeySlots } from './key-slot.ts';
import { sealSlot, type SlotProtection } from './seal-slot.ts';
import { payloadOf, ringOf } from './slot-payload.ts';
import { rememberedSlot, type SlotMemory, type Unlocked } from './unlock.ts';

export interface InitialiseOptions extends CallOptions {
  readonly random: RandomBytes;
  readonly clock: Clock;
  /** Of the first key slot; for people. */
  readonly label?: string;
  /** Told of the slot, which is the one to be tried first. */
  readonly memory?: SlotMemory;
}

/** What the first slot of a repository is opened with: something that the same command can open again to complete an interrupted one. */
export type FirstProtection = Exclude<SlotProtection, { readonly kind: 'public key' }>;

/**
 * Makes a repository in an empty place, or completes one whose making was interrupted (docs/formats/native.md, section 6). Two machines
 * at once cannot both succeed. Throws an `AppError`: `repository/exists` if there is one, `repository/occupied` if the place holds
 * anything else or somebody else is at work.
 */
export async function initialise(
  storage: Storage,
  protection: FirstProtection,
  options: InitialiseOptions,
): Promise<Unlocked> {
  const { signal, clock } = options;
  const found = await listNames(storage, options);
  const { ring, slot } =
    found.length === 0
      ? await putFirstSlot(storage, protection, options)
      : await reopenFirstSlot(storage, found, protection, options);
  await clock.sleep((storage.capabilities.listingLag ?? 0) * 1000, { signal });
  const others = (await listNames(storage, options)).filter(
    (name) => name !== keySlotName(slot.id),
  );
  if (others.length > 0) {
    // Only a slot of our own making: an earlier one may be the only key to what the others hold.
    if (found.length === 0) await storage.delete(keySlotName(slot.id), { signal });
    throw new AppError(
      'repository/occupied',
      `Somebody else put ${quoteNames(others)} into "${storage.location}" at the same time`,
      { hint: 'Look whether another machine made the repository, and open that' },
    );
  }
  await putDescription(storage, ring, options);
  await putFirstSettings(storage, ring, options);
  await options.memory?.set(
    ring.repositoryId,
    rememberedSlot(slot.id, slot.bytes, credentialsFor(protection)),
  );
  return { ring, description: describeRepository(ring), slotId: slot.id, payload: undefined };
}

/**
 * Writes a lost `holdfast` again, with default parameters. Throws an `AppError`: `repository/exists` if there is another one,
 * `repository/not-permitted` without the root.
 */
export async function putDescription(
  storage: Storage,
  ring: KeyRing,
  { signal }: CallOptions = {},
): Promise<void> {
  const bytes = encodeDescription(describeRepository(ring), ring);
  try {
    await storage.put(descriptionName, bytes, { ifAbsent: true, signal });
  } catch (error) {
    if (!hasCode(error, 'storage/already-exists')) throw error;
    // The same keys give the same bytes: then somebody completed what we were completing.
    if (!equalBytes(await storage.read(descriptionName, { signal }), bytes)) {
      throw exists(storage, error);
    }
  }
}

interface FirstSlot {
  readonly ring: KeyRing;
  readonly slot: Pick<KeySlot, 'id' | 'bytes'>;
}

async function putFirstSlot(
  storage: Storage,
  protection: FirstProtection,
  { random, clock, label = '', signal }: InitialiseOptions,
): Promise<FirstSlot> {
  const ring = deriveKeyRing(random(32), random(16));
  const id = toHex(random(16));
  const bytes = await sealSlot(payloadOf(ring, label, clock.now()), protection, random);
  await storage.put(keySlotName(id), bytes, { ifAbsent: true, signal });
  return { ring, slot: { id, bytes } };
}

async function reopenFirstSlot(
  storage: Storage,
  found: readonly string[],
  protection: FirstProtection,
  { signal }: InitialiseOptions,
): Promise<FirstSlot> {
  if (found.includes(descriptionName)) throw exists(storage);
  const [only] = found;
  if (found.length > 1 || only === undefined || parseObjectName(only)?.type !== 'key') {
    throw new AppError(
      'repository/occupied',
      `"${storage.location}" is not empty: it holds ${quoteNames(found)}`,
      { hint: 'Choose an empty place, or a new folder in this one' },
    );
  }
  const { slots, damaged } = await readKeySlots(storage, { signal });
  const [slot] = slots;
  const payload =
    slot === undefined ? undefined : await openKeySlot(slot, credentialsFor(protection));
  if (slot === undefined || payload === undefined) {
    throw new AppError(
      'repository/occupied',
      `In "${storage.location}" the making of a repository was interrupted, and ${
        slot === undefined
          ? 'its key slot is damaged'
          : 'this passphrase does not open its key slot'
      }`,
      {
        cause: damaged[0],
        hint: `Give the passphrase from then to complete it, or delete "${only}" to begin anew`,
      },
    );
  }
  return { ring: ringOf(payload), slot };
}

/**
 * Writes the first settings of a repository whose making was interrupted between `holdfast` and them, and gives them; `undefined` where
 * something shows that it was not. The caller has found neither settings nor host certificates.
 */
export async function completeInit(
  storage: Storage,
  ring: KeyRing,
  options: CallOptions & { readonly random: RandomBytes },
): Promise<NamedObject | undefined> {
  if (ring.ownerSeed === undefined) return undefined;
  for (const prefix of [objectPrefixes.final, objectPrefixes.seal])
    for await (const _ of storage.list(prefix, options)) return undefined;
  return putFirstSettings(storage, ring, options);
}

async function putFirstSettings(
  storage: Storage,
  ring: KeyRing,
  { random, signal }: CallOptions & { readonly random: RandomBytes },
): Promise<NamedObject> {
  const settings = { ...defaultSettings, number: 1, id: toHex(random(16)) };
  const object = encodeSettings(settings, { keys: ring, signer: ownerSigner(ring), random });
  await storage.put(object.name, object.bytes, { ifAbsent: true, signal });
  return object;
}

async function listNames(storage: Storage, { signal }: CallOptions): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of storage.list('', { signal })) names.push(name);
  } catch (error) {
    // The place itself is not there yet: it is made with the first object.
    if (names.length > 0 || !hasCode(error, 'storage/not-found')) throw error;
  }
  return names;
}

function credentialsFor(protection: FirstProtection): Credentials {
  return protection.kind === 'passphrase'
    ? { kind: 'passphrase', passphrase: protection.passphrase }
    : { kind: 'none' };
}

function exists(storage: Storage, cause?: unknown): AppError {
  return new AppError(
    'repository/exists',
    `There is a repository in "${storage.location}" already`,
    {
      cause,
    },
  );
}

function quoteNames(names: readonly string[]): string {
  const shown = names.slice(0, 3).map((name) => `"${name}"`);
  const more = names.length - shown.length;
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
}
