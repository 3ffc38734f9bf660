/** A full set and the incremental ones upon it (docs/formats/duplicity.md 13). */
import type { BackupSet } from './backup-set.ts';

export interface BackupChain {
  readonly full: BackupSet;
  /** In the order in which they build upon one another. */
  readonly incrementals: readonly BackupSet[];
  /** The full set and then the incremental ones. */
  readonly sets: readonly [BackupSet, ...BackupSet[]];
  /** Incremental sets in whose place a later one with the same start has come. */
  readonly superseded: readonly BackupSet[];
  /** Time of the full set, seconds since 1970. */
  readonly start: number;
  /** Time of the last set. */
  readonly end: number;
}

export interface Chains {
  /** By the time they end. */
  readonly chains: readonly BackupChain[];
  /** Incremental sets that fit no chain. */
  readonly orphaned: readonly BackupSet[];
}

interface GrowingChain {
  readonly full: BackupSet;
  readonly incrementals: BackupSet[];
  readonly superseded: BackupSet[];
}

/** Joins complete sets to chains as duplicity does (docs/formats/duplicity.md 13, step 3). */
export function joinChains(sets: readonly BackupSet[]): Chains {
  const chains: GrowingChain[] = [];
  const orphaned: BackupSet[] = [];
  for (const set of sets.toSorted(byTime)) {
    if (set.type === 'full') chains.push({ full: set, incrementals: [], superseded: [] });
    else if (!chains.some((chain) => append(chain, set))) orphaned.push(set);
  }
  return {
    chains: chains
      .map(({ full, incrementals, superseded }): BackupChain => ({
        full,
        incrementals,
        sets: [full, ...incrementals],
        superseded,
        start: full.end,
        end: (incrementals.at(-1) ?? full).end,
      }))
      .toSorted((left, right) => left.end - right.end || left.start - right.start),
    orphaned,
  };
}

function append(chain: GrowingChain, set: BackupSet): boolean {
  if (set.start === undefined || set.end <= set.start) return false;
  const last = chain.incrementals.at(-1);
  if (set.start === (last ?? chain.full).end) {
    chain.incrementals.push(set);
    return true;
  }
  // Sets come by time: this one is later.
  if (last === undefined || last.start !== set.start) return false;
  chain.incrementals[chain.incrementals.length - 1] = set;
  chain.superseded.push(last);
  return true;
}

/** By the time of the session; of several at one time the full one first. */
export function byTime(left: BackupSet, right: BackupSet): number {
  return left.end - right.end || (left.start ?? -Infinity) - (right.start ?? -Infinity) || 0;
}
