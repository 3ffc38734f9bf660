import type { Clock } from '../../base/clock.ts';
import type { CallOptions } from '../../base/call-options.ts';
import { AppError, hasCode } from '../../base/errors.ts';
import type { Storage } from '../../storage/storage.ts';
import type { ArchiveDirectory } from './archive-directory/archive-directory.ts';
import {
  type Synchronised,
  synchronise,
  type SynchroniseOptions,
} from './archive-directory/synchronise.ts';
import { type ArchiveFile, type BackupSet, setKey } from './collection/backup-set.ts';
import { type Collection, readCollection, sortCollection } from './collection/collection.ts';
import { crossCheck } from './collection/cross-check.ts';
import { type Finding, nameOf } from './collection/finding.ts';
import { signaturesOf } from './collection/signature-chain.ts';
import type { FileCoding } from './encryption/file-coding.ts';
import type { ChangedFile, Manifest } from './manifest/manifest.ts';
import { ManifestParser } from './manifest/parse-manifest.ts';
import { FileNaming } from './names/file-name.ts';

export interface DuplicityArchiveParts {
  readonly storage: Storage;
  readonly naming: FileNaming;
  readonly coding: FileCoding;
  readonly directory: ArchiveDirectory;
  readonly clock: Clock;
  /** Where volumes are kept while they are read or written. */
  readonly tempDirectory: string;
  /** The archive is to be made: a place that is not there yet is an empty one. Else it is an error, since it may be mistyped or not mounted. */
  readonly mayBeMissing?: boolean;
}

export interface ManifestOptions extends CallOptions {
  /** Keep the list of changed files. */
  readonly files?: boolean;
  /** Called for each changed file instead. */
  readonly onFile?: (file: ChangedFile) => void;
}

/**
 * An archive of duplicity's on a destination, with its local directory: what readers and writers are handed. It owns the storage and the
 * directory, and closes both when it is disposed of; in what is made with it nothing else has to be closed.
 */
export class DuplicityArchive implements AsyncDisposable {
  readonly storage: Storage;
  readonly naming: FileNaming;
  readonly coding: FileCoding;
  readonly directory: ArchiveDirectory;
  readonly clock: Clock;
  readonly tempDirectory: string;
  readonly #mayBeMissing: boolean;
  readonly #sound = new Set<string>();
  /** What was read last: several in turn want to know of the set that the next one builds upon. */
  #lastManifest: { readonly set: BackupSet; readonly manifest: Manifest } | undefined;

  constructor(parts: DuplicityArchiveParts) {
    this.storage = parts.storage;
    this.naming = parts.naming;
    this.coding = parts.coding;
    this.directory = parts.directory;
    this.clock = parts.clock;
    this.tempDirectory = parts.tempDirectory;
    this.#mayBeMissing = parts.mayBeMissing ?? false;
  }

  /**
   * Whether a storage holds files of duplicity's: a manifest, volume or signature file. One listing, left at the first such name.
   *
   * @throws whatever the storage throws
   */
  static async recognise(
    storage: Storage,
    naming: FileNaming = new FileNaming(),
    options: CallOptions = {},
  ): Promise<boolean> {
    for await (const { name } of storage.list('', options)) {
      if (naming.parse(name) !== undefined) return true;
    }
    return false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.directory[Symbol.asyncDispose]();
    } finally {
      await this.storage[Symbol.asyncDispose]();
    }
  }

  /** What the archive consists of; one listing. Throws as `readCollection` does. */
  async collection(options: CallOptions = {}): Promise<Collection> {
    try {
      return await readCollection(this.storage, this.naming, this.directory, options);
    } catch (error) {
      if (!this.#mayBeMissing || !hasCode(error, 'storage/not-found')) throw error;
      return sortCollection([], await this.directory.files(options));
    }
  }

  /** All findings, those of the manifests included; reads every manifest. Throws as `crossCheck` does. */
  crossCheck(collection: Collection, options: CallOptions = {}): Promise<Finding[]> {
    return crossCheck(collection, (set, more) => this.manifestOf(set, more), options);
  }

  /** Brings the local directory up to date with the destination. Throws as `synchronise` does. */
  synchronise(collection: Collection, options: SynchroniseOptions = {}): Promise<Synchronised> {
    this.#lastManifest = undefined;
    return synchronise(this, collection, { ...options, sound: this.#sound });
  }

  /**
   * The manifest of a set: the local copy when it lists as many volumes as there are, which it does unless it is damaged or stale, else that on
   * the destination. Of an interrupted set it is the unfinished one.
   *
   * @throws AppError `repository/damaged`, also when there is none; what the storage or the coding throws
   */
  async manifestOf(set: BackupSet, options: ManifestOptions = {}): Promise<Manifest> {
    if (options.files === true || options.onFile !== undefined) {
      return this.#readManifest(set, options);
    }
    options.signal?.throwIfAborted();
    if (this.#lastManifest !== undefined && isSameSet(this.#lastManifest.set, set)) {
      return this.#lastManifest.manifest;
    }
    const manifest = await this.#readManifest(set, options);
    this.#lastManifest = { set, manifest };
    return manifest;
  }

  async #readManifest(set: BackupSet, options: ManifestOptions): Promise<Manifest> {
    const remote = set.manifest;
    const local = set.local.find(
      ({ file }) => file.kind === 'manifest' && file.partial === (remote === undefined),
    );
    // Only a manifest that was taken may call `onFile`.
    const listed: ChangedFile[] = [];
    const collecting =
      options.onFile === undefined
        ? options
        : { ...options, onFile: (file: ChangedFile) => void listed.push(file) };
    const copy = local && (await this.#localManifest(set, local, collecting));
    if (copy === undefined || !copy.isTrusted) {
      try {
        if (remote !== undefined)
          return await this.#parse(remote, this.remote(remote, options), options);
      } catch (error) {
        // Whoever cannot decrypt, as where only the public key is, still has the copy.
        if (copy === undefined || !hasCode(error, 'repository/wrong-passphrase')) throw error;
      }
    }
    if (copy === undefined)
      throw new AppError('repository/damaged', `The ${nameOf(set)} has no manifest`);
    for (const file of listed) options.onFile?.(file);
    return copy.manifest;
  }

  /** `undefined` when the copy is damaged and there is another one; it is trusted when it fits what is on the destination. */
  async #localManifest(
    set: BackupSet,
    local: ArchiveFile,
    options: ManifestOptions,
  ): Promise<{ readonly manifest: Manifest; readonly isTrusted: boolean } | undefined> {
    try {
      const manifest = await this.#parse(local, this.local(local, options), options);
      const fits = manifest.problems.length === 0 && manifest.volumes.length === set.volumes.size;
      return { manifest, isTrusted: fits || set.manifest === undefined };
    } catch (error) {
      if (set.manifest === undefined) throw error;
      if (hasCode(error, 'repository/damaged', 'storage/not-found')) return undefined;
      throw error;
    }
  }

  async #parse(
    { name, file }: ArchiveFile,
    plain: AsyncIterable<Uint8Array>,
    { files = false, onFile }: ManifestOptions,
  ): Promise<Manifest> {
    const parser = new ManifestParser({
      name,
      files,
      unfinished: file.partial,
      ...(onFile && { onFile }),
    });
    for await (const piece of plain) parser.update(piece);
    return parser.finish();
  }

  /**
   * The tar of a set's signatures, from the local directory if it has them. A local copy that turns out to be damaged is removed, so that the next
   * run fetches it again.
   *
   * @throws AppError `repository/damaged`, also when there are none; what the storage or the coding throws
   */
  async *signaturesOf(
    set: BackupSet,
    options: CallOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const found = signaturesOf(set);
    if (found === undefined) {
      throw new AppError('repository/damaged', `The ${nameOf(set)} has no signatures`);
    }
    if (found.place === 'remote') {
      yield* this.remote(found.file, options);
      return;
    }
    try {
      yield* this.local(found.file, options);
    } catch (error) {
      if (!hasCode(error, 'repository/damaged')) throw error;
      await this.directory.remove(found.file.name);
      throw new AppError('repository/damaged', error.message, {
        cause: error,
        hint: 'The damaged copy in the archive directory has been removed: run the command again',
      });
    }
  }

  /** What a file on the destination holds, decoded. Throws what the storage and the coding throw. */
  async *remote(
    { name, file }: ArchiveFile,
    options: CallOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    yield* this.coding.decode(await this.storage.get(name, options), file.coding, options);
  }

  /** What a file in the local directory holds, decompressed. */
  local(
    { name, file }: ArchiveFile,
    options: CallOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    return this.coding.decode(this.directory.read(name, options), file.coding, options);
  }
}

/** Whether two are the same session with the same files that its manifest is read from and compared with. */
function isSameSet(left: BackupSet, right: BackupSet): boolean {
  if (left === right) return true;
  const text = ({ manifest, volumes, local }: BackupSet): string =>
    JSON.stringify([manifest, local, volumes.size]);
  return setKey(left) === setKey(right) && text(left) === text(right);
}
