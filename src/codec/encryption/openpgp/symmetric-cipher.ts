import { type Cipheriv, createCipheriv, createDecipheriv, type Decipheriv } from 'node:crypto';

import { unsupportedMessage } from './message-error.ts';

/** A block cipher in cipher feedback mode; sizes in bytes. */
export interface SymmetricCipher {
  readonly name: string;
  readonly keyLength: number;
  readonly blockLength: number;
}

export const aes256 = 9;

/** RFC 4880, 9.2 and RFC 5581: those that OpenSSL offers without its legacy part (so no IDEA, CAST5, Blowfish, Twofish). */
const ciphers: Readonly<Record<number, SymmetricCipher>> = {
  2: { name: 'des-ede3-cfb', keyLength: 24, blockLength: 8 },
  7: { name: 'aes-128-cfb', keyLength: 16, blockLength: 16 },
  8: { name: 'aes-192-cfb', keyLength: 24, blockLength: 16 },
  [aes256]: { name: 'aes-256-cfb', keyLength: 32, blockLength: 16 },
  11: { name: 'camellia-128-cfb', keyLength: 16, blockLength: 16 },
  12: { name: 'camellia-192-cfb', keyLength: 24, blockLength: 16 },
  13: { name: 'camellia-256-cfb', keyLength: 32, blockLength: 16 },
};

export function findCipher(algorithm: number): SymmetricCipher | undefined {
  return ciphers[algorithm];
}

/** Throws `repository/unsupported` for an algorithm that is not known here. */
export function cipherOf(algorithm: number): SymmetricCipher {
  const cipher = findCipher(algorithm);
  if (cipher === undefined) {
    throw unsupportedMessage(`uses the cipher ${algorithm}, which only gpg may know`);
  }
  return cipher;
}

/** Both start with a vector of zeros, as RFC 4880 wants everywhere but in secret keys (5.3, 5.13). */
export function encryptWith(cipher: SymmetricCipher, key: Uint8Array): Cipheriv {
  return createCipheriv(cipher.name, key, new Uint8Array(cipher.blockLength));
}

export function decryptWith(cipher: SymmetricCipher, key: Uint8Array): Decipheriv {
  return createDecipheriv(cipher.name, key, new Uint8Array(cipher.blockLength));
}
