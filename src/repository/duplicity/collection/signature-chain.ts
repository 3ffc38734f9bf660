/** The files that hold signatures, and which sets they belong to (docs/formats/duplicity.md 13, steps 4 and 5). */
import type { ArchiveFile, BackupSet } from './backup-set.ts';
import type { BackupChain } from './chain.ts';

export type Place = 'local' | 'remote';

/** A file of signatures and where it lies. */
export interface SignatureFile {
  readonly place: Place;
  readonly file: ArchiveFile;
}

/** Files that build upon one another, the full one first, as duplicity joins them. */
export interface SignatureChain {
  readonly place: Place;
  readonly files: readonly [ArchiveFile, ...ArchiveFile[]];
  readonly start: number;
  readonly end: number;
}

/** The chain that the next incremental set can build upon. */
export interface ActiveChain {
  readonly chain: BackupChain;
  /** The last set of the chain, which the next one builds upon. */
  readonly base: BackupSet;
  /** Of every set, in order; files in the archive directory are preferred. */
  readonly signatures: readonly SignatureFile[];
}

/** Joins files of one place to chains; `orphaned` fit none. */
export function joinSignatures(
  place: Place,
  files: readonly ArchiveFile[],
): { readonly chains: readonly SignatureChain[]; readonly orphaned: readonly ArchiveFile[] } {
  const growing: [ArchiveFile, ...ArchiveFile[]][] = [];
  const orphaned: ArchiveFile[] = [];
  const sorted = files.toSorted(
    (left, right) =>
      (left.file.start ?? -Infinity) - (right.file.start ?? -Infinity) ||
      left.file.end - right.file.end ||
      0,
  );
  for (const file of sorted) {
    if (file.file.set === 'full') growing.push([file]);
    else {
      const chain = growing.find((candidate) => candidate.at(-1)?.file.end === file.file.start);
      if (chain === undefined) orphaned.push(file);
      else chain.push(file);
    }
  }
  const chains = growing.map((chain): SignatureChain => ({
    place,
    files: chain,
    start: chain[0].file.end,
    end: chain.at(-1)?.file.end ?? chain[0].file.end,
  }));
  return { chains, orphaned };
}

/** The signatures of a set: in the archive directory, else on the destination, else `undefined`. */
export function signaturesOf(set: BackupSet): SignatureFile | undefined {
  const local = localSignatures(set);
  if (local !== undefined) return { place: 'local', file: local };
  return set.signatures && { place: 'remote', file: set.signatures };
}

/** Signatures in one place that are of no use, because those of an earlier set of the chain are lost. */
export function uselessSignatures({ sets }: BackupChain, place: Place): ArchiveFile[] {
  const lost = sets.findIndex((set) => signaturesOf(set) === undefined);
  if (lost === -1) return [];
  return sets
    .slice(lost)
    .map((set) => (place === 'remote' ? set.signatures : localSignatures(set)))
    .filter((file) => file !== undefined);
}

function localSignatures({ local }: BackupSet): ArchiveFile | undefined {
  return local.find(({ file }) => file.kind === 'signatures' && !file.partial);
}

/**
 * Whether the next incremental set can build upon a chain, which it does only upon the last of its sets: one that began at an earlier set would come in the
 * place of those behind it. What matters are signatures of the chain's own sets: others that are left over do no harm, unlike in duplicity, which gives a chain
 * up when a surplus file makes the signatures end later than the sets. A chain whose middle is lost is not built upon either: as soon as what was lost is there
 * again, the chain goes on as it was, and what had been added before the gap fits no chain.
 *
 * @param orphaned incremental sets that fit no chain: later ones are of this one, and one between is lost
 */
export function activeChain(
  chain: BackupChain,
  orphaned: readonly BackupSet[],
): ActiveChain | undefined {
  const signatures = chain.sets.map(signaturesOf).filter((file) => file !== undefined);
  const base = chain.sets.at(-1);
  const isWhole =
    signatures.length === chain.sets.length && orphaned.every(({ end }) => end <= chain.end);
  return isWhole && base !== undefined ? { chain, base, signatures } : undefined;
}
