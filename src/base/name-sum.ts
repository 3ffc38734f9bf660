/**
 * A number that stands for a set of names, in whatever order they come: to see whether two lists hold the same names without making either. It is no protection
 * against names that were chosen to deceive.
 *
 * Each name is hashed by FNV-1a (32 bits, draft-eastlake-fnv) in a loop of its own, whose hashes are summed: `sum = (sum + hash) | 0`.
 */
export const nameHashStart = 0x811c9dc5 | 0;

/** The hash of a name that goes on with one more byte. */
export function mixNameHash(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, 0x01000193);
}
