import { parseTime, selectSnapshot } from '../model/snapshot-selector.ts';
import type { SnapshotList, StoredSnapshot } from '../repository/native/reader/snapshot-list.ts';
import type { CommandSession } from './session.ts';

/** The snapshot that a user means by an id, `latest` or a time. Throws what `selectSnapshot` throws. */
export function chooseSnapshot(
  { snapshots }: SnapshotList,
  selector: string,
  { clock, timeZone }: CommandSession,
): StoredSnapshot {
  const { id } = selectSnapshot(
    snapshots.map(({ snapshot }) => snapshot),
    selector,
    { now: clock.now(), timeZone },
  );
  return snapshots.find(({ snapshot }) => snapshot.id === id)!;
}

/** A selector for the newest snapshot that is not younger than a time. Throws `input/invalid` for what is no time. */
export function selectorOfTime(text: string, { clock, timeZone }: CommandSession): string {
  return new Date(parseTime(text, { now: clock.now(), timeZone })).toISOString();
}
