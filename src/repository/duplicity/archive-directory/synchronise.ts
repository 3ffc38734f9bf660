/** Keeps the local copies of manifests and signatures in step with the destination, which is always right (docs/formats/duplicity.md 12.3). */
import type { CallOptions } from '../../../base/call-options.ts';
import { type AppError, hasCode } from '../../../base/errors.ts';
import { eachPool } from '../../../base/pool.ts';
import type { Storage } from '../../../storage/storage.ts';
import { type ArchiveFile, type BackupSet, setKey } from '../collection/backup-set.ts';
import type { Collection } from '../collection/collection.ts';
import type { FileCoding } from '../encryption/file-coding.ts';
import { ManifestParser } from '../manifest/parse-manifest.ts';
import { type ArchiveDirectory, baseNameOf } from './archive-directory.ts';

/** What is to be done; names in the order in which it is done. */
export interface SynchronisationPlan {
  /**
   * Local files that the destination does not have, and unfinished ones of runs that have ended; but not those of a set whose volumes are there
   * and whose manifest is not.
   */
  readonly remove: readonly ArchiveFile[];
  /** Files on the destination of which there is no local copy, or a damaged one. */
  readonly fetch: readonly ArchiveFile[];
}

/** What was done. */
export interface Synchronised extends SynchronisationPlan {
  /** Files on the destination that are damaged, and were therefore not fetched. */
  readonly damaged: readonly { readonly file: ArchiveFile; readonly error: AppError }[];
}

export interface SynchroniseOptions extends CallOptions {
  /** The sets whose files are wanted; all complete ones unless told. Local copies of others are kept. */
  readonly sets?: readonly BackupSet[];
  /** Files fetched at once; 4 unless told, and no more than the storage likes. */
  readonly concurrency?: number;
  /** Names and sizes of local copies of manifests that were found to be whole before; those that are found now are added. */
  readonly sound?: Set<string>;
  /** Called before a local file is removed or a remote one fetched. */
  readonly onFile?: (action: 'remove' | 'fetch', file: ArchiveFile) => void;
}

/** What `synchronise` needs of an archive. */
export interface SynchronisedArchive {
  readonly storage: Storage;
  readonly directory: ArchiveDirectory;
  readonly coding: FileCoding;
}

/**
 * What would have to be done. An unfinished set is left alone: its `.part` files and whatever else there is of it.
 *
 * @throws AppError `local/unwritable`
 */
export async function planSynchronisation(
  { directory }: Pick<SynchronisedArchive, 'directory'>,
  collection: Collection,
  options: SynchroniseOptions = {},
): Promise<SynchronisationPlan> {
  const sets = options.sets ?? completeSets(collection);
  const committed = new Set(completeSets(collection).map((set) => setKey(set)));
  const isMetadata = ({ file }: ArchiveFile): boolean =>
    file.kind === 'manifest' || file.kind === 'signatures';
  const remoteNames = new Set(
    collection.remote.filter(isMetadata).map(({ name }) => baseNameOf(name)),
  );
  const locals = collection.local.filter(isMetadata);
  // A run that has died between storing its manifest and renaming its own files leaves unfinished ones of a set that is complete.
  const obsolete = locals.filter(({ file }) => file.partial && committed.has(setKey(file)));
  const doubtful = new Set(obsolete.map(({ file }) => `${file.kind} ${setKey(file)}`));
  // Where only the manifest is lost on the destination, this may be the last copy of it.
  const rescued = new Set(
    collection.incomplete.filter(({ volumes }) => volumes.size > 0).map((set) => setKey(set)),
  );
  const spurious = locals.filter(
    ({ name, file }) =>
      !file.partial &&
      !rescued.has(setKey(file)) &&
      (!remoteNames.has(baseNameOf(name)) || doubtful.has(`${file.kind} ${setKey(file)}`)),
  );
  const removed = new Set([...obsolete, ...spurious]);
  const kept = new Map(
    locals
      .filter((file) => !removed.has(file) && !file.file.partial)
      .map((file) => [baseNameOf(file.name), file]),
  );
  const fetch: ArchiveFile[] = [];
  for (const remote of sets.flatMap(({ manifest, signatures }) => [manifest, signatures])) {
    if (remote === undefined) continue;
    const copy = kept.get(baseNameOf(remote.name));
    if (copy === undefined || !(await isSound(directory, copy, remote, options)))
      fetch.push(remote);
  }
  return { remove: Array.from(removed), fetch };
}

/**
 * Removes and fetches what `planSynchronisation` finds. Files that cannot be decoded because they are damaged are left out and said; they
 * do not keep the others from being fetched.
 *
 * @throws AppError `local/unwritable`; what the storage throws; `repository/wrong-passphrase` and what else the coding throws
 */
export async function synchronise(
  archive: SynchronisedArchive,
  collection: Collection,
  options: SynchroniseOptions = {},
): Promise<Synchronised> {
  const plan = await planSynchronisation(archive, collection, options);
  const { directory, storage } = archive;
  for (const file of plan.remove) {
    options.onFile?.('remove', file);
    await directory.remove(file.name, options);
  }
  const damaged: { file: ArchiveFile; error: AppError }[] = [];
  const concurrency = Math.max(
    1,
    Math.min(options.concurrency ?? 4, storage.capabilities.concurrency),
  );
  await eachPool(
    plan.fetch,
    concurrency,
    async (file, inner) => {
      options.onFile?.('fetch', file);
      try {
        await fetchFile(archive, file, inner);
      } catch (error) {
        if (!hasCode(error, 'repository/damaged', 'storage/not-found')) throw error;
        damaged.push({ file, error });
      }
    },
    options,
  );
  return { ...plan, damaged };
}

function completeSets({ chains, orphaned }: Collection): BackupSet[] {
  return [...chains.flatMap(({ sets, superseded }) => [...sets, ...superseded]), ...orphaned];
}

/** Fetches one file and stores it as files are stored here. Nothing changes unless it is whole. */
async function fetchFile(
  { storage, directory, coding }: SynchronisedArchive,
  file: ArchiveFile,
  options: CallOptions,
): Promise<void> {
  const stored = await storage.get(file.name, options);
  await directory.store(
    directory.localNameOf(file),
    async (append) => {
      if (file.file.kind === 'manifest') {
        const parser = new ManifestParser({ name: file.name });
        for await (const piece of coding.decode(stored, file.file.coding, options)) {
          parser.update(piece);
          await append(piece);
        }
        parser.finish();
      } else if (file.file.coding === 'gzip') {
        // It is stored as it came; decompressing it only shows whether it is whole.
        for await (const piece of coding.decode(copied(stored, append), 'gzip', options)) {
          void piece;
        }
      } else {
        await using encoder = await coding.encoder('gzip', append, options);
        for await (const piece of coding.decode(stored, file.file.coding, options)) {
          await encoder.write(piece);
        }
        await encoder.finish();
      }
    },
    options,
  );
}

async function* copied(
  stored: AsyncIterable<Uint8Array>,
  append: (piece: Uint8Array) => Promise<void>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of stored) {
    await append(piece);
    yield piece;
  }
}

/** Whether a local copy looks whole, from what a look at it can tell. */
async function isSound(
  directory: ArchiveDirectory,
  copy: ArchiveFile,
  remote: ArchiveFile,
  options: SynchroniseOptions,
): Promise<boolean> {
  if (copy.file.kind === 'signatures') {
    if (copy.file.coding !== 'gzip') return copy.size > 0;
    for await (const piece of directory.read(copy.name, options)) {
      return copy.size >= 18 && piece[0] === 0x1f && piece[1] === 0x8b;
    }
    return false;
  }
  if (remote.file.coding === 'plain' && copy.size !== remote.size) return false;
  const known = `${copy.name} ${copy.size}`;
  if (options.sound?.has(known) === true) return true;
  const parser = new ManifestParser({ name: copy.name });
  try {
    for await (const piece of directory.read(copy.name, options)) parser.update(piece);
    const isWhole = parser.finish().problems.length === 0 || remote.file.coding === 'plain';
    if (isWhole) options.sound?.add(known);
    return isWhole;
  } catch (error) {
    if (hasCode(error, 'repository/damaged')) return false;
    throw error;
  }
}
