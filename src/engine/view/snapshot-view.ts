import type { Entry } from '../../model/entry.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import type { Difference } from '../diff.ts';
import type { OperationContext } from '../operation.ts';

/** A snapshot, or a part of it. */
export interface ViewedPart {
  readonly snapshot: Snapshot;
  /** Below the snapshot's root, or as an absolute path of its sources; undefined: everything. */
  readonly path?: Uint8Array | undefined;
}

export interface ViewedEntry {
  /** Below the snapshot's root. */
  readonly path: Uint8Array;
  readonly entry: Entry;
  /** The repository does not say how long the file is; the size of the entry is 0 then. */
  readonly isSizeUnknown?: boolean;
}

export interface FoundEntry {
  readonly snapshot: Snapshot;
  /** Where it was, absolute. */
  readonly path: Uint8Array;
  readonly entry: Entry;
}

/**
 * The snapshots of a repository, whatever its format, to be looked at. What cannot be read is reported to the context of a call, which goes on; all calls throw
 * an `AppError` `snapshot/missing` for a path that is not there, `input/invalid`, `repository/…`, `storage/…`.
 */
export interface SnapshotView extends AsyncDisposable {
  /** Complete and unfinished ones, oldest first. */
  readonly snapshots: readonly Snapshot[];
  /** Reading the list has shown that data is or may be lost. */
  readonly isDamaged: boolean;
  /** What is in a directory, in byte order; a path that is no directory gives itself. */
  list(part: ViewedPart, recursive: boolean, context: OperationContext): AsyncIterable<ViewedEntry>;
  /** Entries that a pattern matches, see `compileEntryPatterns`. */
  find(
    wanted: {
      readonly snapshots: readonly Snapshot[];
      readonly patterns: readonly string[];
      readonly ignoreCase: boolean;
    },
    context: OperationContext,
  ): AsyncIterable<FoundEntry>;
  /** The content of a file. Its pieces are to be read only, and are good until the next is asked for. */
  read(snapshot: Snapshot, path: Uint8Array, context: OperationContext): AsyncIterable<Uint8Array>;
  /** What differs between two; with `metadata` also where only that does. */
  diff(
    sides: { readonly before: ViewedPart; readonly after: ViewedPart; readonly metadata: boolean },
    context: OperationContext,
  ): AsyncIterable<Difference>;
}
