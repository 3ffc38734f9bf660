import type { ArchiveFile, BackupSet } from './backup-set.ts';
import type { BackupChain } from './chain.ts';
import type { Place } from './signature-chain.ts';

/** What is not as it should be in an archive. */
export type Finding =
  /** No manifest: a run was killed, is still going on elsewhere, or the manifest was lost. Nothing of it is restored. */
  | { readonly kind: 'incomplete-set'; readonly set: BackupSet }
  /** An unfinished run of this archive directory, that the next backup resumes. */
  | { readonly kind: 'interrupted-set'; readonly set: BackupSet }
  /** An incremental set without the one it builds upon. */
  | { readonly kind: 'orphaned-set'; readonly set: BackupSet }
  /** An incremental set in whose place a later one has come; times between the two give what was before both. */
  | { readonly kind: 'superseded-set'; readonly set: BackupSet; readonly by: BackupSet }
  /** Volumes that must be there and are not; at most the first thousand. */
  | {
      readonly kind: 'missing-volumes';
      readonly set: BackupSet;
      readonly volumes: readonly number[];
    }
  /** Volumes that are there though the manifest does not list them. */
  | {
      readonly kind: 'unlisted-volumes';
      readonly set: BackupSet;
      readonly volumes: readonly number[];
    }
  /** The manifest is there, but damaged or gone when it was read. */
  | { readonly kind: 'unreadable-manifest'; readonly set: BackupSet; readonly error: Error }
  /** The manifest can be used, but something in it is not right. */
  | { readonly kind: 'doubtful-manifest'; readonly set: BackupSet; readonly problem: string }
  /** The manifest was cut: it ends before a volume that there must be, so that what is in this one and those behind it cannot be restored. */
  | { readonly kind: 'cut-manifest'; readonly set: BackupSet; readonly volume: number }
  /** No signatures of a set: it can be restored, but not be listed or built upon. */
  | { readonly kind: 'missing-signatures'; readonly set: BackupSet }
  /** Signatures that fit no other ones, or of whose chain earlier ones are lost. */
  | { readonly kind: 'orphaned-signatures'; readonly place: Place; readonly file: ArchiveFile }
  /** Signatures of no complete set. They keep duplicity from making incremental sets when they follow a chain's last ones. */
  | { readonly kind: 'surplus-signatures'; readonly place: Place; readonly file: ArchiveFile }
  /** Files that have another one's place, or are unfinished; `counted` is the one that is used, if there is one. */
  | {
      readonly kind: 'extra-file';
      readonly set: BackupSet;
      readonly file: ArchiveFile;
      readonly counted: ArchiveFile | undefined;
    }
  /** Several complete sets of one time. */
  | { readonly kind: 'same-time-sets'; readonly sets: readonly BackupSet[] }
  /** A chain begins before another has ended: duplicity refuses to restore from between. */
  | { readonly kind: 'overlapping-chains'; readonly chains: readonly [BackupChain, BackupChain] };

/** A finding as a sentence, without a full stop; times are in UTC. */
export function describeFinding(finding: Finding): string {
  switch (finding.kind) {
    case 'incomplete-set':
      return finding.set.signatures === undefined
        ? `The ${nameOf(finding.set)} is not complete: it has no manifest`
        : `The ${nameOf(finding.set)} has all but its manifest, which is lost unless the backup was ended just before it: nothing of it can be restored`;
    case 'interrupted-set':
      return `The ${nameOf(finding.set)} was interrupted and can be resumed`;
    case 'orphaned-set':
      return `The ${nameOf(finding.set)} builds upon a set of ${shown(finding.set.start)}, which is not there`;
    case 'superseded-set':
      return `The ${nameOf(finding.set)} has been superseded by the one of ${shown(finding.by.end)}`;
    case 'missing-volumes':
      return `The ${nameOf(finding.set)} lacks ${listOf(finding.volumes)}`;
    case 'unlisted-volumes':
      return `The ${nameOf(finding.set)} has ${listOf(finding.volumes)}, which its manifest does not list`;
    case 'unreadable-manifest':
      return `The manifest of the ${nameOf(finding.set)} cannot be read: ${finding.error.message}`;
    case 'doubtful-manifest':
      return `The manifest of the ${nameOf(finding.set)} is doubtful: ${finding.problem}`;
    case 'cut-manifest':
      return `The manifest of the ${nameOf(finding.set)} is cut: it does not list volume ${finding.volume}`;
    case 'missing-signatures':
      return `The ${nameOf(finding.set)} has no signatures: it cannot be listed or built upon`;
    case 'orphaned-signatures':
      return `The signatures "${finding.file.name}" fit no chain`;
    case 'surplus-signatures':
      return `The signatures "${finding.file.name}" belong to no complete set`;
    case 'extra-file':
      return finding.counted === undefined
        ? `The file "${finding.file.name}" is not expected there`
        : `The file "${finding.file.name}" has the place of "${finding.counted.name}", which is used`;
    case 'same-time-sets':
      return `There are ${finding.sets.length} sets of ${shown(finding.sets[0]?.end)}`;
    case 'overlapping-chains': {
      const [first, second] = finding.chains;
      return `The chain of ${shown(second.start)} begins before the one of ${shown(first.start)} ends`;
    }
  }
}

/** "incremental set of 2023-11-15T22:13:20Z". */
export function nameOf({ type, end }: BackupSet): string {
  return `${type} set of ${shown(end)}`;
}

function shown(time: number | undefined): string {
  const date = new Date((time ?? 0) * 1000);
  return Number.isNaN(date.getTime()) ? String(time) : date.toISOString().replace('.000Z', 'Z');
}

function listOf(volumes: readonly number[]): string {
  const first = volumes.slice(0, 10).join(', ');
  const more = volumes.length - 10;
  const noun = volumes.length === 1 ? 'volume' : 'volumes';
  return more > 0 ? `${noun} ${first} and ${more} more` : `${noun} ${first}`;
}
