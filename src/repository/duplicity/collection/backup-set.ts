/** One backup session as its files show it (docs/formats/duplicity.md 1, 13). */
import { type ArchiveFileName, isExactName, type SetType } from '../names/file-name.ts';

/** A file that is part of an archive, on the destination or in the archive directory. */
export interface ArchiveFile {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** What the name says. */
  readonly file: ArchiveFileName;
}

/** The files of one session. */
export interface BackupSet {
  readonly type: SetType;
  /** Time of the set that an incremental one builds upon, in seconds since 1970; `undefined` for a full one. */
  readonly start: number | undefined;
  /** Time of the session. */
  readonly end: number;
  /** On the destination; a set without is not complete. */
  readonly manifest: ArchiveFile | undefined;
  /** By number, ascending. */
  readonly volumes: ReadonlyMap<number, ArchiveFile>;
  /** On the destination. */
  readonly signatures: ArchiveFile | undefined;
  readonly statistics: readonly ArchiveFile[];
  /** Files on the destination of which another one counts, and such that should not be there. */
  readonly others: readonly ArchiveFile[];
  /** Files of the same set in the archive directory, unfinished ones among them. */
  readonly local: readonly ArchiveFile[];
}

/** What tells sets apart: files with the same key are of the same set. */
export function setKey(set: Pick<ArchiveFileName, 'start' | 'end'>): string {
  return set.start === undefined ? `full ${set.end}` : `incremental ${set.start} ${set.end}`;
}

/** The unfinished manifest in the archive directory, if the set has no whole one: the run was interrupted and can go on. */
export function unfinishedManifest(set: BackupSet): ArchiveFile | undefined {
  if (set.manifest !== undefined) return undefined;
  return set.local.find(({ file }) => file.kind === 'manifest' && file.partial);
}

/** Whether the set's files are encrypted. */
export function isEncrypted({ manifest, volumes }: BackupSet): boolean {
  const [first] = volumes.values();
  return (manifest ?? first)?.file.coding === 'openpgp';
}

/** All files of a set on the destination. */
export function filesOf(set: BackupSet): ArchiveFile[] {
  return [
    ...(set.manifest === undefined ? [] : [set.manifest]),
    ...set.volumes.values(),
    ...(set.signatures === undefined ? [] : [set.signatures]),
    ...set.statistics,
    ...set.others,
  ];
}

/** Bytes that a set takes on the destination. */
export function storedSize(set: BackupSet): number {
  return filesOf(set).reduce((sum, { size }) => sum + size, 0);
}

/**
 * Makes a set of the files that have its key. Where two files would have the same part, the one counts whose name ends as
 * duplicity ends it, then the one that is encoded as the manifest is, then an encrypted one.
 */
export function setOf(remote: readonly ArchiveFile[], local: readonly ArchiveFile[]): BackupSet {
  const [first] = [...remote, ...local];
  if (first === undefined) throw new RangeError('A set has at least one file');
  const whole = remote.filter(({ file }) => !file.partial);
  const others = remote.filter(({ file }) => file.partial);
  const count = (candidates: readonly ArchiveFile[], coding?: string): ArchiveFile | undefined => {
    const [best, ...rest] = candidates.toSorted(preference(coding));
    others.push(...rest);
    return best;
  };
  const ofKind = (kind: ArchiveFileName['kind']): ArchiveFile[] =>
    whole.filter(({ file }) => file.kind === kind);
  const manifest = count(ofKind('manifest'));
  const coding = manifest?.file.coding;
  const byNumber = Map.groupBy(ofKind('volume'), ({ file }) => file.volume ?? 0);
  const volumes = Array.from(byNumber)
    .toSorted(([left], [right]) => left - right)
    .flatMap(([number, files]): [number, ArchiveFile][] => {
      const volume = count(files, coding === 'openpgp' ? coding : undefined);
      return volume === undefined ? [] : [[number, volume]];
    });
  const { set: type, start, end } = first.file;
  return {
    type,
    start,
    end,
    manifest,
    volumes: new Map(volumes),
    signatures: count(ofKind('signatures'), coding),
    statistics: ofKind('statistics'),
    others,
    local,
  };
}

function preference(coding?: string): (left: ArchiveFile, right: ArchiveFile) => number {
  const codings = ['openpgp', 'gzip', 'plain'];
  const rank = ({ name, file }: ArchiveFile): number =>
    (isExactName(name) ? 0 : 100) +
    (coding === undefined || file.coding === coding ? 0 : 10) +
    codings.indexOf(file.coding);
  return (left, right) =>
    rank(left) - rank(right) || (left.name < right.name ? -1 : left.name > right.name ? 1 : 0);
}
