import { parseTime, selectSnapshot } from '../model/snapshot-selector.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { CommandSession } from './session.ts';

/** The snapshot that a user means by an id, `latest` or a time. Throws what `selectSnapshot` throws. */
export function chooseSnapshot(
  snapshots: readonly Snapshot[],
  selector: string,
  { clock, timeZone }: CommandSession,
): Snapshot {
  return selectSnapshot(snapshots, selector, { now: clock.now(), timeZone });
}

/** The same among those that a format has, with what it knows of them. */
export function chooseStored<Stored extends { readonly snapshot: Snapshot }>(
  all: readonly Stored[],
  selector: string,
  session: CommandSession,
): Stored {
  const models = all.map(({ snapshot }) => snapshot);
  const { id } = chooseSnapshot(models, selector, session);
  return all.find(({ snapshot }) => snapshot.id === id)!;
}

/** A selector for the newest snapshot that is not younger than a time. Throws `input/invalid` for what is no time. */
export function selectorOfTime(text: string, { clock, timeZone }: CommandSession): string {
  return new Date(parseTime(text, { now: clock.now(), timeZone })).toISOString();
}
