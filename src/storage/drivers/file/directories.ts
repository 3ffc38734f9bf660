import path from 'node:path';

import type { Clock } from '../../../base/clock.ts';
import { AppError, systemCodeOf } from '../../../base/errors.ts';
import type { DirectorySync } from './directory-sync.ts';
import { type FileSystem, uninterrupted, unlessMissing } from './file-system.ts';
import { missingDirectories, type Root } from './root.ts';
import { isUnfinished, leftoverAge } from '../../temporary-name.ts';
import { translateError } from './translate-error.ts';

export interface DirectoriesContext {
  readonly fileSystem: FileSystem;
  readonly sync: DirectorySync;
  readonly clock: Clock;
  readonly warn: (problem: AppError) => void;
}

/**
 * Makes directories and makes them durable, once each. A directory that is already there may have been made by a process that died
 * before it could sync, so its entry is synced as well when it is first written to. On that occasion old leftovers in it go.
 */
export class Directories {
  readonly #root: Root;
  readonly #context: DirectoriesContext;
  readonly #ready = new Map<string, Promise<void>>();
  /** Directories that were seen not to be links. */
  readonly #checked = new Set<string>();

  constructor(root: Root, context: DirectoriesContext) {
    this.#root = root;
    this.#context = context;
  }

  /** Resolves when `directory`, the root or one below it, exists durably and can be written to. */
  async prepare(directory: string): Promise<void> {
    const known = this.#ready.get(directory);
    if (known !== undefined) return known;
    const ready = this.#prepare(directory);
    this.#ready.set(directory, ready);
    // A failure is for those who wait now; whoever comes later tries again.
    ready.catch(() => this.#ready.delete(directory));
    return ready;
  }

  /** Forgets what is known about a directory, which somebody seems to have removed, and about those above it. */
  forget(directory: string): void {
    for (const known of this.#ready.keys()) {
      if (directory === known || directory.startsWith(known + path.sep)) this.#ready.delete(known);
    }
    this.#checked.clear();
  }

  /** Rejects when a directory between the root and `directory` (inclusive) is a symbolic link: nothing outside the root is touched. */
  async refuseLinks(directory: string): Promise<void> {
    if (directory === this.#root.directory || this.#checked.has(directory)) return;
    await this.refuseLinks(path.dirname(directory));
    const found = await unlessMissing(() => this.#context.fileSystem.lstat(directory));
    if (found === undefined) return;
    if (!found.isSymbolicLink()) {
      this.#checked.add(directory);
      return;
    }
    throw new AppError(
      'storage/access-denied',
      `"${directory}" is a symbolic link, and those are not followed`,
      {
        hint: 'Mount the other directory there instead of linking to it',
      },
    );
  }

  async #prepare(directory: string): Promise<void> {
    if (directory === this.#root.directory) {
      await this.#prepareRoot();
    } else {
      await this.prepare(path.dirname(directory));
      await this.#make(directory);
      await this.refuseLinks(directory);
      await this.#context.sync.sync(path.dirname(directory));
    }
    await this.#sweep(directory);
  }

  async #prepareRoot(): Promise<void> {
    const { directory } = this.#root;
    if (!(await this.#root.exists())) {
      for (const missing of await missingDirectories(this.#context.fileSystem, directory)) {
        await this.#make(missing);
        await this.#context.sync.sync(path.dirname(missing));
      }
      await this.#root.require();
      return;
    }
    try {
      await this.#context.sync.sync(path.dirname(directory));
    } catch (error) {
      // The root was there before us, in a directory that we may not open: then it is not one that we made and failed to sync.
      if (systemCodeOf(error) !== 'EACCES') throw error;
    }
  }

  async #make(directory: string): Promise<void> {
    try {
      await uninterrupted(() => this.#context.fileSystem.mkdir(directory, { mode: 0o700 }));
    } catch (error) {
      if (systemCodeOf(error) !== 'EEXIST') throw error;
    }
  }

  /** Removes the unfinished files of writers that died at least a day ago. */
  async #sweep(directory: string): Promise<void> {
    const { fileSystem, clock, warn } = this.#context;
    try {
      const names = await uninterrupted(() => fileSystem.readdir(directory));
      for (const name of names.filter(isUnfinished)) {
        const file = path.join(directory, name);
        const found = await unlessMissing(() => fileSystem.lstat(file));
        if (found?.isFile() !== true || clock.now() - found.mtimeMs < leftoverAge) continue;
        await unlessMissing(() => fileSystem.unlink(file));
      }
    } catch (error) {
      const problem = translateError(error, `remove unfinished files in "${directory}"`);
      if (!(problem instanceof AppError)) throw problem;
      warn(problem);
    }
  }
}
