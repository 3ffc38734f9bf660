/** What the jitter of a job on a host is reckoned from: the same job comes equally late each time, others at other times. */
export const jitterKey = (host: string, job: string): string => `${host}/${job}`;

/** A number from 0 up to, not including, 1 that is always the same for a text, and different for similar ones. */
export function stableFraction(text: string): number {
  // FNV-1a, then the finishing steps of MurmurHash3, which spread what the last characters changed.
  let hash = 0x81_1c_9d_c5;
  for (const byte of new TextEncoder().encode(text)) {
    hash ^= byte;
    hash = Math.imul(hash, 0x01_00_01_93);
  }
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85_eb_ca_6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2_b2_ae_35);
  hash ^= hash >>> 16;
  return (hash >>> 0) / 2 ** 32;
}
