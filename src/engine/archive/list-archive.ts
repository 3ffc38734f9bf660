import { AppError } from '../../base/errors.ts';
import { joinPath } from '../../base/posix/path-bytes.ts';
import { quotePath } from '../../base/posix/system-error.ts';
import type { DuplicityArchive } from '../../repository/duplicity/duplicity-archive.ts';
import {
  ArchiveReader,
  type ListedEntry,
} from '../../repository/duplicity/reader/archive-reader.ts';
import { compileEntryPatterns } from '../entry-patterns.ts';
import type { OperationContext } from '../operation.ts';
import { type ArchiveSnapshot, pathInArchive } from './archive-snapshots.ts';
import { reportReaderProblem } from './report-reader-problem.ts';

export interface ListArchiveInput {
  readonly snapshot: ArchiveSnapshot;
  /** What of it, below its root or as an absolute path of its source; undefined: everything. */
  readonly path?: Uint8Array | undefined;
  /** Also what is in the directories below. */
  readonly recursive: boolean;
}

/**
 * What is in a directory of a snapshot, in the archive's order; a path that is no directory gives itself. From the signatures alone: no volume is read.
 *
 * @throws AppError `snapshot/missing` for a path that is not there, `repository/…`, `storage/…`
 */
export async function* listArchive(
  archive: DuplicityArchive,
  { snapshot, path: given = new Uint8Array(0), recursive }: ListArchiveInput,
  context: OperationContext,
): AsyncGenerator<ListedEntry, void, undefined> {
  const below = pathInArchive(snapshot, given);
  const entries = new ArchiveReader(archive).list(snapshot.sets, {
    below,
    onProblem: reportReaderProblem(context),
    signal: context.signal,
  });
  const depth = below.length === 0 ? 0 : below.length + 1;
  let isThere = false;
  for await (const entry of entries) {
    const isTop = entry.path.length === below.length;
    isThere = true;
    if (isTop && entry.entry.type === 'directory') continue;
    if (!isTop && !recursive && entry.path.includes(0x2f, depth)) continue;
    yield entry;
  }
  if (isThere) return;
  throw new AppError('snapshot/missing', `There is no ${quotePath(given)} in the snapshot`);
}

export interface FindInArchiveInput {
  readonly snapshots: readonly ArchiveSnapshot[];
  /** See `compileEntryPatterns`. */
  readonly patterns: readonly string[];
  readonly ignoreCase: boolean;
}

export interface FoundInArchive extends ListedEntry {
  readonly snapshot: ArchiveSnapshot;
}

/**
 * Entries that patterns match, with absolute paths, snapshot by snapshot in the given order.
 *
 * @throws AppError `input/invalid` for a pattern that cannot be read, `repository/…`, `storage/…`
 */
export async function* findInArchive(
  archive: DuplicityArchive,
  { snapshots, patterns, ignoreCase }: FindInArchiveInput,
  context: OperationContext,
): AsyncGenerator<FoundInArchive, void, undefined> {
  const matches = compileEntryPatterns(patterns, ignoreCase);
  const reader = new ArchiveReader(archive);
  for (const snapshot of snapshots) {
    const root = snapshot.snapshot.paths[0] ?? new Uint8Array(0);
    const entries = reader.list(snapshot.sets, {
      onProblem: reportReaderProblem(context),
      signal: context.signal,
    });
    for await (const found of entries) {
      const path = joinPath(root, found.path);
      if (found.path.length > 0 && matches(path, found.entry)) yield { ...found, path, snapshot };
    }
  }
}
