import { randomBytes } from 'node:crypto';

/** The source of randomness; tests that need fixed bytes (test vectors) pass their own. */
export type RandomBytes = (length: number) => Uint8Array;

export const systemRandom: RandomBytes = (length) => new Uint8Array(randomBytes(length));
