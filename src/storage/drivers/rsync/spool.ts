import { constants } from 'node:fs';
import {
  copyFile,
  type FileHandle,
  link,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  rm,
  unlink,
} from 'node:fs/promises';
import path from 'node:path';

import type { CallOptions } from '../../../base/call-options.ts';
import type { Clock } from '../../../base/clock.ts';
import { AppError, systemCodeOf } from '../../../base/errors.ts';
import { fileReason } from '../../../base/file-reason.ts';
import { makeDirectories } from '../../../base/make-directories.ts';
import { type Body, piecesOf } from '../../body.ts';

/** How spools are called; a crash leaves one behind. */
const mark = 'holdfast-rsync-';

/** Milliseconds after which a spool that nobody has touched belongs to nobody. */
const abandonedAfter = 7 * 24 * 60 * 60 * 1000;

/** A private directory that objects pass through: rsync sends and fetches files. Made when it is needed. */
export class Spool implements AsyncDisposable {
  readonly #parent: string;
  readonly #capacity: number;
  readonly #clock: Clock;
  /** Fetched objects with their sizes, the one that was not read for the longest time first. */
  readonly #fetched = new Map<string, number>();
  #made: Promise<string> | undefined;
  #next = 0;
  #closed = false;

  /** `capacity` is how many bytes of fetched objects are kept for later. */
  constructor(
    parent: string,
    { capacity, clock }: { readonly capacity: number; readonly clock: Clock },
  ) {
    this.#parent = parent;
    this.#capacity = capacity;
    this.#clock = clock;
  }

  /** Writes a body to a file of its own. */
  async write(name: string, body: Body, { signal }: CallOptions): Promise<string> {
    const file = path.join(await this.#directory(), `body-${(this.#next += 1)}`);
    try {
      const handle = await this.#local(() => open(file, 'wx', 0o600));
      try {
        for await (const piece of piecesOf(name, body, { signal }))
          await this.#local(() => handle.writeFile(piece));
      } finally {
        await handle.close();
      }
      return file;
    } catch (error) {
      await rm(file, { force: true });
      throw error;
    }
  }

  async remove(file: string): Promise<void> {
    await rm(file, { recursive: true, force: true });
  }

  /** A new, empty directory. */
  async directory(): Promise<string> {
    const directory = path.join(await this.#directory(), `run-${(this.#next += 1)}`);
    await this.#local(() => mkdir(directory, { mode: 0o700 }));
    return directory;
  }

  /** Makes directories below one of its own. */
  async makeTree(root: string, name: string): Promise<void> {
    await this.#local(() => makeDirectories(path.join(root, name), { mode: 0o700 }));
  }

  /** Gives a file a second name in a tree; false when something is in the way there. */
  async place(file: string, root: string, name: string): Promise<boolean> {
    const target = path.join(root, name);
    try {
      await makeDirectories(path.dirname(target), { mode: 0o700 });
      await link(file, target).catch(async (error: unknown) => {
        if (systemCodeOf(error) === 'EEXIST') throw error;
        await copyFile(file, target, constants.COPYFILE_EXCL);
      });
      return true;
    } catch (error) {
      const code = systemCodeOf(error) ?? '';
      if (['EEXIST', 'ENOTDIR', 'EISDIR'].includes(code)) return false;
      if (code === 'ENAMETOOLONG')
        throw new AppError('input/invalid', `The name "${name}" is too long`, { cause: error });
      throw this.#failed(error);
    }
  }

  /** Where objects are fetched to and kept. */
  async objects(): Promise<string> {
    const directory = path.join(await this.#directory(), 'objects');
    await this.#local(() => makeDirectories(directory, { mode: 0o700 }));
    return directory;
  }

  /** Opens a file that rsync has fetched; `undefined` when there is none, or something else in its place. */
  async open(
    file: string,
  ): Promise<{ readonly handle: FileHandle; readonly size: number } | undefined> {
    let handle: FileHandle;
    try {
      // What a server sends is followed nowhere.
      handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'].includes(systemCodeOf(error) ?? ''))
        return undefined;
      throw this.#failed(error);
    }
    try {
      const status = await handle.stat();
      if (status.isFile()) return { handle, size: status.size };
    } catch (error) {
      await handle.close();
      throw this.#failed(error);
    }
    await handle.close();
    return undefined;
  }

  /** Notes that an object was fetched or read again, and removes those that were not for longest beyond the capacity. */
  async keep(file: string, size: number): Promise<void> {
    this.#fetched.delete(file);
    this.#fetched.set(file, size);
    let sum = 0;
    for (const each of this.#fetched.values()) sum += each;
    for (const [oldest, freed] of Array.from(this.#fetched)) {
      if (sum <= this.#capacity) return;
      this.#fetched.delete(oldest);
      sum -= freed;
      await unlink(oldest).catch(() => undefined);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const made = await this.#made?.catch(() => undefined);
    this.#made = undefined;
    this.#fetched.clear();
    if (made !== undefined) await rm(made, { recursive: true, force: true, maxRetries: 3 });
  }

  async #directory(): Promise<string> {
    // A call that is tried again after the end would leave a directory behind.
    if (this.#closed) throw new AppError('internal', 'The storage is closed');
    this.#made ??= this.#make();
    return await this.#made;
  }

  async #make(): Promise<string> {
    try {
      await this.#sweep();
      return await mkdtemp(path.join(this.#parent, mark));
    } catch (error) {
      this.#made = undefined;
      throw this.#failed(error);
    }
  }

  /** Removes what crashes have left, of ours only. */
  async #sweep(): Promise<void> {
    for (const name of await readdir(this.#parent)) {
      if (!name.startsWith(mark)) continue;
      const directory = path.join(this.#parent, name);
      try {
        const { mtimeMs, uid } = await lstat(directory);
        const isOurs = uid === process.getuid?.();
        if (isOurs && mtimeMs < this.#clock.now() - abandonedAfter)
          await rm(directory, { recursive: true, force: true });
      } catch {
        // Somebody else has removed it, or it is not ours to remove.
      }
    }
  }

  async #local<Result>(call: () => Promise<Result>): Promise<Result> {
    try {
      return await call();
    } catch (error) {
      throw this.#failed(error);
    }
  }

  #failed(cause: unknown): unknown {
    if (cause instanceof AppError || systemCodeOf(cause) === undefined) return cause;
    return new AppError(
      'local/unwritable',
      `Cannot use the spool in "${this.#parent}": ${fileReason(cause)}`,
      { cause, hint: 'Name another directory with the option "spool-directory", or with TMPDIR' },
    );
  }
}
