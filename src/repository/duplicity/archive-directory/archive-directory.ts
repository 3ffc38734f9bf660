/** The local directory of an archive: copies of manifests and signatures, never encrypted (docs/formats/duplicity.md 12.1). */
import { constants } from 'node:fs';
import { mkdtemp, open, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';

import { toHex } from '../../../base/bytes.ts';
import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, messageOf, systemCodeOf } from '../../../base/errors.ts';
import { makeDirectories } from '../../../base/make-directories.ts';
import type { FileLock } from '../../../base/posix/file-lock.ts';
import { tryLockRecord } from '../../../base/posix/record-lock.ts';
import { systemRandom } from '../../../base/random.ts';
import type { ArchiveFile } from '../collection/backup-set.ts';
import type { LocalFiles } from '../collection/collection.ts';
import type { FileNaming } from '../names/file-name.ts';

export interface OpenArchiveDirectoryOptions extends CallOptions {
  /** Keep everybody else out, the real program among them, until the directory is closed; so it is unless told. */
  readonly lock?: boolean;
}

/** What a file is called until it is whole; such files of a run that died are removed by the next. */
const unfinishedName = /^(?:holdfast-[0-9a-f]+|\.[0-9a-f]+)\.unfinished(?:-\d+)?$/u;
const pieceSize = 256 * 1024;

/** An archive directory that is held open. Close it with `await using`: that ends the lock. */
export class ArchiveDirectory implements LocalFiles, AsyncDisposable {
  readonly path: string;
  readonly naming: FileNaming;
  readonly #lock: FileLock | undefined;
  readonly #isTemporary: boolean;

  private constructor(
    directory: string,
    naming: FileNaming,
    { lock, isTemporary }: { readonly lock?: FileLock | undefined; readonly isTemporary: boolean },
  ) {
    this.path = directory;
    this.naming = naming;
    this.#lock = lock;
    this.#isTemporary = isTemporary;
  }

  /**
   * Opens a directory, and makes it if it is missing.
   *
   * @throws AppError `repository/locked` when somebody else uses it; `local/unwritable`
   */
  static async open(
    directory: string,
    naming: FileNaming,
    { signal, lock: isExclusive = true }: OpenArchiveDirectoryOptions = {},
  ): Promise<ArchiveDirectory> {
    signal?.throwIfAborted();
    try {
      await makeDirectories(directory, { mode: 0o700 });
      if (!isExclusive) return new ArchiveDirectory(directory, naming, { isTemporary: false });
      const lock = tryLockRecord(path.join(directory, 'lockfile'));
      if (lock === undefined) throw locked(directory);
      try {
        await removeUnfinished(directory);
      } catch (error) {
        lock[Symbol.dispose]();
        throw error;
      }
      return new ArchiveDirectory(directory, naming, { lock, isTemporary: false });
    } catch (error) {
      throw unusable(directory, error);
    }
  }

  /**
   * A new directory that is removed when it is closed, for runs without a lasting one.
   *
   * @param parent - where to make it
   * @throws AppError `local/unwritable`
   */
  static async temporary(parent: string, naming: FileNaming): Promise<ArchiveDirectory> {
    try {
      const directory = await mkdtemp(path.join(parent, 'holdfast-archive-'));
      return new ArchiveDirectory(directory, naming, { isTemporary: true });
    } catch (error) {
      throw unusable(parent, error);
    }
  }

  /** Whether it goes when it is closed. */
  get isTemporary(): boolean {
    return this.#isTemporary;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lock?.[Symbol.dispose]();
    if (this.#isTemporary) await rm(this.path, { recursive: true, force: true });
  }

  /** The files that are duplicity's, by name. Throws `local/unwritable`. */
  async files({ signal }: CallOptions = {}): Promise<ArchiveFile[]> {
    const found: ArchiveFile[] = [];
    try {
      for (const name of (await readdir(this.path)).sort(compareNames)) {
        signal?.throwIfAborted();
        const file = this.naming.parse(name);
        if (file === undefined) continue;
        const size = await sizeOf(path.join(this.path, name));
        if (size !== undefined) found.push({ name, size, file });
      }
    } catch (error) {
      signal?.throwIfAborted();
      throw unusable(this.path, error);
    }
    return found;
  }

  /** Where a file of this name is or would be. */
  pathOf(name: string): string {
    if (name === '' || path.basename(name) !== name || name.startsWith('.')) {
      throw new AppError('internal', `"${name}" is no name of a file in an archive directory`);
    }
    return path.join(this.path, name);
  }

  /** The name of the local copy of a file on the destination: the suffix tells how it is stored here. */
  localNameOf({ name, file }: ArchiveFile): string {
    const base = baseNameOf(name);
    if (file.kind === 'manifest') return base;
    // A short name with the long suffix would mean nothing to duplicity when it was told that names are short.
    return `${base}${base.endsWith('.st') ? '.z' : '.gz'}`;
  }

  /**
   * The bytes of a file, as they are stored here.
   *
   * @throws AppError `storage/not-found`, `local/unwritable`
   */
  async *read(
    name: string,
    { signal }: CallOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const file = this.pathOf(name);
    signal?.throwIfAborted();
    const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW).catch(
      (error: unknown) => {
        throw this.#unreadable(name, error);
      },
    );
    try {
      for (;;) {
        signal?.throwIfAborted();
        const piece = new Uint8Array(pieceSize);
        const { bytesRead } = await handle.read(piece, 0, pieceSize).catch((error: unknown) => {
          throw this.#unreadable(name, error);
        });
        if (bytesRead === 0) return;
        yield piece.subarray(0, bytesRead);
      }
    } finally {
      await handle.close();
    }
  }

  /**
   * Writes a file: under its name is the old content or, once this resolves and for good, the new one.
   *
   * @param fill - is given a function that appends
   * @throws AppError `local/unwritable`, and what `fill` throws; then the old content stays
   */
  async store(
    name: string,
    fill: (append: (piece: Uint8Array) => Promise<void>) => Promise<void>,
    { signal }: CallOptions = {},
  ): Promise<void> {
    const file = this.pathOf(name);
    signal?.throwIfAborted();
    const temporary = path.join(this.path, `holdfast-${toHex(systemRandom(12))}.unfinished`);
    const attempt = async <Result>(call: () => Promise<Result>): Promise<Result> => {
      try {
        return await call();
      } catch (error) {
        throw unusable(this.path, error);
      }
    };
    const handle = await attempt(() => open(temporary, 'wx', 0o600));
    try {
      try {
        await fill((piece) => attempt(() => handle.writeFile(piece)));
        await attempt(() => handle.datasync());
      } finally {
        await handle.close();
      }
      signal?.throwIfAborted();
      await attempt(() => rename(temporary, file));
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    await attempt(() => syncDirectory(this.path));
  }

  /** Removes a file; it is no error if there is none. Throws `local/unwritable`. */
  async remove(name: string, { signal }: CallOptions = {}): Promise<void> {
    const file = this.pathOf(name);
    signal?.throwIfAborted();
    await rm(file, { force: true }).catch((error: unknown) => {
      throw unusable(this.path, error);
    });
  }

  #unreadable(name: string, cause: unknown): AppError {
    if (systemCodeOf(cause) !== 'ENOENT') return unusable(this.path, cause);
    return new AppError('storage/not-found', `No file "${name}" in "${this.path}"`, { cause });
  }
}

/** A name without the suffix that says how a file is encoded. */
export function baseNameOf(name: string): string {
  return name.replace(/\.(?:gpg|gz|g|z)$/u, '');
}

function compareNames(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Bytes; `undefined` when there is no file of that name, or something else. */
async function sizeOf(file: string): Promise<number | undefined> {
  try {
    const status = await stat(file);
    return status.isFile() ? status.size : undefined;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function removeUnfinished(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (unfinishedName.test(name)) await rm(path.join(directory, name), { force: true });
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function locked(directory: string): AppError {
  return new AppError(
    'repository/locked',
    `Another program is using the archive directory "${directory}"`,
    { hint: 'Wait until it has ended; the lock ends with it' },
  );
}

function unusable(directory: string, cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  return new AppError(
    'local/unwritable',
    `Cannot use the archive directory "${directory}": ${messageOf(cause)}`,
    { cause },
  );
}
