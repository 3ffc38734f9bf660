import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';

import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, systemCodeOf } from '../../../base/errors.ts';
import { type Body, piecesOf, sizeOfBody } from '../../body.ts';
import { type FileSystem, uninterrupted, unlessMissing } from './file-system.ts';
import { FileWriter } from './file-writer.ts';
import { claimBeside, temporaryBeside } from '../../temporary-name.ts';

/** Errors with which a file system says that it has no hard links (FAT, exFAT, some network file systems). */
const noLinks = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** A file under a temporary name beside the object that it will be: write, then publish or discard. */
export class UnfinishedFile {
  readonly #fileSystem: FileSystem;
  readonly #file: string;
  readonly #temporary: string;
  readonly #handle: FileHandle;
  #open = true;
  #inode = 0n;

  private constructor(fileSystem: FileSystem, file: string, temporary: string, handle: FileHandle) {
    this.#fileSystem = fileSystem;
    this.#file = file;
    this.#temporary = temporary;
    this.#handle = handle;
  }

  static async create(fileSystem: FileSystem, file: string): Promise<UnfinishedFile> {
    const temporary = temporaryBeside(file);
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
    const handle = await uninterrupted(() => fileSystem.open(temporary, flags, 0o600));
    return new UnfinishedFile(fileSystem, file, temporary, handle);
  }

  /** Writes all of `body` and makes it durable; the file has exactly the announced size afterwards. */
  async write(name: string, body: Body, { signal }: CallOptions): Promise<void> {
    const writer = new FileWriter(this.#handle, sizeOfBody(body));
    for await (const piece of piecesOf(name, body, { signal })) await writer.add(piece);
    await writer.end();
    signal?.throwIfAborted();
    await uninterrupted(() => this.#handle.datasync());
    const { size, ino } = await uninterrupted(() => this.#handle.stat({ bigint: true }));
    this.#inode = ino;
    // Network file systems may report a failed write as late as here.
    await this.#close();
    if (size === BigInt(sizeOfBody(body))) return;
    throw new AppError(
      'storage/unavailable',
      `Cannot store "${name}": ${size} of ${sizeOfBody(body)} bytes arrived`,
    );
  }

  /** Gives the file its name, in place of what may be there. */
  async replace(): Promise<void> {
    await uninterrupted(() => this.#fileSystem.rename(this.#temporary, this.#file));
  }

  /** Gives the file its name, besides the temporary one, if nothing has it; rejects with the system's `EEXIST` otherwise. */
  async publishNew(): Promise<void> {
    try {
      await uninterrupted(() => this.#fileSystem.link(this.#temporary, this.#file));
    } catch (error) {
      const code = systemCodeOf(error) ?? '';
      if (noLinks.has(code)) return this.#publishClaimed();
      // A network file system may repeat a request whose answer was lost: then the name is taken, by us.
      if (code !== 'EEXIST' || !(await this.isPublished())) throw error;
    }
  }

  /** Whether the object's name now stands for this very file. */
  async isPublished(): Promise<boolean> {
    const found = await unlessMissing(() => this.#fileSystem.lstat(this.#file, { bigint: true }));
    return found?.ino === this.#inode;
  }

  /** Removes the file; a name that `replace` or `publishNew` gave stays. */
  async discard(): Promise<void> {
    try {
      await this.#close();
    } finally {
      await unlessMissing(() => this.#fileSystem.unlink(this.#temporary));
    }
  }

  /**
   * Without hard links, whoever creates the claim looks and then renames. So two `ifAbsent` never both succeed; one that meets a
   * replacing `put` of the same name may come second and win.
   */
  async #publishClaimed(): Promise<void> {
    const claim = claimBeside(this.#file);
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
    let handle: FileHandle;
    try {
      handle = await uninterrupted(() => this.#fileSystem.open(claim, flags, 0o600));
    } catch (error) {
      if (systemCodeOf(error) !== 'EEXIST') throw error;
      throw new AppError('storage/unavailable', `Somebody else is creating "${this.#file}"`, {
        cause: error,
        hint: `If nobody is, it is left from a crash and is removed after a day: "${claim}"`,
      });
    }
    try {
      await handle.close();
      const found = await unlessMissing(() => this.#fileSystem.lstat(this.#file));
      if (found !== undefined)
        throw new AppError('storage/already-exists', `"${this.#file}" is already there`);
      await this.replace();
    } finally {
      await unlessMissing(() => this.#fileSystem.unlink(claim));
    }
  }

  async #close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#handle.close();
  }
}
