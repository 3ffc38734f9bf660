import {
  createPrivateKey,
  createPublicKey,
  sign as signMessage,
  verify as verifyMessage,
  type KeyObject,
} from 'node:crypto';

import { concatBytes, fromHex, toHex } from '../../base/bytes.ts';

/** Ed25519 (RFC 8032) with raw keys and signatures. */
export const signatureSize = 64;
const signingKeySize = 32;

const privatePrefix = fromHex('302e020100300506032b657004220420');
const publicPrefix = fromHex('302a300506032b6570032100');

/** Holds one private key. */
export interface Signer {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 64 bytes. */
  readonly sign: (message: Uint8Array) => Uint8Array;
}

/** The signer that a seed of 32 bytes stands for. */
export function signerFromSeed(seed: Uint8Array): Signer {
  if (seed.length !== signingKeySize) throw new RangeError('An Ed25519 seed has 32 bytes');
  const key = createPrivateKey({
    key: Buffer.from(concatBytes(privatePrefix, seed)),
    format: 'der',
    type: 'pkcs8',
  });
  const der = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return {
    publicKey: new Uint8Array(der.subarray(publicPrefix.length)),
    sign: (message) => new Uint8Array(signMessage(null, message, key)),
  };
}

/** Whether `signature` (64 bytes) over `message` was made with the private half of `publicKey` (32 bytes). Never throws. */
export function isValidSignature(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (publicKey.length !== signingKeySize || signature.length !== signatureSize) return false;
  const key = importedKey(publicKey);
  return key !== undefined && verifyMessage(null, message, key, signature);
}

/** Importing costs as much as verifying; a repository has few signers and many signatures. */
const imported = new Map<string, KeyObject>();
const maximumImported = 256;

function importedKey(publicKey: Uint8Array): KeyObject | undefined {
  const name = toHex(publicKey);
  const known = imported.get(name);
  if (known !== undefined) return known;
  let key: KeyObject;
  try {
    key = createPublicKey({
      key: Buffer.from(concatBytes(publicPrefix, publicKey)),
      format: 'der',
      type: 'spki',
    });
  } catch {
    return undefined; // Not a point: nothing can be signed with it.
  }
  if (imported.size >= maximumImported) imported.clear();
  imported.set(name, key);
  return key;
}
