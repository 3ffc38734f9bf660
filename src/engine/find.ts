import { joinPath } from '../base/posix/path-bytes.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { Access } from '../repository/native/access.ts';
import type { TreeEntry } from '../repository/native/content/tree.ts';
import { BlobReader } from '../repository/native/reader/blob-reader.ts';
import type { StoredSnapshot } from '../repository/native/reader/snapshot-list.ts';
import { walkTree } from '../repository/native/reader/tree-reader.ts';
import { compileEntryPatterns } from './entry-patterns.ts';
import type { OperationContext } from './operation.ts';
import { reportFinding } from './report-finding.ts';
import { originalRoot } from './restore/original-place.ts';

export interface FindInput {
  readonly snapshots: readonly StoredSnapshot[];
  /** Globs as in rules, or `re:` and a regular expression that is looked for in the absolute path; one of them is enough. */
  readonly patterns: readonly string[];
  readonly ignoreCase: boolean;
}

export interface FoundEntry {
  readonly snapshot: Snapshot;
  /** Where it was, absolute. */
  readonly path: Uint8Array;
  readonly entry: TreeEntry;
}

/**
 * Entries that patterns match, snapshot by snapshot in the given order. What lies in a directory that matches is not found by that alone. Directories that
 * cannot be read are reported.
 *
 * @throws AppError `input/invalid` for a pattern that cannot be read, `repository/…`, `storage/…`
 */
export async function* findEntries(
  access: Access,
  { snapshots, patterns, ignoreCase }: FindInput,
  context: OperationContext,
): AsyncGenerator<FoundEntry, void, undefined> {
  const { signal } = context;
  const matches = compileEntryPatterns(patterns, ignoreCase);
  const blobs = await BlobReader.open(access, { signal, onFinding: reportFinding(context) });
  for (const { snapshot, root, final } of snapshots) {
    const top = originalRoot(final);
    const entries = walkTree(blobs, root, {
      signal,
      onUnreadable(path, error) {
        context.report({ type: 'problem', severity: 'error', path: joinPath(top, path), error });
      },
    });
    for await (const { path: below, entry } of entries) {
      if (below.length === 0) continue;
      const path = joinPath(top, below);
      if (matches(path, entry)) yield { snapshot, path, entry };
    }
  }
}
