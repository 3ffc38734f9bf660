import { joinPath } from '../base/posix/path-bytes.ts';
import type { Access } from '../repository/native/access.ts';
import type { TreeEntry } from '../repository/native/content/tree.ts';
import { BlobReader } from '../repository/native/reader/blob-reader.ts';
import type { StoredSnapshot } from '../repository/native/reader/snapshot-list.ts';
import { findEntry, walkTree } from '../repository/native/reader/tree-reader.ts';
import type { OperationContext } from './operation.ts';
import { pathInSnapshot } from './restore/original-place.ts';
import { reportFinding } from './report-finding.ts';

export interface ListInput {
  readonly snapshot: StoredSnapshot;
  /** What of it, below its root or as an absolute path of its sources; undefined: everything. */
  readonly path?: Uint8Array | undefined;
  /** Also what is in the directories below. */
  readonly recursive: boolean;
}

export interface ListedEntry {
  /** Below the snapshot's root. */
  readonly path: Uint8Array;
  readonly entry: TreeEntry;
}

/**
 * What is in a directory of a snapshot, in byte order; a path that is no directory gives itself. Directories that cannot be read are reported.
 *
 * @throws AppError `snapshot/missing`, `repository/…`, `storage/…`
 */
export async function* listEntries(
  access: Access,
  { snapshot, path: given = new Uint8Array(0), recursive }: ListInput,
  context: OperationContext,
): AsyncGenerator<ListedEntry, void, undefined> {
  const { signal } = context;
  const blobs = await BlobReader.open(access, { signal, onFinding: reportFinding(context) });
  const start = pathInSnapshot(snapshot.final, given);
  const top = await findEntry(blobs, snapshot.root, start, { signal });
  const entries = walkTree(blobs, top, {
    signal,
    enter: (path) => recursive || path.length === 0,
    onUnreadable(path, error) {
      context.report({ type: 'problem', severity: 'error', path: joinPath(start, path), error });
    },
  });
  for await (const { path, entry } of entries) {
    if (path.length === 0 && entry.type === 'directory') continue;
    yield { path: joinPath(start, path), entry };
  }
}
