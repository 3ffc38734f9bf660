import type { Snapshot } from '../model/snapshot.ts';
import type { StoredSnapshot } from '../repository/native/reader/snapshot-list.ts';

/**
 * The snapshots with the times that policies go by (docs/decisions/times-of-snapshots.md). What an owner or janitor sealed is believed. Of other machines, whose
 * key may be stolen, the storage's time of the seal counts; without one, the machine's own time within its neighbours in sequence and not after `now`.
 */
export function withPolicyTimes(stored: readonly StoredSnapshot[], now: number): Snapshot[] {
  const neighbours = neighbourTimes(stored);
  return stored.map(({ snapshot, seal }) => {
    if (seal === undefined) return snapshot;
    const { role } = seal.signer;
    if (role === 'owner' || role === 'janitor') return snapshot;
    if (seal.stored !== undefined) return { ...snapshot, time: seal.stored };
    const { before, after } = neighbours.get(snapshot.id)!;
    const latest = Math.min(after, now);
    return {
      ...snapshot,
      time: Math.max(Math.min(snapshot.time, latest), Math.min(before, latest)),
    };
  });
}

/** By snapshot: the times that its host gave the snapshots before and after it. */
function neighbourTimes(
  stored: readonly StoredSnapshot[],
): Map<string, { readonly before: number; readonly after: number }> {
  const result = new Map<string, { readonly before: number; readonly after: number }>();
  const sealed = stored.filter(({ seal }) => seal !== undefined);
  for (const ofHost of Map.groupBy(sealed, ({ seal }) => seal!.value.hostId).values()) {
    const ordered = ofHost.toSorted(
      (left, right) => left.seal!.value.sequence - right.seal!.value.sequence,
    );
    for (const [index, { snapshot }] of ordered.entries()) {
      result.set(snapshot.id, {
        before: ordered[index - 1]?.snapshot.time ?? -Infinity,
        after: ordered[index + 1]?.snapshot.time ?? Infinity,
      });
    }
  }
  return result;
}
