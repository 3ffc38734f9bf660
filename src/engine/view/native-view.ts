import type { Snapshot } from '../../model/snapshot.ts';
import type { NativeRepository } from '../../repository/native/native-repository.ts';
import type { SnapshotList, StoredSnapshot } from '../../repository/native/reader/snapshot-list.ts';
import type { SnapshotView, ViewedPart } from './snapshot-view.ts';

/** A repository of our own, to be looked at; it is closed with the view. What each call needs is loaded when it is made. */
export function nativeView(repository: NativeRepository, list: SnapshotList): SnapshotView {
  const { access } = repository;
  const stored = ({ id }: Snapshot): StoredSnapshot =>
    list.snapshots.find(({ snapshot }) => snapshot.id === id)!;
  const part = ({ snapshot, path }: ViewedPart) => ({ snapshot: stored(snapshot), path });
  return {
    snapshots: list.snapshots.map(({ snapshot }) => snapshot),
    isDamaged: list.findings.some(({ severity }) => severity === 'error'),
    async *list(viewed, recursive, context) {
      const { listEntries } = await import('../list.ts');
      yield* listEntries(access, { ...part(viewed), recursive }, context);
    },
    async *find({ snapshots, ...wanted }, context) {
      const { findEntries } = await import('../find.ts');
      yield* findEntries(access, { ...wanted, snapshots: snapshots.map(stored) }, context);
    },
    async *read(snapshot, path, context) {
      const { readFile } = await import('../cat.ts');
      yield* readFile(access, { snapshot: stored(snapshot), path }, context);
    },
    async *diff({ before, after, metadata }, context) {
      const { diffSnapshots } = await import('../diff.ts');
      const sides = { before: part(before), after: part(after), metadata };
      yield* diffSnapshots(access, sides, context);
    },
    [Symbol.asyncDispose]: () => repository[Symbol.asyncDispose](),
  };
}
