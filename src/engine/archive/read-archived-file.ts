import { AppError } from '../../base/errors.ts';
import { quotePath } from '../../base/posix/system-error.ts';
import type { DuplicityArchive } from '../../repository/duplicity/duplicity-archive.ts';
import { ArchiveReader } from '../../repository/duplicity/reader/archive-reader.ts';
import type { OperationContext } from '../operation.ts';
import { type ArchiveSnapshot, pathInArchive } from './archive-snapshots.ts';
import { reportReaderProblem } from './report-reader-problem.ts';

/**
 * The content of a file in a snapshot of an archive, in order. Only the volumes are read that hold something of it.
 *
 * @throws AppError `snapshot/missing`, `input/invalid` if it is no file, `repository/…`, `storage/…`
 */
export async function* readArchivedFile(
  archive: DuplicityArchive,
  { snapshot, path }: { readonly snapshot: ArchiveSnapshot; readonly path: Uint8Array },
  context: OperationContext,
): AsyncGenerator<Uint8Array, void, undefined> {
  const below = pathInArchive(snapshot, path);
  const entries = new ArchiveReader(archive).entries(snapshot.sets, {
    below,
    onProblem: reportReaderProblem(context),
    signal: context.signal,
  });
  for await (const archived of entries) {
    if (archived.path.length !== below.length) break;
    if (archived.entry.type !== 'file') {
      throw new AppError(
        'input/invalid',
        `${quotePath(path)} is a ${archived.entry.type}, not a file`,
      );
    }
    yield* archived.content();
    return;
  }
  throw new AppError('snapshot/missing', `There is no ${quotePath(path)} in the snapshot`);
}
