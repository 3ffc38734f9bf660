import { asBuffer, compareBytes, toHex } from '../base/bytes.ts';
import type { Snapshot } from './snapshot.ts';

/** The complete snapshots of one host (by signer) and set of sources, newest first. */
export interface SnapshotGroup {
  readonly signer: string;
  /** The name that the newest one gives. */
  readonly hostname: string;
  readonly paths: readonly Uint8Array[];
  readonly snapshots: readonly Snapshot[];
}

/** Newest first; the id decides between equal times, so that every machine sees the same order. */
export function compareNewestFirst(left: Snapshot, right: Snapshot): number {
  return right.time - left.time || (right.id < left.id ? -1 : Number(right.id > left.id));
}

/** Groups complete snapshots by signer and set of sources; the group with the newest snapshot comes first. */
export function snapshotGroups(snapshots: readonly Snapshot[]): SnapshotGroup[] {
  const complete = snapshots
    .filter(({ state }) => state === 'complete')
    .toSorted(compareNewestFirst);
  const groups = Map.groupBy(complete, (snapshot) =>
    [snapshot.signer, ...pathSet(snapshot)].join(' '),
  );
  return [...groups.values()].map((members) => {
    const { signer, hostname, paths } = members[0]!;
    return { signer, hostname, paths, snapshots: members };
  });
}

/** The set of sources of a snapshot, the same text for the same set in any order. */
function pathSet(snapshot: Snapshot): string[] {
  return [...new Set(snapshot.paths.toSorted(compareBytes).map(toHex))];
}

/** What a list of snapshots can be narrowed down to; an empty list means any. */
export interface SnapshotFilter {
  readonly hosts: readonly string[];
  /** Sources; a snapshot must have all of them. */
  readonly paths: readonly Uint8Array[];
  /** Each one is a list of tags that a snapshot must all have; one list that fits is enough. */
  readonly tags: readonly (readonly string[])[];
}

export function fitsFilter(snapshot: Snapshot, filter: SnapshotFilter): boolean {
  return (
    (filter.hosts.length === 0 || filter.hosts.includes(snapshot.hostname)) &&
    filter.paths.every((path) => snapshot.paths.some((own) => asBuffer(own).equals(path))) &&
    (filter.tags.length === 0 ||
      filter.tags.some((tags) => tags.every((tag) => snapshot.tags.includes(tag))))
  );
}
