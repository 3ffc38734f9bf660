import type { RandomBytes } from '../../../base/random.ts';
import { AppError, messageOf } from '../../../base/errors.ts';
import { MalformedError } from '../../../codec/binary/byte-reader.ts';
import type { Padding } from '../../../codec/encryption/padded-plaintext.ts';
import {
  openObject,
  sealObject,
  type SealedType,
  type SealingKeys,
} from '../../../codec/encryption/sealed-object.ts';
import type { Role } from '../keys/role.ts';
import { parseObjectName, type ObjectName } from './object-name.ts';
import {
  decodeSignedBody,
  describeSigner,
  encodeSignedBody,
  ownerSignerId,
  UnknownSignerError,
  type FindSigner,
  type KnownSigner,
  type ObjectSigner,
} from './signed-body.ts';

/** An object ready to be put. */
export interface NamedObject {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** What an object says, and who says so. */
export interface Signed<Value> {
  readonly value: Value;
  readonly signer: KnownSigner;
}

/** What it takes to publish a signed object. */
export interface Signing {
  readonly keys: SealingKeys;
  readonly signer: ObjectSigner;
  readonly random: RandomBytes;
}

/** What it takes to read one. */
export interface Verifying {
  readonly keys: SealingKeys;
  readonly findSigner: FindSigner;
}

/** Small records are filled up to a multiple of this many bytes. */
const smallPadding = 256;

/** Seals a signed record under the index key. */
export function sealSigned(
  type: SealedType,
  objectId: string,
  record: Uint8Array,
  { keys, signer, random }: Signing,
  padding: Padding = smallPadding,
): Uint8Array {
  const context = { type, repositoryId: keys.repositoryId, objectId };
  return sealObject(keys, type, encodeSignedBody(record, context, signer), padding, random);
}

/** The record in an object that `sealSigned` made, and its signer. Throws a `MalformedError` for anything else. */
export function openSigned(
  type: SealedType,
  objectId: string,
  bytes: Uint8Array,
  { keys, findSigner }: Verifying,
): { record: Uint8Array; signer: KnownSigner } {
  const context = { type, repositoryId: keys.repositoryId, objectId };
  return decodeSignedBody(openObject(keys, type, bytes), context, findSigner);
}

/**
 * Runs `decode` on what the name says, and gives every failure the object's name. Throws an `AppError`: `repository/damaged`, or what
 * `decode` threw if that was one.
 */
export function decodeNamed<Type extends ObjectName['type'], Value>(
  name: string,
  type: Type,
  decode: (parsed: Extract<ObjectName, { readonly type: Type }>) => Value,
): Value {
  const parsed = parseObjectName(name);
  try {
    if (!isOfType(parsed, type)) throw new MalformedError(`Not the name of an object "${type}"`);
    return decode(parsed);
  } catch (cause) {
    if (cause instanceof MalformedError) throw damagedObject(name, cause);
    if (cause instanceof AppError && !cause.message.includes(name)) {
      throw new AppError(cause.code, `"${name}": ${cause.message}`, {
        cause,
        ...(cause.hint === undefined ? {} : { hint: cause.hint }),
      });
    }
    throw cause;
  }
}

/** The error for an object that is not what it should be. */
export function damagedObject(name: string, cause: unknown): AppError {
  if (cause instanceof UnknownSignerError) {
    return new AppError('repository/damaged', `"${name}" cannot be verified: ${cause.message}`, {
      cause,
      details: { object: name, unknownSigner: cause.hostId },
    });
  }
  return new AppError('repository/damaged', `"${name}" is damaged or forged: ${messageOf(cause)}`, {
    cause,
    details: { object: name },
  });
}

/** The host whose certificate is missing, if that is all that keeps an object from being verified. */
export function unknownSignerOf(error: unknown): string | undefined {
  const host = error instanceof AppError ? error.details['unknownSigner'] : undefined;
  return typeof host === 'string' ? host : undefined;
}

/** Throws a `MalformedError` unless the signer holds one of the roles and is not revoked. */
export function requireRole(signer: KnownSigner, ...roles: readonly Role[]): void {
  if (!roles.includes(signer.role)) {
    throw new MalformedError(`Signed by ${describeSigner(signer)}, which may not`);
  }
  if (signer.state === 'revoked') {
    throw new MalformedError(`Signed by ${describeSigner(signer)}, which is revoked`);
  }
}

/** Throws a `MalformedError` unless the owner key itself signed. */
export function requireOwnerKey(signer: KnownSigner): void {
  if (signer.id !== ownerSignerId) {
    throw new MalformedError(`Signed by ${describeSigner(signer)} instead of the owner key`);
  }
}

function isOfType<Type extends ObjectName['type']>(
  parsed: ObjectName | undefined,
  type: Type,
): parsed is Extract<ObjectName, { readonly type: Type }> {
  return parsed?.type === type;
}
