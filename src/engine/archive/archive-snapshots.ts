import { hash } from 'node:crypto';

import { mapPool } from '../../base/pool.ts';
import type { CallOptions } from '../../base/call-options.ts';
import { pathBelow } from '../../base/posix/path-bytes.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import { type BackupSet, setKey } from '../../repository/duplicity/collection/backup-set.ts';
import type { Collection } from '../../repository/duplicity/collection/collection.ts';
import type { DuplicityArchive } from '../../repository/duplicity/duplicity-archive.ts';

/** What a set of an archive is as a snapshot: the state that it gives together with those that it builds upon. */
export interface ArchiveSnapshot {
  readonly snapshot: Snapshot;
  /** The full set and the incremental ones, the last of which is this snapshot's own. */
  readonly sets: readonly [BackupSet, ...BackupSet[]];
}

/** Manifests that are read at once. */
const atOnce = 4;

/** Every complete set of the chains as a snapshot, oldest first. Reads the manifests. Throws as `manifestOf` does. */
export async function archiveSnapshots(
  archive: DuplicityArchive,
  { chains }: Pick<Collection, 'chains'>,
  { signal }: CallOptions = {},
): Promise<ArchiveSnapshot[]> {
  const states = chains.flatMap(({ sets }) =>
    sets.map((_, index) => sets.slice(0, index + 1) as [BackupSet, ...BackupSet[]]),
  );
  const described = mapPool(
    states,
    atOnce,
    async (sets, options) => ({ snapshot: await describe(archive, sets.at(-1)!, options), sets }),
    { signal },
  );
  const snapshots = await Array.fromAsync(described);
  return snapshots.toSorted((left, right) => left.snapshot.time - right.snapshot.time);
}

/** The name of a set as a snapshot, always the same. */
export function snapshotIdOf(set: Pick<BackupSet, 'start' | 'end'>): string {
  return hash('sha256', `duplicity ${setKey(set)}`).slice(0, 32);
}

/** A path of the source, absolute or relative to its root, as one in the archive. */
export function pathInArchive({ snapshot }: ArchiveSnapshot, path: Uint8Array): Uint8Array {
  return pathBelow(snapshot.paths[0] ?? new Uint8Array(0), path);
}

async function describe(
  archive: DuplicityArchive,
  set: BackupSet,
  options: CallOptions,
): Promise<Snapshot> {
  const { hostname = '', sourcePath } = await archive.manifestOf(set, options);
  return {
    id: snapshotIdOf(set),
    time: set.end * 1000,
    hostname,
    username: '',
    // Nobody signs a manifest with a key of a machine: the name is all there is.
    signer: hash('sha256', `duplicity ${hostname}`).slice(0, 32),
    paths: sourcePath === undefined ? [] : [sourcePath],
    tags: [],
    state: 'complete',
  };
}
