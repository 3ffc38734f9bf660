import type { ForgottenSnapshot } from '../objects/forget.ts';
import type { NamedObject } from '../objects/signed-object.ts';
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

/** How the certificate of a host is had again. */
export interface LostCertificate {
  readonly hostId: string;
  /** Undefined if this machine is that host: then it makes a new one. */
  readonly copy: NamedObject | undefined;
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
  /** Those that the index still counts as good. */
  readonly damagedPacks: readonly DamagedPack[];
  readonly certificates: readonly LostCertificate[];
  /** Other objects that are damaged or gone, from the copies that this machine keeps. */
  readonly copies: readonly NamedObject[];
  /** Damaged objects that nothing is lost with, by name. */
  readonly needless: readonly string[];
  /** The number to write settings with, where those that counted last are lost. */
  readonly settingsNumber: number | undefined;
  /** Snapshots that were sealed and are gone, and that no record which can be read forgets. */
  readonly missing: readonly ForgottenSnapshot[];
  /** Snapshots that were forgotten and are there again. */
  readonly returned: readonly string[];
}

export interface CheckResult {
  readonly findings: readonly CheckFinding[];
  readonly affected: readonly AffectedSnapshot[];
  /** Snapshots that are there and cannot be read, and those that are gone. */
  readonly unreadable: number;
  readonly gone: number;
  readonly snapshots: number;
  readonly packs: number;
  /** Packs that are damaged, by name. */
  readonly damagedPacks: readonly string[];
  readonly packsRead: number;
  readonly bytesRead: number;
  /** True if there is an error among the findings. */
  readonly damaged: boolean;
  readonly evidence: RepairEvidence;
}
