import type { SourceEntry } from '../../../model/entry.ts';

/**
 * How a worker opens what it stores. The repository does not know sources: the writer is given the address of a module with this shape, and
 * its workers load it.
 */
export interface ContentModule {
  /** Opens the file, making sure that it is the one that was found. Throws an `AppError` `source/…` that names `displayPath`. */
  openForBackup(path: Uint8Array, expected: ExpectedFile, displayPath?: Uint8Array): OpenContent;
}

/** What was known of a file when it was found. */
export type ExpectedFile = Pick<SourceEntry, 'inode' | 'device' | 'uid' | 'size'>;

/** An open file, read synchronously. */
export interface OpenContent extends Disposable {
  /** Bytes. */
  readonly size: number;
  /** Has the system read its beginning from the disk meanwhile. */
  fetch(): void;
  /** Reads up to `length` bytes at `position` into `buffer` from `offset`; 0 at the end. */
  readInto(buffer: Uint8Array, offset: number, length: number, position: number): number;
  /** Where there is data, in order; what lies between is holes. */
  extents(): Iterable<{ readonly offset: number; readonly length: number }>;
  /** Whether it is still as it was when it was opened. */
  isUnchanged(): boolean;
}
