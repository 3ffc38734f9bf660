import type { SourceEntry } from '../../../model/entry.ts';
import type { InodeFacts } from '../extra-records.ts';

/** The entry of something to be stored. */
export type ItemEntry = Omit<SourceEntry, 'ctime' | 'inode' | 'device' | 'name'>;

/** One thing that is stored, in index order (docs/formats/duplicity.md 6.2), each path once, directories before what they hold. */
export interface SourceItem {
  /** Relative to the root, components joined by `/`; empty for the root, which comes first. */
  readonly path: Uint8Array;
  readonly entry: ItemEntry;
  /** The first path, in index order, of the names that this file has; undefined for a file with one. */
  readonly linkGroup: Uint8Array | undefined;
  /** The signature that the content must have, if that is known: it is made with the same length of blocks, and compared. */
  readonly signature?: Uint8Array;
  /** It was not one version of the file when it was read: whoever compares it has to look again. */
  readonly isDoubtful?: boolean;
  /** Which inode it was found as; undefined for what does not lie on this system, and for that whose attributes could not be read. */
  readonly inode?: InodeFacts | undefined;
  /**
   * The same with its extended attributes, which `entry` does not have then: most items turn out unchanged, and reading them takes as long as finding the item. Can be called until the next
   * item is asked for.
   */
  withAttributes?(): SourceItem;
  /** Opens a file's content. Can be called more than once, until the next item is asked for. Throws an `AppError` `source/…`. */
  open(): ItemContent | Promise<ItemContent>;
}

/** The content of a file, from its start to its end. */
export interface ItemContent extends Disposable {
  /** Puts up to `length` of the next bytes into `buffer`; fewer only at the end. Throws an `AppError` `source/…`. */
  readInto(buffer: Uint8Array, offset: number, length: number): number | Promise<number>;
  /** Whether what was read is one version of the file. Without it, it is. */
  isUnchanged?(): boolean;
}
