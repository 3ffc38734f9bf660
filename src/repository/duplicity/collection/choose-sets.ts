/** Which sets give the state of a time (docs/formats/duplicity.md 13, step 6). */
import { AppError } from '../../../base/errors.ts';
import type { BackupSet } from './backup-set.ts';
import type { BackupChain } from './chain.ts';
import type { Collection } from './collection.ts';

export interface ChosenSets {
  readonly chain: BackupChain;
  /** The full set and the incremental ones to apply, in order. */
  readonly sets: readonly [BackupSet, ...BackupSet[]];
  /** Time of the last of them, seconds since 1970: the state that a restore gives. */
  readonly time: number;
}

/**
 * The sets that give the newest state not later than `time` (seconds since 1970; without, the newest there is). A time before all
 * backups gives the first full one, as in duplicity. Where chains overlap, which duplicity refuses, the one counts whose
 * set is the newest.
 *
 * @throws AppError `snapshot/missing` when there is no chain
 */
export function chooseSets(collection: Collection, time = Infinity): ChosenSets {
  const chain = chainAt(collection.chains, time);
  if (chain === undefined) {
    throw new AppError('snapshot/missing', 'There is no complete backup in the archive');
  }
  const sets = setsUpTo(chain, time);
  return { chain, sets, time: (sets.at(-1) ?? chain.full).end };
}

/** The chain that covers a time, else the last one that ended before, else the oldest; `undefined` if there is none. */
export function chainAt(chains: readonly BackupChain[], time: number): BackupChain | undefined {
  const covering = chains.filter(({ start, end }) => start <= time && time <= end);
  if (covering.length > 0) {
    return covering.reduce((best, chain) => {
      const [bestEnd, end] = [best, chain].map((each) => setsUpTo(each, time).at(-1)?.end ?? 0);
      return (end ?? 0) > (bestEnd ?? 0) || (end === bestEnd && chain.start > best.start)
        ? chain
        : best;
    });
  }
  return chains.findLast(({ end }) => end < time) ?? chains[0];
}

/** The full set of a chain, and its incremental ones up to a time. */
export function setsUpTo(chain: BackupChain, time: number): [BackupSet, ...BackupSet[]] {
  return [chain.full, ...chain.incrementals.filter(({ end }) => end <= time)];
}
