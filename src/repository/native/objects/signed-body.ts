import { concatBytes, fromHex, toHex } from '../../../base/bytes.ts';
import { ByteReader, MalformedError } from '../../../codec/binary/byte-reader.ts';
import { ByteWriter } from '../../../codec/binary/byte-writer.ts';
import { parts, sha256 } from '../../../codec/encryption/key-derivation.ts';
import type { ObjectType } from '../../../codec/encryption/object-header.ts';
import {
  isValidSignature,
  signatureSize,
  type Signer,
} from '../../../codec/encryption/signature.ts';
import type { Role } from '../keys/role.ts';

const idSize = 16;

/** Stands for the owner key where a host id is expected. */
export const ownerSignerId = '0'.repeat(2 * idSize);

/** The object id of objects that are named by a hash. */
export const noObjectId = '00'.repeat(idSize);

/** Somebody who signs objects: a host, or the owner key. */
export interface ObjectSigner {
  /** Host id in hexadecimal, or `ownerSignerId`. */
  readonly id: string;
  readonly sign: Signer['sign'];
}

/** What a repository knows of a signer, from its certificate. */
export interface KnownSigner {
  readonly id: string;
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly role: Role;
  readonly state: SignerState;
  /** The last sequence number that counts of a revoked host. */
  readonly revokedAfter: number | undefined;
}

export type SignerState = 'active' | 'retired' | 'revoked';

/** Looks a signer up; `undefined` if no valid certificate names it. */
export type FindSigner = (id: string) => KnownSigner | undefined;

/** Nobody can tell whether an object is sound, because the certificate of its signer is not there or not valid. */
export class UnknownSignerError extends MalformedError {
  readonly hostId: string;

  constructor(hostId: string) {
    super(`Signed by host ${hostId}, of which there is no valid certificate`);
    this.hostId = hostId;
  }
}

/** What a signature is bound to besides the record. */
export interface SignatureContext {
  readonly type: ObjectType;
  readonly repositoryId: Uint8Array;
  /** In hexadecimal; `noObjectId` where the name is a hash. */
  readonly objectId: string;
}

/** The message that is signed (docs/formats/native.md, section 4); `digest` is the SHA-256 of the record. */
export function signedMessage(
  { type, repositoryId, objectId }: SignatureContext,
  digest: Uint8Array,
): Uint8Array {
  return concatBytes(parts('holdfast/1', 'signed', type), repositoryId, fromHex(objectId), digest);
}

/** `bytes record ‖ signer ‖ signature`. */
export function encodeSignedBody(
  record: Uint8Array,
  context: SignatureContext,
  signer: ObjectSigner,
): Uint8Array {
  return new ByteWriter(record.length + 96)
    .bytes(record)
    .raw(fromHex(signer.id))
    .raw(signer.sign(signedMessage(context, sha256(record))))
    .take();
}

/** The record and who signed it. Throws a `MalformedError` if nobody known did or the signature is wrong. */
export function decodeSignedBody(
  body: Uint8Array,
  context: SignatureContext,
  findSigner: FindSigner,
): { record: Uint8Array; signer: KnownSigner } {
  const reader = new ByteReader(body);
  const record = reader.bytes();
  const id = toHex(reader.raw(idSize));
  const signature = reader.raw(signatureSize);
  reader.end();
  const signer = findSigner(id);
  if (signer === undefined) throw new UnknownSignerError(id);
  if (!isValidSignature(signer.publicKey, signedMessage(context, sha256(record)), signature)) {
    throw new MalformedError(`Signature of ${describeSigner(signer)} is wrong`);
  }
  return { record, signer };
}

/** For messages. */
export function describeSigner({ id, role }: KnownSigner): string {
  return id === ownerSignerId ? 'the owner key' : `host ${id} (${role})`;
}
