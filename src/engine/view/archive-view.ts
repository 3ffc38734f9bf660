import type { Snapshot } from '../../model/snapshot.ts';
import type { DuplicityArchive } from '../../repository/duplicity/duplicity-archive.ts';
import type { ArchiveSnapshot } from '../archive/archive-snapshots.ts';
import type { SnapshotView, ViewedPart } from './snapshot-view.ts';

/** An archive of duplicity's, to be looked at; it is closed with the view. */
export function archiveView(
  archive: DuplicityArchive,
  all: readonly ArchiveSnapshot[],
  isDamaged: boolean,
): SnapshotView {
  const stored = ({ id }: Snapshot): ArchiveSnapshot =>
    all.find(({ snapshot }) => snapshot.id === id)!;
  const part = ({ snapshot, path }: ViewedPart) => ({ snapshot: stored(snapshot), path });
  return {
    snapshots: all.map(({ snapshot }) => snapshot),
    isDamaged,
    async *list(viewed, recursive, context) {
      const { listArchive } = await import('../archive/list-archive.ts');
      for await (const { path, entry, size } of listArchive(
        archive,
        { ...part(viewed), recursive },
        context,
      )) {
        yield { path, entry, isSizeUnknown: entry.type === 'file' && size === undefined };
      }
    },
    async *find({ snapshots, ...wanted }, context) {
      const { findInArchive } = await import('../archive/list-archive.ts');
      const input = { ...wanted, snapshots: snapshots.map(stored) };
      for await (const { path, entry, snapshot } of findInArchive(archive, input, context)) {
        yield { path, entry, snapshot: snapshot.snapshot };
      }
    },
    async *read(snapshot, path, context) {
      const { readArchivedFile } = await import('../archive/read-archived-file.ts');
      yield* readArchivedFile(archive, { snapshot: stored(snapshot), path }, context);
    },
    async *diff({ before, after, metadata }, context) {
      const { diffArchive } = await import('../archive/diff-archive.ts');
      const sides = { before: part(before), after: part(after), metadata };
      yield* diffArchive(archive, sides, context);
    },
    [Symbol.asyncDispose]: () => archive[Symbol.asyncDispose](),
  };
}
