import { createHash } from 'node:crypto';

import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { quotePath } from '../../../base/posix/system-error.ts';
import { encodeTarHeader } from '../../../codec/tar/tar-header.ts';
import { TarReader } from '../../../codec/tar/tar-reader.ts';
import type { TarEntry } from '../../../codec/tar/tar-entry.ts';
import type { ArchiveFile, BackupSet } from '../collection/backup-set.ts';
import type { Collection } from '../collection/collection.ts';
import type { DuplicityArchive } from '../duplicity-archive.ts';
import { compareIndex, isAtOrBelow } from '../index-order.ts';
import type { Manifest, ManifestVolume, VolumePosition } from '../manifest/manifest.ts';
import { type EntryName, parseSignatureName, parseVolumeName } from '../reader/entry-name.ts';
import { type SignatureEntry, SignatureState, signatureState } from '../reader/signature-state.ts';
import type { ChangedFiles } from './changed-files.ts';
import type { SignatureFile } from './signature-file.ts';
import type { KnownState, RestartPoint } from './source-merge.ts';
import { BEGUN_FILE_HASH } from './volume-sequence.ts';
import type { ResumedSet } from './write-set.ts';

/** What it takes to go on. */
export interface ContinueOptions extends CallOptions {
  /** Whether this computer can decrypt the archive. */
  readonly readable: boolean;
  /** Volumes that hold anything of this path, or of what comes behind it, are not kept. */
  readonly before?: Uint8Array | undefined;
  /** Whether a set with this manifest may go on. Throws where it has to stay as it is. */
  readonly belongs: (manifest: Manifest) => boolean;
  readonly notice: (message: string) => void;
}

/** How an interrupted set goes on. */
export interface Continuation {
  readonly state: (() => KnownState) | undefined;
  readonly resumed: ResumedSet;
}

/** The interrupted set that the next run goes on with: the newest of all sets. */
export function newestInterrupted({ interrupted, chains }: Collection): BackupSet | undefined {
  const newest = interrupted.at(-1);
  if (newest === undefined) return undefined;
  const latest = chains.reduce((most, { end }) => Math.max(most, end), 0);
  return newest.end > latest ? newest : undefined;
}

/**
 * Finds out how an interrupted set goes on (docs/formats/duplicity.md 12.4), whoever was interrupted. As in duplicity the last volume that is stored is not trusted. Unlike there,
 * what the run had noted down of the volumes that are kept is taken over, not made again of a source that may have changed since: signatures belong to the data that are stored.
 *
 * @param base the sets that the set builds upon: undefined for a full one, empty if they are gone
 * @returns undefined if nothing can be kept; what there was is removed then
 * @throws AppError `input/usage` with `details.mismatch` = `settings`; `repository/wrong-passphrase`; what `belongs` and the storage throw
 */
export async function continueInterrupted(
  archive: DuplicityArchive,
  set: BackupSet,
  base: readonly BackupSet[] | undefined,
  options: ContinueOptions,
): Promise<Continuation | undefined> {
  const manifest = await unfinishedManifestOf(archive, set, options);
  const kept =
    manifest === undefined || !options.belongs(manifest)
      ? []
      : keptVolumes(set, manifest, options.before);
  const first = set.volumes.get(1);
  const isPossible = base?.length !== 0 && first !== undefined && kept.length > 0;
  if (isPossible) {
    demandSameCoding(archive, first);
    await provePassphrase(archive, first, options);
    for (let count = kept.length; count > 0; count--) {
      const found = await continuation(archive, set, base, kept.slice(0, count), options);
      if (found === undefined) continue;
      await removeBehind(archive, set, count, options);
      return found;
    }
  }
  options.notice('What an interrupted backup left cannot be continued: it is removed');
  await discard(archive, set, options);
  return undefined;
}

async function unfinishedManifestOf(
  archive: DuplicityArchive,
  set: BackupSet,
  options: CallOptions,
): Promise<Manifest | undefined> {
  try {
    return await archive.manifestOf(set, options);
  } catch (error) {
    if (hasCode(error, 'repository/damaged')) return undefined;
    throw error;
  }
}

/** The volumes from the first on that are stored and described, without the last of those that are stored. */
function keptVolumes(
  set: BackupSet,
  manifest: Manifest,
  before: Uint8Array | undefined,
): ManifestVolume[] {
  let stored = 0;
  while (set.volumes.has(stored + 1)) stored++;
  const kept: ManifestVolume[] = [];
  for (const volume of manifest.volumes) {
    const isNext = volume.number === kept.length + 1 && volume.number < stored;
    if (!isNext || (before !== undefined && compareIndex(volume.end.path, before) >= 0)) break;
    kept.push(volume);
  }
  return kept;
}

function demandSameCoding(archive: DuplicityArchive, first: ArchiveFile): void {
  if (first.file.coding === archive.coding.coding) return;
  throw new AppError(
    'input/usage',
    `The interrupted backup "${first.name}" is encoded otherwise than what would be added now`,
    {
      hint: 'Use the settings it was begun with, or remove it with cleanup',
      details: { mismatch: 'settings' },
    },
  );
}

/** The beginning of the first volume tells whether the passphrase is the one it was begun with. */
async function provePassphrase(
  archive: DuplicityArchive,
  first: ArchiveFile,
  options: ContinueOptions,
): Promise<void> {
  if (!options.readable || first.file.coding !== 'openpgp') return;
  for await (const piece of archive.remote(first, options)) {
    void piece;
    break;
  }
}

/** How the set goes on behind these volumes; undefined if something is missing for that. */
async function continuation(
  archive: DuplicityArchive,
  set: BackupSet,
  base: readonly BackupSet[] | undefined,
  kept: readonly ManifestVolume[],
  options: ContinueOptions,
): Promise<Continuation | undefined> {
  const last = kept.at(-1);
  const part = set.local.find(({ file }) => file.kind === 'signatures' && file.partial);
  if (last === undefined || part === undefined) return undefined;
  const { end } = last;
  const noted = new NotedSignatures(archive, part, end);
  if (!(await noted.reach(options))) return undefined;
  const state = (): AsyncIterable<SignatureEntry> | undefined =>
    base && signatureState(archive, base, options);
  const recorded = last.hashes.get(BEGUN_FILE_HASH);
  if (end.block !== undefined && recorded === undefined && !options.readable) return undefined;
  const begun: RestartPoint['begun'] =
    end.block === undefined
      ? undefined
      : {
          blocks: end.block,
          isSame: async (digest) =>
            digest === (recorded ?? (await digestOfBegun(archive, set, kept, end.path, options))),
        };
  const where = end.path.length === 0 ? 'the root' : quotePath(end.path);
  options.notice(
    `Continuing an interrupted backup after volume ${last.number}, ${where}${end.block === undefined ? '' : `, block ${end.block}`}`,
  );
  const parents = new Map<string, boolean>();
  return {
    state: base && (() => new SignatureState(archive, base, options)),
    resumed: {
      volumes: kept,
      replay: (targets) => noted.replay(state(), targets, parents, options),
      restart: {
        path: end.path,
        begun,
        hasNoParent: (path) => hasNoParent(path, end.path, parents),
      },
    },
  };
}

/** What a run had noted down in its unfinished signature tar, up to the end of the last volume that is kept. */
class NotedSignatures {
  readonly #archive: DuplicityArchive;
  readonly #part: ArchiveFile;
  readonly #end: VolumePosition;

  constructor(archive: DuplicityArchive, part: ArchiveFile, end: VolumePosition) {
    this.#archive = archive;
    this.#part = part;
    this.#end = end;
  }

  /** Whether everything up to there is in it. */
  async reach(options: CallOptions): Promise<boolean> {
    let last: Uint8Array | undefined;
    try {
      for await (const { name } of this.#entries(options)) last = name.path;
    } catch (error) {
      if (hasCode(error, 'repository/damaged')) return false;
      throw error;
    }
    // Nothing comes before a root that is itself the file.
    if (last === undefined) return this.#end.block !== undefined && this.#end.path.length === 0;
    return this.#end.block !== undefined || compareIndex(last, this.#end.path) === 0;
  }

  /** Writes it down again; `parents` is told which of the directories around the end are there. */
  async replay(
    state: AsyncIterable<SignatureEntry> | undefined,
    { signatures, files }: { readonly signatures: SignatureFile; readonly files: ChangedFiles },
    parents: Map<string, boolean>,
    options: CallOptions,
  ): Promise<void> {
    const note = (path: Uint8Array, isDirectory: boolean): void => {
      if (isAtOrBelow(this.#end.path, path)) parents.set(latin1Of(path), isDirectory);
    };
    const known = state?.[Symbol.asyncIterator]();
    const nextKnown = async (): Promise<SignatureEntry | undefined> => {
      const next = await known?.next();
      const entry = next === undefined || next.done === true ? undefined : next.value;
      return entry !== undefined && compareIndex(entry.path, this.#end.path) <= 0
        ? entry
        : undefined;
    };
    try {
      let old = await nextKnown();
      for await (const { name, tar, content } of this.#entries(options)) {
        while (old !== undefined && compareIndex(old.path, name.path) < 0) {
          note(old.path, old.tar.type === 'directory');
          old = await nextKnown();
        }
        const before =
          old !== undefined && compareIndex(old.path, name.path) === 0 ? old.kind : undefined;
        if (before !== undefined) old = await nextKnown();
        note(name.path, name.kind !== 'deleted' && tar.type === 'directory');
        signatures.add(encodeTarHeader(tar), content);
        if (name.kind === 'signature') {
          files.add({ change: before === 'signature' ? 'changed' : 'new', path: name.path });
        } else if (name.kind === 'deleted' && before === 'signature') {
          files.add({ change: 'deleted', path: name.path });
        }
      }
      for (; old !== undefined; old = await nextKnown()) {
        note(old.path, old.tar.type === 'directory');
      }
    } finally {
      await known?.return?.();
    }
  }

  async *#entries(
    options: CallOptions,
  ): AsyncGenerator<{ name: EntryName; tar: TarEntry; content: Uint8Array }> {
    const reader = new TarReader(this.#archive.local(this.#part, options));
    try {
      for (let tar = await reader.next(); tar !== undefined; tar = await reader.next()) {
        const name = parseSignatureName(tar.name);
        if (name === undefined) throw new AppError('repository/damaged', 'A name makes no sense');
        const order = compareIndex(name.path, this.#end.path);
        if (order > 0 || (order === 0 && this.#end.block !== undefined)) return;
        const pieces: Uint8Array[] = [];
        for (let piece = await reader.read(); piece !== undefined; piece = await reader.read()) {
          pieces.push(Buffer.from(piece));
        }
        yield { name, tar, content: Buffer.concat(pieces) };
      }
    } finally {
      await reader.close();
    }
  }
}

/** What the blocks of a begun file are, from the volumes themselves. */
async function digestOfBegun(
  archive: DuplicityArchive,
  set: BackupSet,
  kept: readonly ManifestVolume[],
  path: Uint8Array,
  options: CallOptions,
): Promise<string> {
  const hash = createHash('sha1');
  for (const { number, end } of kept) {
    const file = set.volumes.get(number);
    if (file === undefined || compareIndex(end.path, path) !== 0) continue;
    const reader = new TarReader(archive.remote(file, options));
    try {
      for (let tar = await reader.next(); tar !== undefined; tar = await reader.next()) {
        const name = parseVolumeName(tar.name);
        if (name?.block === undefined || compareIndex(name.path, path) !== 0) continue;
        for (let piece = await reader.read(); piece !== undefined; piece = await reader.read()) {
          hash.update(piece);
        }
      }
    } finally {
      await reader.close();
    }
  }
  return hash.digest('hex');
}

/** Whether something behind the end lies in what is no directory in the set: it appeared since. */
function hasNoParent(
  path: Uint8Array,
  end: Uint8Array,
  parents: ReadonlyMap<string, boolean>,
): boolean {
  for (let at = path.lastIndexOf(0x2f); at > 0; at = path.lastIndexOf(0x2f, at - 1)) {
    const parent = path.subarray(0, at);
    if (compareIndex(parent, end) <= 0 && parents.get(latin1Of(parent)) !== true) return true;
  }
  return false;
}

/**
 * Removes what is stored behind the volumes that are kept: if the next run is interrupted, too, a volume that the manifest describes must not be one of the first run.
 */
async function removeBehind(
  archive: DuplicityArchive,
  set: BackupSet,
  kept: number,
  options: CallOptions,
): Promise<void> {
  const behind = Array.from(set.volumes).filter(([number]) => number > kept);
  for (const [, { name }] of behind.toReversed()) await archive.storage.delete(name, options);
  if (set.signatures !== undefined) await archive.storage.delete(set.signatures.name, options);
}

/** Removes an interrupted set: what is stored first, so that it stays known until all of it is gone. */
async function discard(
  archive: DuplicityArchive,
  set: BackupSet,
  options: CallOptions,
): Promise<void> {
  const volumes = Array.from(set.volumes.values()).toReversed();
  const stored = set.signatures === undefined ? volumes : [...volumes, set.signatures];
  for (const { name } of stored) await archive.storage.delete(name, options);
  const isManifest = ({ file }: ArchiveFile): number => (file.kind === 'manifest' ? 1 : 0);
  for (const { name } of set.local.toSorted(
    (left, right) => isManifest(left) - isManifest(right),
  )) {
    await archive.directory.remove(name, options);
  }
}

function latin1Of(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}
