import { AppError } from '../base/errors.ts';
import { quotePath } from '../base/posix/system-error.ts';
import type { Access } from '../repository/native/access.ts';
import { BlobReader } from '../repository/native/reader/blob-reader.ts';
import { readContent } from '../repository/native/reader/content-reader.ts';
import type { StoredSnapshot } from '../repository/native/reader/snapshot-list.ts';
import { findEntry } from '../repository/native/reader/tree-reader.ts';
import type { OperationContext } from './operation.ts';
import { reportFinding } from './report-finding.ts';
import { pathInSnapshot } from './restore/original-place.ts';

export interface CatInput {
  readonly snapshot: StoredSnapshot;
  /** A file, below the snapshot's root or as an absolute path of its sources. */
  readonly path: Uint8Array;
  /** Bytes to leave out at the start, and how many to give. */
  readonly offset?: number;
  readonly length?: number | undefined;
}

/**
 * The content of a file in a snapshot, in order. The pieces are to be read only, and are good until the next is asked for.
 *
 * @throws AppError `snapshot/missing`, `input/invalid` if it is no file, `repository/…`, `storage/…`
 */
export async function* readFile(
  access: Access,
  { snapshot, path, offset = 0, length }: CatInput,
  context: OperationContext,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { signal } = context;
  const blobs = await BlobReader.open(access, { signal, onFinding: reportFinding(context) });
  const entry = await findEntry(blobs, snapshot.root, pathInSnapshot(snapshot.final, path), {
    signal,
  });
  if (entry.type !== 'file') {
    throw new AppError('input/invalid', `${quotePath(path)} is a ${entry.type}, not a file`);
  }
  yield* readContent(blobs, entry, { offset, length, signal });
}
