import path from 'node:path';

import type { CallOptions } from '../../../base/call-options.ts';
import { type Clock, systemClock } from '../../../base/clock.ts';
import { AppError } from '../../../base/errors.ts';
import type { Body } from '../../body.ts';
import { streamOf } from '../../byte-stream.ts';
import { defineDriver } from '../../driver.ts';
import { refused, withoutEffect } from '../../foreign-option.ts';
import { canStartName, checkObjectName } from '../../object-name.ts';
import type {
  GetOptions,
  PutOptions,
  Storage,
  StorageCapabilities,
  StorageObject,
} from '../../storage.ts';
import { Directories } from './directories.ts';
import { DirectorySync } from './directory-sync.ts';
import {
  type FileSystem,
  isMissing,
  systemFileSystem,
  uninterrupted,
  unlessMissing,
} from './file-system.ts';
import { listDirectory } from './list-directory.ts';
import { OpenObject } from './open-object.ts';
import { Root } from './root.ts';
import { isUnfinished } from '../../temporary-name.ts';
import { translateError } from './translate-error.ts';
import { UnfinishedFile } from './unfinished-file.ts';

export interface FileStorageContext {
  readonly clock?: Clock;
  readonly warn?: (problem: AppError) => void;
  readonly fileSystem?: FileSystem;
}

/**
 * Objects as files below a directory. A file is written under a temporary name, synced, renamed, and its directory synced; links
 * are not followed. The directory is made by the first `put`; a missing one is `storage/not-found`, also for a listing, and
 * `storage/unavailable` when it was there when the storage was opened: a disk that was pulled out never looks like an empty one.
 */
export class FileStorage implements Storage {
  readonly location: string;
  readonly localDirectories: readonly string[];
  readonly capabilities: StorageCapabilities = {
    atomicReplace: true,
    conditionalPut: true,
    listingLag: 0,
    modifiedTimes: true,
    concurrency: 4,
  };
  readonly #fileSystem: FileSystem;
  readonly #root: Root;
  readonly #sync: DirectorySync;
  readonly #directories: Directories;
  readonly #warn: (problem: AppError) => void;

  private constructor(root: Root, { clock, warn, fileSystem }: Required<FileStorageContext>) {
    this.#root = root;
    this.location = root.directory;
    this.localDirectories = [root.directory];
    this.#fileSystem = fileSystem;
    this.#sync = new DirectorySync(fileSystem);
    this.#warn = warn;
    this.#directories = new Directories(root, { fileSystem, sync: this.#sync, clock, warn });
  }

  /** Looks whether the directory is there; makes nothing. Rejects when something other than a directory is there. */
  static async open(directory: string, context: FileStorageContext = {}): Promise<FileStorage> {
    const { clock = systemClock, warn = () => undefined, fileSystem = systemFileSystem } = context;
    const root = new Root(directory, fileSystem);
    await root.exists();
    return new FileStorage(root, { clock, warn, fileSystem });
  }

  async put(
    name: string,
    body: Body,
    { signal, ifAbsent = false }: PutOptions = {},
  ): Promise<void> {
    signal?.throwIfAborted();
    const file = this.#fileOf(name);
    try {
      await this.#root.exists();
      const unfinished = await this.#create(file);
      try {
        signal?.throwIfAborted();
        const before = await unlessMissing(() => this.#fileSystem.lstat(file));
        // Only to save the writing: what decides is the link.
        if (ifAbsent && before !== undefined) throw alreadyThere(name);
        await unfinished.write(name, body, { signal });
        signal?.throwIfAborted();
        // From here on the object may be visible, so an abort comes too late.
        await (ifAbsent ? unfinished.publishNew() : unfinished.replace());
        await this.#settle(file, unfinished, before === undefined);
        if (ifAbsent) await this.#discard(unfinished, name);
      } catch (error) {
        await this.#discard(unfinished, name);
        throw error;
      }
    } catch (error) {
      if (isMissing(error)) {
        throw new AppError(
          'storage/access-denied',
          `Cannot store "${name}": one of its directories is a file or vanishes`,
          {
            cause: error,
          },
        );
      }
      throw translateError(error, `store "${name}" in "${this.location}"`);
    }
  }

  async get(name: string, { signal, range }: GetOptions = {}): Promise<ReadableStream<Uint8Array>> {
    const object = await this.#open(name, { signal, ...(range && { range }) });
    return streamOf(
      {
        next: () => this.#reading(name, () => object.next()),
        close: () => this.#reading(name, () => object.close()),
      },
      { signal },
    );
  }

  async read(name: string, { signal, range }: GetOptions = {}): Promise<Uint8Array> {
    const object = await this.#open(name, { signal, ...(range && { range }) });
    return this.#reading(name, async () => {
      try {
        const bytes = await object.rest();
        signal?.throwIfAborted();
        return bytes;
      } finally {
        await object.close();
      }
    });
  }

  async stat(name: string, { signal }: CallOptions = {}): Promise<StorageObject> {
    signal?.throwIfAborted();
    const file = this.#fileOf(name);
    return this.#reading(name, async () => {
      await this.#directories.refuseLinks(path.dirname(file));
      const found = await uninterrupted(() => this.#fileSystem.lstat(file));
      signal?.throwIfAborted();
      if (found.isDirectory())
        throw new AppError('storage/not-found', `No object "${name}": it is a directory`);
      if (!found.isFile())
        throw new AppError('storage/access-denied', `Cannot use "${name}": it is no regular file`);
      return { name, size: found.size, modified: found.mtimeMs };
    });
  }

  async *list(
    prefix: string,
    { signal }: CallOptions = {},
  ): AsyncGenerator<StorageObject, void, undefined> {
    signal?.throwIfAborted();
    await this.#root.require();
    if (!canStartName(prefix)) return;
    const name = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    const directory = path.join(this.#root.directory, name);
    try {
      await this.#directories.refuseLinks(path.resolve(directory));
      yield* listDirectory(this.#fileSystem, { directory, name }, prefix, { signal });
    } catch (error) {
      throw translateError(error, `list "${prefix}" in "${this.location}"`);
    }
    // What was missing on the way was deleted — or everything was, with the disk.
    await this.#root.require();
  }

  async delete(name: string, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const file = this.#fileOf(name);
    try {
      if (!(await this.#root.exists())) return;
      await this.#directories.refuseLinks(path.dirname(file));
      const found = await unlessMissing(() => this.#fileSystem.lstat(file));
      signal?.throwIfAborted();
      if (found?.isDirectory() === true) return;
      if (found !== undefined) await unlessMissing(() => this.#fileSystem.unlink(file));
      // Also when it was gone: whoever removed it may not have lived to make that durable.
      await unlessMissing(() => this.#sync.sync(path.dirname(file)));
      await this.#root.exists();
    } catch (error) {
      throw translateError(error, `delete "${name}" in "${this.location}"`);
    }
  }

  /** Nothing stays open between calls. */
  async [Symbol.asyncDispose](): Promise<void> {}

  #fileOf(name: string): string {
    checkObjectName(name);
    if (name.split('/').some(isUnfinished)) {
      throw new AppError(
        'input/invalid',
        `Cannot use "${name}" as an object name: it is reserved for unfinished files`,
      );
    }
    return path.join(this.#root.directory, name);
  }

  /** A file beside the object-to-be; its directory is made if need be, also when somebody has removed it since the last `put`. */
  async #create(file: string): Promise<UnfinishedFile> {
    const directory = path.dirname(file);
    await this.#directories.prepare(directory);
    try {
      return await UnfinishedFile.create(this.#fileSystem, file);
    } catch (error) {
      if (!isMissing(error)) throw error;
      this.#directories.forget(directory);
      await this.#directories.prepare(directory);
      return UnfinishedFile.create(this.#fileSystem, file);
    }
  }

  /** Makes the name durable. If that fails, a new object goes again: nobody may read what a power cut may take away. */
  async #settle(file: string, unfinished: UnfinishedFile, isNew: boolean): Promise<void> {
    try {
      await this.#sync.sync(path.dirname(file));
    } catch (error) {
      if (isNew && (await unfinished.isPublished()))
        await unlessMissing(() => this.#fileSystem.unlink(file));
      throw error;
    }
  }

  async #discard(unfinished: UnfinishedFile, name: string): Promise<void> {
    try {
      await unfinished.discard();
    } catch (error) {
      const problem = translateError(
        error,
        `remove what was written of "${name}" in "${this.location}"`,
      );
      if (!(problem instanceof AppError)) throw problem;
      this.#warn(problem);
    }
  }

  async #open(name: string, { signal, range }: GetOptions): Promise<OpenObject> {
    signal?.throwIfAborted();
    const file = this.#fileOf(name);
    const object = await this.#reading(name, async () => {
      await this.#directories.refuseLinks(path.dirname(file));
      return OpenObject.open(this.#fileSystem, file, name, range);
    });
    if (signal?.aborted !== true) return object;
    await object.close();
    throw signal.reason;
  }

  /** Translates; and "there is no such object" is said only of a storage that is there itself. */
  async #reading<Result>(name: string, call: () => Promise<Result>): Promise<Result> {
    try {
      return await call();
    } catch (error) {
      if (isMissing(error)) await this.#root.require();
      throw translateError(error, `read "${name}" in "${this.location}"`);
    }
  }
}

function alreadyThere(name: string): AppError {
  return new AppError('storage/already-exists', `Cannot store "${name}": it is already there`);
}

const mountedBefore =
  'Mount the disk at the same place each time, by its label or UUID (in /etc/fstab, for example), and name that place; a disk that is not there is noticed';

const noLogin = 'a directory has no login';

const shareInstead = 'Mount the share first, or write smb://USER@HOST/SHARE/PATH';

/** `file:///PATH`, or just a path. */
export const fileDriver = defineDriver({
  scheme: 'file',
  title: 'Directory on this machine, on an attached disk or a mounted share',
  urlForms: ['file:///path', '/path'],
  testedAgainst: 'ext4, tmpfs',
  options: [
    { name: 'path', kind: 'string', help: 'The directory', required: true },
    refused('alternate-target-paths', 'string', {
      reason: 'only the directory that the destination names is looked at',
      hint: mountedBefore,
    }),
    refused('alternate-destination-marker', 'string', {
      reason: 'disks are not searched for a marked directory',
      hint: mountedBefore,
    }),
    refused('force-smb-authentication', 'boolean', { reason: noLogin, hint: shareInstead }),
    refused('auth-username', 'string', { reason: noLogin, hint: shareInstead }),
    refused('auth-password', 'secret', { reason: noLogin, hint: shareInstead }),
    withoutEffect(
      'use-move-for-put',
      'every file is written beside its place under another name, synced, and then renamed',
    ),
    withoutEffect('disable-length-verification', 'whether all was written is always seen to'),
    withoutEffect(
      'disable-filename-sanitation',
      'the names of files are ours, and fit every file system',
    ),
  ],
  fromUrl(url) {
    if (url.host !== undefined && url.host !== 'localhost') {
      throw new AppError(
        'input/usage',
        `The URL "${url.scheme}://${url.host}${url.path}" names a host, and files have none`,
        {
          hint: 'Write an absolute path after three slashes, as in file:///mnt/disk, or only the path',
        },
      );
    }
    if (url.path === '') throw new AppError('input/usage', 'The file URL names no directory');
    return { path: url.path };
  },
  open: ({ path: directory }, { clock, warn }) => FileStorage.open(directory, { clock, warn }),
});
