import { toHex } from '../../base/bytes.ts';
import type { RandomBytes } from '../../base/random.ts';

const prefix = 'holdfast_scratch_';
const day = 24 * 3600 * 1000;

/** A name for a database that is removed again; it tells when it was made. */
export function scratchName(now: number, random: RandomBytes): string {
  return `${prefix}${Math.floor(now / 1000)}_${toHex(random(4))}`;
}

const pattern = /^holdfast_scratch_(\d{9,12})_[0-9a-f]{8}$/u;

/** Whether a database is one that a restore works on: no backup wants it. */
export const isScratchName = (name: string): boolean => pattern.test(name);

/** Those of the names that were made more than a day ago by programs that died before they could remove them. */
export function abandonedScratch(names: readonly string[], now: number): readonly string[] {
  return names.filter((name) => {
    const made = pattern.exec(name)?.[1];
    return made !== undefined && Number(made) * 1000 < now - day;
  });
}
