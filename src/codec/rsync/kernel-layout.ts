/** Where things are in the memory of the kernel (tools/build-rsync-kernel.ts), as addresses in bytes, and the limits it works with. */
export const layout = {
  /** The last digest, or the last four; never 0, which stands for "no digest". */
  digest: 64,
  /** Four ends of messages with their padding, 128 bytes each. */
  tails: 128,
  /** Which word of a message comes when in BLAKE2b. */
  sigma: 640,
  /** The chaining value of BLAKE2b. */
  state: 896,
  /** From here on the memory is the caller's. */
  free: 1024,
  /** How many slots of the table are looked at for one sum. */
  probes: 128,
} as const;
