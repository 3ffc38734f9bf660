import { closeSync, lstatSync, type Stats } from 'node:fs';

import { asBuffer } from '../../base/bytes.ts';
import { AppError, systemCodeOf } from '../../base/errors.ts';
import { makeDirectoriesSync } from '../../base/make-directories.ts';
import { openDirectoryAt, openPathAt } from '../../base/posix/directory.ts';
import { AT_FDCWD } from '../../base/posix/linux-constants.ts';
import { quotePath } from '../../base/posix/system-error.ts';
import { posixSupport } from '../../base/posix/support.ts';
import { isValidName } from '../../model/entry.ts';
import { refusal, targetError } from './target-error.ts';

/** How a restore target is opened. */
export interface TargetTreeOptions {
  /** Makes the directory, and those above it, if it is missing. Default true. */
  readonly create?: boolean;
  /** How many directories stay open. Default 64. */
  readonly openDirectories?: number;
}

/**
 * The directory a restore writes to. Everything below is reached from its handle, one component after the other,
 * never through a symbolic link, whatever a repository says and whoever else changes the tree; so no path is too long.
 *
 * Each thread opens its own.
 */
export class TargetTree implements Disposable {
  readonly root: number;
  /** Least recently used first; keys are paths as latin-1 text. */
  readonly #open = new Map<string, number>();
  readonly #capacity: number;
  #lastPath = '';
  #lastDirectory: number;
  #pinned: number | undefined;

  private constructor(root: number, capacity: number) {
    this.root = root;
    this.#capacity = Math.max(capacity, 3);
    this.#lastDirectory = root;
  }

  /**
   * Opens the target; a symbolic link named by the user is followed.
   *
   * @throws AppError `target/unwritable`; `target/refused` on systems where a restore could not be kept inside
   */
  static open(
    root: string | Uint8Array,
    { create = true, openDirectories = 64 }: TargetTreeOptions = {},
  ): TargetTree {
    const support = posixSupport();
    if (!support.native) {
      const hint = 'Restore to an archive instead';
      const reason = support.reason ?? 'unknown';
      throw new AppError('target/refused', `Cannot restore to a directory here: ${reason}`, {
        hint,
      });
    }
    const path = Buffer.from(root as string);
    if (create) makeRoot(path);
    try {
      return new TargetTree(openDirectoryAt(AT_FDCWD, path, { follow: true }), openDirectories);
    } catch (cause) {
      throw targetError('open the restore target', path, cause);
    }
  }

  /**
   * A handle of an existing directory below the root, for the functions of `target-entry.ts`.
   *
   * @param path components separated by `/`; empty for the root
   * @returns a file descriptor that is good until the next call
   * @throws AppError `target/refused` for a bad path or a link in the way, `target/unwritable` if it is missing
   */
  directory(path: Uint8Array): number {
    const key = asBuffer(path).toString('latin1');
    if (key === this.#lastPath) return this.#lastDirectory;
    const directory = this.#find(key);
    this.#lastPath = key;
    this.#lastDirectory = directory;
    return directory;
  }

  /**
   * Handles of two directories that are good together, for a link from one to the other.
   *
   * @throws as `directory` does
   */
  directories(first: Uint8Array, second: Uint8Array): readonly [number, number] {
    this.#pinned = this.directory(first);
    try {
      return [this.#pinned, this.directory(second)];
    } finally {
      this.#pinned = undefined;
    }
  }

  /** Forgets what is open, so that directories can be removed or replaced. */
  forget(): void {
    for (const directory of this.#open.values()) closeSync(directory);
    this.#open.clear();
    this.#lastPath = '';
    this.#lastDirectory = this.root;
  }

  [Symbol.dispose](): void {
    if (this.#lastDirectory === -1) return;
    this.forget();
    this.#lastDirectory = -1;
    closeSync(this.root);
  }

  #find(path: string): number {
    if (path === '') return this.root;
    // Up to the deepest directory that is open, then down again.
    let known = path;
    let start: number | undefined;
    while (start === undefined && known !== '') {
      start = this.#use(known);
      if (start === undefined) known = parentOf(known);
    }
    let directory = start ?? this.root;
    while (known !== path) {
      const begin = known === '' ? 0 : known.length + 1;
      const end = path.indexOf('/', begin);
      known = end === -1 ? path : path.slice(0, end);
      directory = this.#enter(directory, path.slice(begin, end === -1 ? undefined : end), known);
    }
    return directory;
  }

  #use(path: string): number | undefined {
    const directory = this.#open.get(path);
    if (directory === undefined) return undefined;
    this.#open.delete(path);
    this.#open.set(path, directory);
    return directory;
  }

  #enter(parent: number, component: string, path: string): number {
    const name = Buffer.from(component, 'latin1');
    const where = Buffer.from(path, 'latin1');
    if (!isValidName(name)) throw refusal(where, 'its path leads elsewhere');
    let directory: number;
    try {
      directory = openPathAt(parent, name);
    } catch (cause) {
      const code = systemCodeOf(cause);
      if (code === 'ENOTDIR' || code === 'ELOOP') throw refusal(where, 'it is not a directory');
      throw targetError('open the directory', where, cause);
    }
    this.#open.set(path, directory);
    this.#trim();
    return directory;
  }

  #trim(): void {
    for (const [path, directory] of this.#open) {
      if (this.#open.size <= this.#capacity) return;
      if (directory === this.#pinned) continue;
      this.#open.delete(path);
      closeSync(directory);
    }
  }
}

function makeRoot(root: Buffer): void {
  try {
    makeDirectoriesSync(root);
  } catch (cause) {
    const code = systemCodeOf(cause) ?? '';
    if (!['EEXIST', 'ENOENT', 'ENOTDIR'].includes(code)) {
      throw targetError('make the restore target', root, cause);
    }
    const message = `Cannot make the restore target ${quotePath(root)}: ${obstacleOn(root)} (${code})`;
    throw new AppError('target/unwritable', message, { cause });
  }
}

/** Why a directory cannot be made although the system only says that something is there, or is not. */
function obstacleOn(path: Buffer): string {
  for (let place = path.toString('latin1'); place !== ''; place = parentOf(place)) {
    const bytes = Buffer.from(place, 'latin1');
    let found: Stats | undefined;
    try {
      found = lstatSync(bytes);
    } catch {
      continue;
    }
    if (found.isDirectory()) return `no directory can be made in ${quotePath(bytes)}`;
    if (found.isSymbolicLink()) return `the symbolic link ${quotePath(bytes)} leads nowhere`;
    return `${quotePath(bytes)} is not a directory`;
  }
  return 'there is nothing that it could be made in';
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash === -1 ? '' : path.slice(0, slash);
}
