import {
  createHash,
  createPrivateKey,
  createPublicKey,
  decapsulate as decapsulateMlKem,
  diffieHellman,
  encapsulate as encapsulateMlKem,
  type KeyObject,
} from 'node:crypto';

import { concatBytes, fromHex, utf8 } from '../../base/bytes.ts';
import type { RandomBytes } from '../../base/random.ts';
import { MalformedError } from '../binary/byte-reader.ts';

/**
 * X-Wing, the key encapsulation of draft-connolly-cfrg-xwing-kem: ML-KEM-768 with X25519, safe while either of them is
 * (docs/formats/native.md, section 3). `node:crypto` has both halves but takes and gives keys in DER only, so the raw keys are
 * put behind the fixed prefixes below.
 */
export const xWingSizes = {
  seed: 32,
  publicKey: 1216,
  ciphertext: 1120,
  sharedSecret: 32,
} as const;

const mlKemPublicSize = 1184;
const mlKemCiphertextSize = 1088;

/** PKCS#8 of an ML-KEM-768 key that is given by its 64-byte seed (RFC 9935: `[0] seed` in an octet string). */
const mlKemPrivatePrefix = fromHex('3054020100300b060960864801650304040204428040');
const mlKemPublicPrefix = fromHex('308204b2300b0609608648016503040402038204a100');
const x25519PrivatePrefix = fromHex('302e020100300506032b656e04220420');
const x25519PublicPrefix = fromHex('302a300506032b656e032100');
const label = utf8('\\.//^\\');

/** The private half, ready for use. Made from a seed by `keyPairFromSeed`; never leaves the thread. */
export interface XWingSecret {
  readonly mlKem: KeyObject;
  readonly x25519: KeyObject;
  /** Raw, 32 bytes: it goes into the shared secret. */
  readonly x25519Public: Uint8Array;
}

export interface XWingKeyPair {
  readonly publicKey: Uint8Array;
  readonly secret: XWingSecret;
}

export interface Encapsulation {
  readonly sharedSecret: Uint8Array;
  readonly ciphertext: Uint8Array;
}

/** The key pair that a seed of 32 bytes stands for. */
export function keyPairFromSeed(seed: Uint8Array): XWingKeyPair {
  if (seed.length !== xWingSizes.seed) throw new RangeError('An X-Wing seed has 32 bytes');
  const expanded = createHash('shake256', { outputLength: 96 }).update(seed).digest();
  const mlKem = privateKey(mlKemPrivatePrefix, expanded.subarray(0, 64));
  const x25519 = privateKey(x25519PrivatePrefix, expanded.subarray(64));
  const x25519Public = rawPublicKey(x25519, x25519PublicPrefix);
  return {
    publicKey: concatBytes(rawPublicKey(mlKem, mlKemPublicPrefix), x25519Public),
    secret: { mlKem, x25519, x25519Public },
  };
}

/**
 * A fresh secret for whoever holds the private half of `recipient` (1216 bytes). `random` gives the X25519 half; ML-KEM takes
 * its randomness from OpenSSL. Throws a `MalformedError` for a public key that is not one.
 */
export function encapsulate(recipient: Uint8Array, random: RandomBytes): Encapsulation {
  if (recipient.length !== xWingSizes.publicKey) {
    throw new MalformedError('X-Wing public key has a wrong length');
  }
  const x25519Recipient = recipient.subarray(mlKemPublicSize);
  const ephemeral = privateKey(x25519PrivatePrefix, random(32));
  const ephemeralPublic = rawPublicKey(ephemeral, x25519PublicPrefix);
  try {
    const mlKem = encapsulateMlKem(
      publicKey(mlKemPublicPrefix, recipient.subarray(0, mlKemPublicSize)),
    );
    const shared = diffieHellman({
      privateKey: ephemeral,
      publicKey: publicKey(x25519PublicPrefix, x25519Recipient),
    });
    return {
      sharedSecret: combine(mlKem.sharedKey, shared, ephemeralPublic, x25519Recipient),
      ciphertext: concatBytes(mlKem.ciphertext, ephemeralPublic),
    };
  } catch (cause) {
    throw new MalformedError('Not an X-Wing public key', { cause });
  }
}

/**
 * The secret in a ciphertext of 1120 bytes. A ciphertext made for another key gives another secret (ML-KEM rejects implicitly), so
 * the caller compares a commitment; one that cannot be a ciphertext at all throws a `MalformedError`.
 */
export function decapsulate(secret: XWingSecret, ciphertext: Uint8Array): Uint8Array {
  if (ciphertext.length !== xWingSizes.ciphertext) {
    throw new MalformedError('X-Wing ciphertext has a wrong length');
  }
  const ephemeralPublic = ciphertext.subarray(mlKemCiphertextSize);
  try {
    const mlKem = decapsulateMlKem(secret.mlKem, ciphertext.subarray(0, mlKemCiphertextSize));
    const shared = diffieHellman({
      privateKey: secret.x25519,
      publicKey: publicKey(x25519PublicPrefix, ephemeralPublic),
    });
    return combine(mlKem, shared, ephemeralPublic, secret.x25519Public);
  } catch (cause) {
    throw new MalformedError('Not an X-Wing ciphertext', { cause });
  }
}

function combine(
  mlKemSecret: Uint8Array,
  x25519Secret: Uint8Array,
  ephemeralPublic: Uint8Array,
  recipientPublic: Uint8Array,
): Uint8Array {
  const hash = createHash('sha3-256');
  for (const part of [mlKemSecret, x25519Secret, ephemeralPublic, recipientPublic, label]) {
    hash.update(part);
  }
  return new Uint8Array(hash.digest());
}

function privateKey(prefix: Uint8Array, raw: Uint8Array): KeyObject {
  return createPrivateKey({
    key: Buffer.from(concatBytes(prefix, raw)),
    format: 'der',
    type: 'pkcs8',
  });
}

function publicKey(prefix: Uint8Array, raw: Uint8Array): KeyObject {
  return createPublicKey({
    key: Buffer.from(concatBytes(prefix, raw)),
    format: 'der',
    type: 'spki',
  });
}

function rawPublicKey(key: KeyObject, prefix: Uint8Array): Uint8Array {
  const der = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return new Uint8Array(der.subarray(prefix.length));
}
