/** What a manifest says (docs/formats/duplicity.md 3). Paths are bytes, their components joined by "/", and the root is empty. */
import { compareIndex, cutToDepthOf } from '../index-order.ts';

/** The contents of a set, as its manifest tells them. */
export interface Manifest {
  readonly hostname: string | undefined;
  /** Where the backup was made of, as it was given. */
  readonly sourcePath: Uint8Array | undefined;
  /** Ascending by number. Of sections that are repeated the last one counts. */
  readonly volumes: readonly ManifestVolume[];
  /** Regular files that the set changes; `undefined` when there is no such list, or it was not asked for. */
  readonly files: readonly ChangedFile[] | undefined;
  /** Whether it has a list of files that is whole, and behind it no volume: then nothing was cut off. */
  readonly isListWhole: boolean;
  /** Lines outside the sections that say none of this; at most the first thousand. */
  readonly otherLines: readonly Uint8Array[];
  /** Sentences about what is not right though the rest can be used. */
  readonly problems: readonly string[];
}

export interface ManifestVolume {
  /** From 1. */
  readonly number: number;
  /** The first entry. Without a block it may still be the last block of a file that the volume before began. */
  readonly start: VolumePosition;
  /** The last entry. */
  readonly end: VolumePosition;
  /** Of the file as it is stored: by the algorithm in capitals ("SHA1"), in lower-case hexadecimal digits. */
  readonly hashes: ReadonlyMap<string, string>;
}

export interface VolumePosition {
  readonly path: Uint8Array;
  /** Set when the entry is a block of a file, and not its last one; from 1. */
  readonly block: number | undefined;
}

export interface ChangedFile {
  /** `new` is stored whole, `changed` as a difference. */
  readonly change: 'new' | 'changed' | 'deleted';
  readonly path: Uint8Array;
}

/** The number of the volume that a manifest should list next, if it was cut where it would: of what is stored there are more than it lists, or the last one ends in the middle of a file. */
export function firstCutOff(
  { volumes, isListWhole }: Pick<Manifest, 'volumes' | 'isListWhole'>,
  stored: Iterable<number>,
): number | undefined {
  // Else what is stored behind the last one is left of a run that was interrupted, and had less to store when it went on.
  if (isListWhole) return undefined;
  const last = volumes.at(-1);
  const next = (last?.number ?? 0) + 1;
  const isMore =
    last?.end.block !== undefined || Array.from(stored).some((number) => number >= next);
  return isMore ? next : undefined;
}

/**
 * The volumes that may hold `path` or something below it; all of them for the root (docs/formats/duplicity.md 14.1).
 */
export function volumesHolding(manifest: Manifest, path: Uint8Array): ManifestVolume[] {
  return manifest.volumes.filter(
    ({ start, end }) =>
      compareIndex(cutToDepthOf(start.path, path), path) <= 0 && compareIndex(path, end.path) <= 0,
  );
}

/**
 * In what two manifests of one set differ, as a sentence; `undefined` if they do not. Compared is what duplicity compares (numbers of
 * volumes, host, directory), and the hashes that both have.
 */
export function manifestDifference(left: Manifest, right: Manifest): string | undefined {
  if (left.hostname !== right.hostname) return 'They name different hosts';
  const [leftPath, rightPath] = [left.sourcePath, right.sourcePath];
  if (
    leftPath === undefined || rightPath === undefined
      ? leftPath !== rightPath
      : Buffer.compare(leftPath, rightPath) !== 0
  ) {
    return 'They name different directories';
  }
  if (left.volumes.length !== right.volumes.length) return 'They list different volumes';
  for (const [at, volume] of left.volumes.entries()) {
    const other = right.volumes[at];
    if (other?.number !== volume.number) return 'They list different volumes';
    for (const [algorithm, hash] of volume.hashes) {
      const expected = other.hashes.get(algorithm);
      if (expected !== undefined && expected !== hash) {
        return `They disagree on the ${algorithm} of volume ${volume.number}`;
      }
    }
  }
  return undefined;
}
