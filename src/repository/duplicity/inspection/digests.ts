import { createHash, type Hash } from 'node:crypto';

import { crc32 } from '../../../codec/compression/crc32.ts';

/** How the bytes of a file are summed up: by hashes that manifests name, or by CRC-32, which is against faults of this computer, not against anybody. */
export type DigestAlgorithm = 'CRC32' | 'MD5' | 'SHA1' | 'SHA256' | 'SHA512';

/** In hex digits. */
export type FoundDigests = ReadonlyMap<DigestAlgorithm, string>;

/** Several digests of the same bytes. */
export class Digests {
  readonly #hashes = new Map<DigestAlgorithm, Hash>();
  readonly #hasSum: boolean;
  #sum = 0;

  constructor(algorithms: readonly DigestAlgorithm[]) {
    this.#hasSum = algorithms.includes('CRC32');
    for (const algorithm of algorithms) {
      if (algorithm !== 'CRC32') this.#hashes.set(algorithm, createHash(algorithm));
    }
  }

  update(bytes: Uint8Array): void {
    if (this.#hasSum) this.#sum = crc32(bytes, this.#sum);
    for (const hash of this.#hashes.values()) hash.update(bytes);
  }

  /** Of all bytes; nothing may follow. */
  finish(): FoundDigests {
    const found = new Map<DigestAlgorithm, string>();
    if (this.#hasSum) found.set('CRC32', sumDigits(this.#sum));
    for (const [algorithm, hash] of this.#hashes) found.set(algorithm, hash.digest('hex'));
    return found;
  }
}

/** A CRC-32 as `Digests` gives it. */
export function sumDigits(sum: number): string {
  return sum.toString(16).padStart(8, '0');
}
