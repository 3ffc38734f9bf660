/** What an archive consists of, from the names of its files alone (docs/formats/duplicity.md 13). */
import type { CallOptions } from '../../../base/call-options.ts';
import { AppError } from '../../../base/errors.ts';
import type { Storage } from '../../../storage/storage.ts';
import type { FileNaming } from '../names/file-name.ts';
import {
  type ArchiveFile,
  type BackupSet,
  setKey,
  setOf,
  unfinishedManifest,
} from './backup-set.ts';
import { type BackupChain, byTime, joinChains } from './chain.ts';
import type { Finding } from './finding.ts';
import {
  type ActiveChain,
  activeChain,
  joinSignatures,
  type Place,
  type SignatureChain,
  signaturesOf,
  uselessSignatures,
} from './signature-chain.ts';

export interface Collection {
  /** Files on the destination, by name. */
  readonly remote: readonly ArchiveFile[];
  /** Files in the archive directory, by name. */
  readonly local: readonly ArchiveFile[];
  /** By the time they end. */
  readonly chains: readonly BackupChain[];
  /** Of both places, by the time they end. */
  readonly signatureChains: readonly SignatureChain[];
  /** The newest chain, if the next incremental set can build upon it. */
  readonly active: ActiveChain | undefined;
  /** Sets without a manifest, by time, but for interrupted ones. */
  readonly incomplete: readonly BackupSet[];
  /** Incremental sets that fit no chain, by time. */
  readonly orphaned: readonly BackupSet[];
  /** Unfinished sets with a manifest in the archive directory, by time. */
  readonly interrupted: readonly BackupSet[];
  /** What the names alone show to be wrong. */
  readonly findings: readonly Finding[];
}

/** Where the local files come from; an archive directory is one. */
export interface LocalFiles {
  files(options?: CallOptions): Promise<readonly ArchiveFile[]>;
}

/**
 * Lists a destination once, and the archive directory, and sorts what is there. Names that are none of duplicity's are ignored.
 *
 * @throws whatever the storage throws: a listing that fails is never an empty archive; `repository/unsupported` when files were
 * encrypted by gpgsm
 */
export async function readCollection(
  storage: Storage,
  naming: FileNaming,
  local: LocalFiles | undefined,
  options: CallOptions = {},
): Promise<Collection> {
  const remote = await listArchive(storage, naming, options);
  return sortCollection(remote, (await local?.files(options)) ?? []);
}

/** The files of an archive on a destination, by name, from one listing. Throws as `readCollection` does. */
export async function listArchive(
  storage: Storage,
  naming: FileNaming,
  options: CallOptions = {},
): Promise<ArchiveFile[]> {
  const files: ArchiveFile[] = [];
  for await (const { name, size } of storage.list('', options)) {
    const file = naming.parse(name);
    if (file === undefined) continue;
    if (name.endsWith('.p7m')) {
      throw new AppError(
        'repository/unsupported',
        `Cannot read "${name}" in "${storage.location}": it was encrypted by gpgsm`,
      );
    }
    files.push({ name, size, file });
  }
  return files.toSorted(byName);
}

function byName(left: ArchiveFile, right: ArchiveFile): number {
  return left.name < right.name ? -1 : left.name > right.name ? 1 : 0;
}

/** Sorts files, whose names are all different within each place, into sets and chains. */
export function sortCollection(
  remote: readonly ArchiveFile[],
  local: readonly ArchiveFile[],
): Collection {
  const sets = groupSets(remote, local).toSorted(byTime);
  const complete = sets.filter(({ manifest }) => manifest !== undefined);
  const interrupted = sets.filter((set) => unfinishedManifest(set) !== undefined);
  const incomplete = sets.filter(
    (set) => set.manifest === undefined && unfinishedManifest(set) === undefined,
  );
  const { chains, orphaned } = joinChains(complete);
  const signatures = (['remote', 'local'] as const).map((place) => {
    const files = (place === 'remote' ? remote : local).filter(
      ({ file }) => file.kind === 'signatures' && !file.partial,
    );
    return { place, files, ...joinSignatures(place, files) };
  });
  const used = new Set(
    [...chains.flatMap(({ sets: joined }) => joined), ...interrupted].map((set) => setKey(set)),
  );
  const newest = chains.at(-1);
  return {
    remote,
    local,
    chains,
    signatureChains: signatures
      .flatMap((joined) => joined.chains)
      .toSorted((left, right) => left.end - right.end || left.start - right.start),
    active: newest && activeChain(newest, orphaned),
    incomplete,
    orphaned,
    interrupted,
    findings: [
      ...incomplete.map((set): Finding => ({ kind: 'incomplete-set', set })),
      ...interrupted.map((set): Finding => ({ kind: 'interrupted-set', set })),
      ...orphaned.map((set): Finding => ({ kind: 'orphaned-set', set })),
      ...sets.flatMap(extraFiles),
      ...complete.flatMap(gaps),
      ...chains.flatMap(findingsOfChain),
      ...overlaps(chains),
      ...sameTimes(complete),
      ...signatures.flatMap((joined) => {
        const { place, files, orphaned: unjoined } = joined;
        const useless = chains.flatMap((chain) => uselessSignatures(chain, place));
        return [
          ...useless.map((file): Finding => ({ kind: 'orphaned-signatures', place, file })),
          ...strayFindings(place, files, unjoined, used),
        ];
      }),
    ],
  };
}

/** Sets that have at least a manifest or a volume on the destination, or an unfinished manifest here. */
function groupSets(remote: readonly ArchiveFile[], local: readonly ArchiveFile[]): BackupSet[] {
  const byKey = ({ file }: ArchiveFile): string => setKey(file);
  const remoteFiles = Map.groupBy(remote, byKey);
  const localFiles = Map.groupBy(local, byKey);
  const isData = ({ file }: ArchiveFile): boolean =>
    file.kind === 'volume' || file.kind === 'manifest';
  const keys = new Set([
    ...remote.filter(isData).map(byKey),
    ...local.filter(({ file }) => file.kind === 'manifest' && file.partial).map(byKey),
  ]);
  return Array.from(keys, (key) => setOf(remoteFiles.get(key) ?? [], localFiles.get(key) ?? []));
}

function extraFiles(set: BackupSet): Finding[] {
  return set.others.map((file): Finding => {
    const { kind, volume, partial } = file.file;
    const counted =
      kind === 'volume'
        ? set.volumes.get(volume ?? 0)
        : kind === 'manifest'
          ? set.manifest
          : set.signatures;
    return { kind: 'extra-file', set, file, counted: partial ? undefined : counted };
  });
}

/** Numbers that are missing below the highest one. Every set has at least one volume. */
function gaps(set: BackupSet): Finding[] {
  const last = Array.from(set.volumes.keys()).at(-1) ?? 1;
  const volumes = missingNumbers(set.volumes, last);
  return volumes.length === 0 ? [] : [{ kind: 'missing-volumes', set, volumes }];
}

/** The numbers from 1 to `last` that a map does not have; at most the first thousand. */
export function missingNumbers(present: ReadonlyMap<number, unknown>, last: number): number[] {
  const missing: number[] = [];
  for (let number = 1; number <= last && missing.length < 1000; number++) {
    if (!present.has(number)) missing.push(number);
  }
  return missing;
}

function findingsOfChain({ sets, superseded }: BackupChain): Finding[] {
  return [
    ...superseded.flatMap((set): Finding[] => {
      const by = sets.find(({ start }) => start === set.start);
      return by === undefined ? [] : [{ kind: 'superseded-set', set, by }];
    }),
    ...sets
      .filter((set) => signaturesOf(set) === undefined)
      .map((set): Finding => ({ kind: 'missing-signatures', set })),
  ];
}

function overlaps(chains: readonly BackupChain[]): Finding[] {
  const byStart = chains.toSorted((left, right) => left.start - right.start);
  const found: Finding[] = [];
  let latest: BackupChain | undefined;
  for (const chain of byStart) {
    if (latest !== undefined && chain.start <= latest.end) {
      found.push({ kind: 'overlapping-chains', chains: [latest, chain] });
    }
    if (latest === undefined || chain.end > latest.end) latest = chain;
  }
  return found;
}

function sameTimes(complete: readonly BackupSet[]): Finding[] {
  return Array.from(Map.groupBy(complete, ({ end }) => end).values())
    .filter((sets) => sets.length > 1)
    .map((sets): Finding => ({ kind: 'same-time-sets', sets }));
}

/** Signatures of none of the sets whose keys are `used`. */
function strayFindings(
  place: Place,
  files: readonly ArchiveFile[],
  orphaned: readonly ArchiveFile[],
  used: ReadonlySet<string>,
): Finding[] {
  return files
    .filter(({ file }) => !used.has(setKey(file)))
    .map((file): Finding => ({
      kind: orphaned.includes(file) ? 'orphaned-signatures' : 'surplus-signatures',
      place,
      file,
    }));
}
