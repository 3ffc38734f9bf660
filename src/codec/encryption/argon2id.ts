import { argon2 } from 'node:crypto';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';

/** How much work Argon2id makes of a passphrase. */
export interface Argon2Cost {
  /** KiB. */
  readonly memory: number;
  readonly passes: number;
  readonly lanes: number;
}

/**
 * Argon2id, version 1.3 (RFC 9106), of a message and a salt; gives `length` bytes. The work is done in other threads.
 *
 * Rejects with an `Error` when the system gives no memory.
 */
export type Argon2id = (
  message: Uint8Array,
  salt: Uint8Array,
  cost: Argon2Cost,
  length: number,
) => Promise<Uint8Array>;

const deriveKey = promisify(argon2);

/** OpenSSL's, which works on one word of a block at a time. */
export const nodeArgon2id: Argon2id = (message, salt, { memory, passes, lanes }, length) =>
  deriveKey('argon2id', {
    message,
    nonce: salt,
    memory,
    passes,
    parallelism: lanes,
    tagLength: length,
  });

/** RustCrypto's, which uses the widest registers of the processor and large pages: a third of the time. `undefined` where the package has no binary. */
export function packageArgon2id(): Argon2id | undefined {
  let hashRaw: typeof import('@node-rs/argon2').hashRaw;
  try {
    ({ hashRaw } = createRequire(import.meta.url)(
      '@node-rs/argon2',
    ) as typeof import('@node-rs/argon2'));
  } catch {
    // Left out of the installation, or made for other processors and systems.
    return undefined;
  }
  return (message, salt, { memory, passes, lanes }, length) =>
    hashRaw(message, {
      algorithm: 2 satisfies import('@node-rs/argon2').Algorithm.Argon2id,
      salt,
      memoryCost: memory,
      timeCost: passes,
      parallelism: lanes,
      outputLen: length,
    });
}

let fastest: Argon2id | undefined;

/** By the fastest that there is here; all give the same. */
export const argon2id: Argon2id = (message, salt, cost, length) => {
  fastest ??= packageArgon2id() ?? nodeArgon2id;
  return fastest(message, salt, cost, length);
};
