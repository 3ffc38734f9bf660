import type { AppError } from '../../base/errors.ts';
import { joinPath } from '../../base/posix/path-bytes.ts';
import type { TreeEntry } from '../../repository/native/content/tree.ts';
import type { BlobReader } from '../../repository/native/reader/blob-reader.ts';
import { BulkPlan, type BlobUse } from '../../repository/native/reader/bulk-reader.ts';
import type { FileStep } from './file-script.ts';
import type { WaitingName } from './linked-names.ts';

/** A file whose content is being restored. There are many at once, so what can be told from the encoded entry is not kept. */
export interface RestoredFile {
  /** Below the target. */
  readonly directory: Uint8Array;
  readonly name: Uint8Array;
  readonly encoded: Uint8Array;
  readonly size: number;
  /** It exists, and is brought up to date. */
  update: boolean;
  /** Made beforehand and finished after its last part, rather than written in one go. */
  inParts: boolean;
  /** Blobs that are not written yet. */
  pending: number;
  /** Why it is not what it should be. */
  error: AppError | undefined;
  /** Bytes that no pack holds any more. */
  missing: number;
}

/** A file of which nothing is restored yet. `encoded` is its entry. */
export function newFile(
  directory: Uint8Array,
  { name, size }: TreeEntry,
  encoded: Uint8Array,
  update: boolean,
): RestoredFile {
  return {
    directory,
    name,
    encoded,
    size,
    update,
    inParts: false,
    pending: 0,
    error: undefined,
    missing: 0,
  };
}

/** A blob for a file. */
export interface FileUse extends BlobUse {
  readonly file: RestoredFile;
  /** In the file. */
  readonly position: number;
}

export function pathOf({ directory, name }: RestoredFile): Uint8Array {
  return joinPath(directory, name);
}

/** What is to be done with a blob. */
export function stepOf({ file, position }: FileUse): FileStep {
  const { directory, name, update, encoded } = file;
  return file.inParts
    ? { kind: 'part', update, directory, name, position }
    : { kind: 'whole', update, directory, entry: encoded };
}

/** The first of several names of an inode; others are linked to it. */
export interface FirstName {
  readonly directory: Uint8Array;
  readonly name: Uint8Array;
  readonly file: RestoredFile | undefined;
}

/** A name that is to be linked to the first one, or to become the first if that cannot be written. */
export interface LaterName extends WaitingName {
  readonly first: FirstName;
}

export interface LeftDirectory {
  readonly path: Uint8Array;
  readonly entry: TreeEntry;
}

/** Windows grow, so that there is something to do soon, and many files to put in order by pack later. */
const FIRST_WINDOW = 1024;
const GROWTH = 4;
const LARGEST_WINDOW = 65_536;

/** A stretch of the walk whose content is restored together, ordered by pack. */
export class RestoreWindow {
  readonly plan: BulkPlan<FileUse>;
  /** Files in parts whose last part was planned. */
  readonly files: RestoredFile[] = [];
  /** To be linked when all files are there. */
  readonly links: LaterName[] = [];
  /** To be finished after that, children before parents. */
  readonly directories: LeftDirectory[] = [];
  readonly #capacity: number;
  #size = 0;

  constructor(blobs: BlobReader, capacity = FIRST_WINDOW) {
    this.plan = new BulkPlan(blobs);
    this.#capacity = capacity;
  }

  add(use: FileUse): void {
    use.file.pending++;
    this.#size++;
    this.plan.add(use);
  }

  get isFull(): boolean {
    return (
      this.#size + this.links.length >= this.#capacity ||
      this.directories.length + this.files.length >= LARGEST_WINDOW
    );
  }

  /** The window after this one. */
  next(blobs: BlobReader): RestoreWindow {
    return new RestoreWindow(blobs, Math.min(this.#capacity * GROWTH, LARGEST_WINDOW));
  }
}
