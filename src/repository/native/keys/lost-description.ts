import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import { openObject, type SealedType } from '../../../codec/encryption/sealed-object.ts';
import type { Storage } from '../../../storage/storage.ts';
import { descriptionName, objectPrefixes, parseObjectName } from '../objects/object-name.ts';
import type { Credentials } from './credentials.ts';
import { describeRepository, descriptionHint, encodeDescription } from './description.ts';
import { deriveKeyRing, type KeyRing } from './key-ring.ts';
import { readKeySlots } from './key-slot.ts';
import { ringOf } from './slot-payload.ts';
import { openAnySlot } from './unlock.ts';

/** What every repository has besides `holdfast` and its key slots, under the index key. */
const witnesses = ['settings', 'host', 'index', 'seal'] as const satisfies readonly SealedType[];
/** So many objects of a kind are tried: any of them may be damaged as well. */
const ATTEMPTS = 5;

/** Whether a place without `holdfast` holds a repository all the same: something that is made after it. */
export async function isDescriptionLost(
  storage: Storage,
  options: CallOptions = {},
): Promise<boolean> {
  const prefixes = [...witnesses, 'final' as const];
  for (const type of prefixes) {
    for await (const _name of namesOf(storage, type, options)) return true;
  }
  return false;
}

/** The error for a place whose `holdfast` is gone, and nothing else. */
export function lostDescription(place: string): AppError {
  return new AppError(
    'repository/damaged',
    `"${descriptionName}", the description of the repository in "${place}", is gone; what it describes is there`,
    { details: { object: descriptionName }, hint: descriptionHint },
  );
}

/**
 * The bytes of a lost `holdfast`, from the root secret in a key slot or a recovery sheet (native.md, section 6): those it had, if the parameters are the
 * defaults. Throws an `AppError`: `repository/wrong-passphrase` if no slot opens or the sheet is another repository's, `repository/not-permitted` if what opens
 * is not an owner's, `repository/damaged` if nothing is there that could show that they belong to it.
 */
export async function recoverDescription(
  storage: Storage,
  credentials: Credentials,
  options: CallOptions = {},
): Promise<Uint8Array> {
  const ring = await ringFrom(storage, credentials, options);
  if (ring.ownerSeed === undefined) {
    throw new AppError(
      'repository/not-permitted',
      `Only an owner can write "${descriptionName}" again`,
      { hint: 'Use the passphrase of an owner, or the recovery sheet' },
    );
  }
  await requireOwn(storage, ring, credentials, options);
  return encodeDescription(describeRepository(ring), ring);
}

async function ringFrom(
  storage: Storage,
  credentials: Credentials,
  options: CallOptions,
): Promise<KeyRing> {
  if (credentials.kind === 'recovery') {
    return deriveKeyRing(credentials.root, credentials.repositoryId);
  }
  const slots = await readKeySlots(storage, options);
  const { payload } = await openAnySlot(storage, slots, credentials, options);
  return ringOf(payload);
}

/** Something that the repository's own keys open, and no other's. */
async function requireOwn(
  storage: Storage,
  ring: KeyRing,
  credentials: Credentials,
  options: CallOptions,
): Promise<void> {
  for (const type of witnesses) {
    let attempts = 0;
    for await (const name of namesOf(storage, type, options)) {
      if (++attempts > ATTEMPTS) break;
      try {
        openObject(ring, type, await storage.read(name, options));
        return;
      } catch (error) {
        const isOther = error instanceof MalformedError || hasCode(error, 'storage/not-found');
        if (!isOther) throw error;
      }
    }
  }
  const what = credentials.kind === 'recovery' ? 'The recovery sheet' : 'The key slot';
  throw new AppError(
    'repository/wrong-passphrase',
    `${what} does not belong to the repository in "${storage.location}": it opens nothing of what is there`,
  );
}

async function* namesOf(
  storage: Storage,
  type: (typeof witnesses)[number] | 'final',
  options: CallOptions,
): AsyncGenerator<string, void, undefined> {
  try {
    for await (const { name } of storage.list(objectPrefixes[type], options)) {
      if (parseObjectName(name)?.type === type) yield name;
    }
  } catch (error) {
    // The place itself is not there.
    if (!hasCode(error, 'storage/not-found')) throw error;
  }
}
