import type { RandomBytes } from '../../src/base/random.ts';
import { signerFromSeed } from '../../src/codec/encryption/signature.ts';
import { deriveKeyRing } from '../../src/repository/native/keys/key-ring.ts';
import type { ObjectSigner } from '../../src/repository/native/objects/signed-body.ts';

/** `count` bytes that count up from `first`. */
export function counting(first: number, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, index) => (first + index) & 255);
}

/** "Random" bytes that count up from 0, over all calls. */
export function countingRandom(): RandomBytes {
  let next = 0;
  return (length) => {
    const bytes = counting(next, length);
    next += length;
    return bytes;
  };
}

/** Ids and hashes in the vectors: one byte, repeated. */
export function repeated(byte: number, count: number): string {
  return byte.toString(16).padStart(2, '0').repeat(count);
}

export const root = counting(0x00, 32);
export const repositoryId = counting(0xa0, 16);
export const ring = deriveKeyRing(root, repositoryId);
export const hostId = repeated(0x11, 16);
export const hostSeed = counting(0x40, 32);
export const host: ObjectSigner & { readonly publicKey: Uint8Array } = {
  id: hostId,
  ...signerFromSeed(hostSeed),
};
export const snapshotId = repeated(0x22, 16);
export const runId = repeated(0x33, 16);
/** 2023-11-14T22:13:20Z, in milliseconds. */
export const time = 1_700_000_000_000;
export const passphrase = 'correct horse battery staple';
