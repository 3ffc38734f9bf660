import path from 'node:path';

import { AppError } from '../../../base/errors.ts';
import { type FileSystem, unlessMissing } from './file-system.ts';
import { translateError } from './translate-error.ts';

interface Identity {
  readonly device: bigint;
  readonly inode: bigint;
}

/**
 * The directory of a storage, and whether it is still the one that was opened. A disk that is pulled out leaves no directory, or an
 * empty one below the mount point: neither may pass for a storage without objects, nor be written to.
 */
export class Root {
  readonly directory: string;
  readonly #fileSystem: FileSystem;
  #seen: Identity | undefined;

  constructor(directory: string, fileSystem: FileSystem) {
    this.directory = path.resolve(directory);
    this.#fileSystem = fileSystem;
  }

  /**
   * True when the directory is there. False when it is not and never was since this storage was opened. Rejects with
   * `storage/unavailable` when it was there and is gone or has become another one.
   */
  async exists(): Promise<boolean> {
    const found = await this.#look();
    if (this.#seen === undefined) {
      if (found === undefined) await this.#refuseDeadLink();
      this.#seen = found;
      return found !== undefined;
    }
    if (found !== undefined && isSame(found, this.#seen)) return true;
    throw new AppError(
      'storage/unavailable',
      `The directory "${this.directory}" is no longer there`,
      {
        hint: 'Look whether the disk or network share that holds it is still connected and mounted',
      },
    );
  }

  /** Rejects with `storage/not-found` where `exists` gives false. */
  async require(): Promise<void> {
    if (await this.exists()) return;
    throw new AppError('storage/not-found', `There is no directory "${this.directory}"`, {
      hint: 'Look at the spelling, and whether the disk or network share that should hold it is mounted',
    });
  }

  /** Nothing can be made behind a link that leads nowhere, and what it should lead to may only not be mounted. */
  async #refuseDeadLink(): Promise<void> {
    const link = await unlessMissing(() => this.#fileSystem.lstat(this.directory));
    if (link?.isSymbolicLink() !== true) return;
    throw new AppError(
      'storage/access-denied',
      `"${this.directory}" is a symbolic link that leads nowhere`,
      { hint: 'Mount what it leads to, or make the directory there' },
    );
  }

  async #look(): Promise<Identity | undefined> {
    try {
      const found = await unlessMissing(() =>
        this.#fileSystem.stat(this.directory, { bigint: true }),
      );
      if (found === undefined) return undefined;
      if (found.isDirectory()) return { device: found.dev, inode: found.ino };
    } catch (error) {
      throw translateError(error, `open "${this.directory}"`);
    }
    throw new AppError('storage/access-denied', `"${this.directory}" is not a directory`);
  }
}

/**
 * A file system that is gone changes both numbers. One alone may change under a living storage: the device when an automounter mounts
 * it anew, the inode where FUSE makes inode numbers up.
 */
function isSame(left: Identity, right: Identity): boolean {
  return left.device === right.device || left.inode === right.inode;
}

/** The directories from the first that exists to `directory`, without the former: what has to be made, top down. */
export async function missingDirectories(
  fileSystem: FileSystem,
  directory: string,
): Promise<readonly string[]> {
  const missing: string[] = [];
  let current = directory;
  while ((await unlessMissing(() => fileSystem.stat(current))) === undefined) {
    missing.unshift(current);
    current = path.dirname(current);
  }
  return missing;
}
