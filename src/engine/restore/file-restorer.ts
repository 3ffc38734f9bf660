import { closeSync, fchmodSync, readSync } from 'node:fs';

import { equalBytes } from '../../base/bytes.ts';
import { AppError, systemCodeOf } from '../../base/errors.ts';
import { unlinkAt } from '../../base/posix/at-calls.ts';
import { reserveSpace } from '../../base/posix/file-extents.ts';
import { joinPath } from '../../base/posix/path-bytes.ts';
import { quotePath } from '../../base/posix/system-error.ts';
import type { Entry } from '../../model/entry.ts';
import { setSize, writeIfDifferent } from '../../target/filesystem/file-content.ts';
import { NewContentWriter } from '../../target/filesystem/new-content-writer.ts';
import { removeEntry } from '../../target/filesystem/remove-tree.ts';
import { createFile, openForUpdate } from '../../target/filesystem/target-entry.ts';
import { targetError } from '../../target/filesystem/target-error.ts';
import {
  MetadataWriter,
  type NewFile,
  type MetadataOptions,
} from '../../target/filesystem/target-metadata.ts';
import { TargetTree } from '../../target/filesystem/target-tree.ts';

/** How files are written. */
export interface FileRestorerOptions extends MetadataOptions {
  /** The target. */
  readonly root: Uint8Array;
  /** Read back and compare what was written. */
  readonly verify: boolean;
  /** Give files `unfinishedMode` while they are written: where neither size nor time tell that they are not finished. */
  readonly mark: boolean;
  /** Remove a new file whose content cannot be written. */
  readonly removesUnfinished?: boolean;
}

/** No program gives a file the sticky bit and nothing but its owner's rights: such a file is one that a killed restore has left. */
export const unfinishedMode = 0o1600;

/** What leaves no hope for the files after it. */
const fatal = new Set<string | undefined>(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'EMFILE']);

/** Writes the content of files into a target, synchronously. One a thread. */
export class FileRestorer implements Disposable {
  readonly tree: TargetTree;
  readonly metadata: MetadataWriter;
  readonly #verify: boolean;
  readonly #mark: boolean;
  readonly #removesUnfinished: boolean;
  readonly #newContent = new NewContentWriter();
  #scratch = new Uint8Array(64 * 1024);
  #lastDirectory: Uint8Array | undefined;
  #lastMade: NewFile | undefined;
  /** Bytes that were written, which in place are fewer than there are. */
  written = 0;

  constructor(options: FileRestorerOptions) {
    this.tree = TargetTree.open(options.root, { create: false });
    this.metadata = new MetadataWriter(options);
    this.#verify = options.verify;
    this.#mark = options.mark;
    this.#removesUnfinished = options.removesUnfinished ?? false;
  }

  [Symbol.dispose](): void {
    this.tree[Symbol.dispose]();
  }

  /** Makes a file that one blob fills, or brings it up to date, with its metadata. @throws AppError `target/…` */
  putWhole(directory: Uint8Array, entry: Entry, update: boolean, content: Uint8Array): void {
    const path = joinPath(directory, entry.name);
    const opened = this.#open(directory, entry.name, path, update);
    this.#finally(opened.fd, 'write', path, () => {
      try {
        this.#write(opened.fd, content, 0, opened.isOld, path);
      } catch (error) {
        if (this.#removesUnfinished && !opened.isOld) this.#remove(directory, entry.name, path);
        throw error;
      }
      if (opened.isOld) {
        setSize(opened.fd, content.length);
        this.metadata.applyToOpen(opened.fd, entry, path);
      } else {
        this.metadata.applyToNew(opened.fd, entry, path, this.#madeIn(directory, opened.fd));
      }
    });
  }

  /** Makes an empty file of the given length, or gives an existing one that length. @throws AppError `target/…` */
  prepare(directory: Uint8Array, name: Uint8Array, update: boolean, size: number): boolean {
    const path = joinPath(directory, name);
    const { fd, isOld } = this.#open(directory, name, path, update);
    this.#finally(fd, 'set the size of', path, () => setSize(fd, size));
    return isOld;
  }

  /** Has a stretch of a file that was prepared lie together on the disk. @throws AppError `target/…` */
  reserve(directory: Uint8Array, name: Uint8Array, offset: number, length: number): void {
    this.withFile(directory, name, (fd) => reserveSpace(fd, offset, length));
  }

  /** Writes a part of a file that was prepared. @throws AppError `target/…` */
  putPart(
    directory: Uint8Array,
    name: Uint8Array,
    update: boolean,
    position: number,
    content: Uint8Array,
  ): void {
    const path = joinPath(directory, name);
    const fd = openForUpdate(this.tree.directory(directory), name);
    if (fd === undefined) throw vanished(path);
    this.#finally(fd, 'write', path, () => this.#write(fd, content, position, update, path));
  }

  /** Does something with a file that was prepared, and closes it. @throws AppError `target/…` */
  withFile(directory: Uint8Array, name: Uint8Array, call: (fd: number) => void): void {
    const path = joinPath(directory, name);
    const fd = openForUpdate(this.tree.directory(directory), name);
    if (fd === undefined) throw vanished(path);
    this.#finally(fd, 'finish', path, () => call(fd));
  }

  /** Gives a file, whose content is right and which has so many names, its metadata. @throws AppError `target/…` */
  keep(directory: Uint8Array, entry: Entry, links: number): void {
    const path = joinPath(directory, entry.name);
    const fd = openForUpdate(this.tree.directory(directory), entry.name, { links });
    if (fd === undefined) throw vanished(path);
    this.#finally(fd, 'finish', path, () => this.metadata.applyToOpen(fd, entry, path));
  }

  /** What new files in a directory are like, by one of them. Most that come one after the other lie in the same. */
  #madeIn(directory: Uint8Array, fd: number): NewFile | undefined {
    if (this.#lastDirectory !== directory) {
      this.#lastDirectory = directory;
      this.#lastMade = this.metadata.lookAtNew(fd);
    }
    return this.#lastMade;
  }

  /** What is not whole must not look like the file. */
  #remove(directory: Uint8Array, name: Uint8Array, path: Uint8Array): void {
    try {
      unlinkAt(this.tree.directory(directory), name);
    } catch (cause) {
      const error = targetError('remove what is not whole of', path, cause);
      this.metadata.problems.push({ path, what: 'content', error });
    }
  }

  #open(
    directory: Uint8Array,
    name: Uint8Array,
    path: Uint8Array,
    update: boolean,
  ): { readonly fd: number; readonly isOld: boolean } {
    const at = this.tree.directory(directory);
    if (!update) return { fd: createFile(at, name), isOld: false };
    const fd = openForUpdate(at, name);
    if (fd !== undefined) return { fd, isOld: true };
    const [problem] = removeEntry(at, name, { path });
    if (problem !== undefined) throw problem.error;
    return { fd: createFile(at, name), isOld: false };
  }

  #write(
    fd: number,
    content: Uint8Array,
    position: number,
    isOld: boolean,
    path: Uint8Array,
  ): void {
    if ((isOld || this.#verify) && this.#scratch.length < content.length) {
      this.#scratch = new Uint8Array(content.length);
    }
    if (isOld) this.written += writeIfDifferent(fd, content, position, this.#scratch);
    else {
      this.#newContent.write(fd, content, position);
      this.written += content.length;
    }
    if (this.#verify) this.#compare(fd, content, position, path);
  }

  #compare(fd: number, content: Uint8Array, position: number, path: Uint8Array): void {
    const found = this.#scratch.subarray(0, content.length);
    let filled = 0;
    while (filled < content.length) {
      const count = readSync(fd, found, filled, content.length - filled, position + filled);
      if (count === 0) break;
      filled += count;
    }
    if (filled === content.length && equalBytes(found, content)) return;
    throw new AppError(
      'target/unwritable',
      `What was written to ${quotePath(path)} reads otherwise`,
      {
        hint: 'The disk or the memory of this machine may be faulty',
      },
    );
  }

  #finally(fd: number, action: string, path: Uint8Array, call: () => void): void {
    try {
      try {
        if (this.#mark) fchmodSync(fd, unfinishedMode);
        call();
      } finally {
        closeSync(fd);
      }
    } catch (cause) {
      throw targetError(action, path, cause);
    }
  }
}

/** Whether nothing more can be written after this error. */
export function isFatal(error: AppError): boolean {
  return error.code === 'target/unwritable' && fatal.has(systemCodeOf(error.cause));
}

function vanished(path: Uint8Array): AppError {
  return new AppError(
    'target/refused',
    `Refused to write ${quotePath(path)}: somebody else has changed it during the restore`,
  );
}
