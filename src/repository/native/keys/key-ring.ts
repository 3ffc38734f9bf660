import { equalBytes } from '../../../base/bytes.ts';
import { AppError } from '../../../base/errors.ts';
import { hkdf } from '../../../codec/encryption/key-derivation.ts';
import { signerFromSeed } from '../../../codec/encryption/signature.ts';
import { keyPairFromSeed } from '../../../codec/encryption/x-wing.ts';
import { ownerSignerId, type ObjectSigner } from '../objects/signed-body.ts';
import type { Role } from './role.ts';

/**
 * What a role holds of a repository's keys (docs/formats/native.md, section 3). Plain data: it can be posted to a worker thread, and
 * must never be logged.
 */
export interface KeyRing {
  readonly role: Role;
  /** 16 bytes. */
  readonly repositoryId: Uint8Array;
  /** Names blobs and hard links. */
  readonly idKey: Uint8Array;
  /** Makes the chunker's table; writers and owners. */
  readonly chunkKey: Uint8Array | undefined;
  /** Seals records and tables of contents. */
  readonly indexKey: Uint8Array;
  /** X-Wing seed of trees and finals; not writers. */
  readonly metaSeed: Uint8Array | undefined;
  /** X-Wing seed of content; owners and readers. */
  readonly dataSeed: Uint8Array | undefined;
  readonly metaPublic: Uint8Array;
  readonly dataPublic: Uint8Array;
  /** Owners. */
  readonly ownerSeed: Uint8Array | undefined;
  readonly ownerPublic: Uint8Array;
  /** Owners. */
  readonly root: Uint8Array | undefined;
}

/** The keys that not every role holds, and what cannot be done without them. */
const abilities = {
  chunkKey: 'make backups',
  metaSeed: 'read names and snapshots',
  dataSeed: 'read the content of files',
  ownerSeed: 'register machines or change settings',
  root: 'add keys or export the recovery sheet',
} as const satisfies Partial<Record<keyof KeyRing, string>>;

export type OptionalKey = keyof typeof abilities;

/** Everything that follows from the root secret (32 bytes) and the repository id (16 bytes). */
export function deriveKeyRing(root: Uint8Array, repositoryId: Uint8Array): KeyRing {
  const derive = (label: string): Uint8Array => deriveKey(root, repositoryId, label);
  const metaSeed = derive('meta');
  const dataSeed = derive('data');
  const ownerSeed = derive('owner');
  return {
    role: 'owner',
    repositoryId,
    idKey: derive('id'),
    chunkKey: derive('chunk'),
    indexKey: derive('index'),
    metaSeed,
    dataSeed,
    metaPublic: keyPairFromSeed(metaSeed).publicKey,
    dataPublic: keyPairFromSeed(dataSeed).publicKey,
    ownerSeed,
    ownerPublic: signerFromSeed(ownerSeed).publicKey,
    root,
  };
}

/** What this ring cannot do without one of its keys, as a sentence; `undefined` if it has that key. */
export function describeMissing(ring: KeyRing, key: OptionalKey): string | undefined {
  return ring[key] === undefined
    ? `A key with the role "${ring.role}" cannot ${abilities[key]}`
    : undefined;
}

/** A key that not every role holds. Throws an `AppError` (`repository/not-permitted`) that says what cannot be done. */
export function requireKey(ring: KeyRing, key: OptionalKey): Uint8Array {
  const value = ring[key];
  if (value === undefined) {
    throw new AppError('repository/not-permitted', describeMissing(ring, key) ?? '', {
      hint: 'Use the passphrase of an owner',
    });
  }
  return value;
}

/** Signs as the owner key: settings and host certificates. Throws an `AppError` (`repository/not-permitted`) for other roles. */
export function ownerSigner(ring: KeyRing): ObjectSigner {
  return { id: ownerSignerId, sign: signerFromSeed(requireKey(ring, 'ownerSeed')).sign };
}

/** The ring with only what another role may hold. */
export function restrictKeyRing(ring: KeyRing, role: Role): KeyRing {
  if (role === 'owner') return ring;
  const reads = role !== 'writer';
  return {
    ...ring,
    role,
    chunkKey: role === 'writer' ? ring.chunkKey : undefined,
    metaSeed: reads ? ring.metaSeed : undefined,
    dataSeed: role === 'reader' ? ring.dataSeed : undefined,
    ownerSeed: undefined,
    root: undefined,
  };
}

/** Whether two rings belong to the same repository with the same public keys. */
export function haveSamePublicKeys(
  left: Pick<KeyRing, 'repositoryId' | 'ownerPublic' | 'metaPublic' | 'dataPublic'>,
  right: Pick<KeyRing, 'repositoryId' | 'ownerPublic' | 'metaPublic' | 'dataPublic'>,
): boolean {
  return (
    equalBytes(left.repositoryId, right.repositoryId) &&
    equalBytes(left.ownerPublic, right.ownerPublic) &&
    equalBytes(left.metaPublic, right.metaPublic) &&
    equalBytes(left.dataPublic, right.dataPublic)
  );
}

function deriveKey(root: Uint8Array, repositoryId: Uint8Array, label: string): Uint8Array {
  return hkdf(root, repositoryId, `holdfast/1 ${label}`, 32);
}
