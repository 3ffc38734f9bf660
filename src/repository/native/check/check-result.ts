import type { ListedPack } from '../index/index-list.ts';
import type { CataloguePack } from '../collector/catalogue.ts';

/** What a check found. */
export interface CheckFinding {
  /** `error`: data is lost or in danger; `warning`: worth knowing, nothing is lost. */
  readonly severity: 'warning' | 'error';
  /** Name of the object it is about, where there is one. */
  readonly object: string | undefined;
  /** A sentence that names it. */
  readonly message: string;
  /** Whether `check --repair` can do something about it. */
  readonly repairable: boolean;
}

/** A snapshot of which something is lost. */
export interface AffectedSnapshot {
  readonly id: string;
  readonly hostname: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Damaged files and unreadable directories, relative to the root of the snapshot; at most a thousand. */
  readonly paths: readonly Uint8Array[];
  readonly count: number;
}

/** A pack that is not what it should be. */
export interface DamagedPack {
  readonly name: string;
  /** What the index says of it, if anything. */
  readonly listed: ListedPack | undefined;
  /** SHA-256 of its own table, in hexadecimal, if that can be read. */
  readonly ownTable: string | undefined;
}

/** What a repair needs to know. */
export interface RepairEvidence {
  /** Sound packs that no index object names. */
  readonly unindexed: readonly CataloguePack[];
  /** Sound packs of which the index says something else than they themselves. */
  readonly mistaken: readonly CataloguePack[];
  /** Packs that the index names and that are gone. */
  readonly vanished: readonly string[];
  /** Index objects that cannot be read, by name. */
  readonly damagedIndex: readonly string[];
  readonly damagedPacks: readonly DamagedPack[];
  /** Snapshots that were forgotten and are there again. */
  readonly returned: readonly string[];
}

export interface CheckResult {
  readonly findings: readonly CheckFinding[];
  readonly affected: readonly AffectedSnapshot[];
  readonly snapshots: number;
  readonly packs: number;
  readonly packsRead: number;
  readonly bytesRead: number;
  /** True if there is an error among the findings. */
  readonly damaged: boolean;
  readonly evidence: RepairEvidence;
}
