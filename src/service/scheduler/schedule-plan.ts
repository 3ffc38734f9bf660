import type { CallOptions } from '../../base/call-options.ts';
import type { Catalog, ScheduleState } from '../../catalog/catalog.ts';
import type { ScheduledEntry } from '../../configuration/periodicities.ts';
import { definitionOf } from '../../model/schedule/schedule.ts';
import {
  type DefinitionsNote,
  hashOfDefinition,
  readDefinitions,
  writeDefinitions,
} from './definitions-note.ts';

/** So many entries whose schedule has changed are moved on one by one, so that what else is remembered of them stays. */
const mostSingly = 500;

/**
 * Brings what the catalog remembers in line with the entries that there are, and resolves with how far each has come: a new one, and one whose schedule means
 * other times than before, begins now; one that is gone is forgotten. Dying in between does no harm: the note with the definitions comes last.
 */
export async function alignStates(
  entries: readonly ScheduledEntry[],
  { schedules, notes }: Pick<Catalog, 'schedules' | 'notes'>,
  now: number,
  options: CallOptions,
): Promise<ReadonlyMap<string, ScheduleState>> {
  const note = await readDefinitions(notes, options);
  const definitions = definitionsOf(entries);
  const states = await schedules.list(options);
  const gone = [...states.keys()].filter((entry) => !definitions.has(entry));
  const changed = [...states.values()].filter(({ entry }) => hasChanged(entry, definitions, note));
  if (changed.length > mostSingly) gone.push(...changed.map(({ entry }) => entry));
  if (gone.length > 0) await schedules.forget(gone, options);
  const forgotten = new Set(gone);
  const fresh = [...definitions.keys()].filter(
    (entry) => !states.has(entry) || forgotten.has(entry),
  );
  if (fresh.length > 0) await schedules.begin(fresh, now, options);
  if (changed.length <= mostSingly) {
    for (const state of changed) {
      // Whoever was sooner has moved it on as well.
      await schedules.claim(state, { ...state, consideredUntil: now }, undefined, options);
    }
  }
  const isSettled = gone.length === 0 && fresh.length === 0 && changed.length === 0;
  const settled = isSettled ? states : await schedules.list(options);
  await writeDefinitions(notes, definitions, note, options);
  return settled;
}

function definitionsOf(entries: readonly ScheduledEntry[]): ReadonlyMap<string, string> {
  const hashes = new Map<string, string>();
  return new Map(
    entries.map(({ entry, schedule }) => {
      const definition = definitionOf(schedule);
      const hash = hashes.get(definition) ?? hashOfDefinition(definition);
      hashes.set(definition, hash);
      return [entry, hash];
    }),
  );
}

function hasChanged(
  entry: string,
  definitions: ReadonlyMap<string, string>,
  { known }: DefinitionsNote,
): boolean {
  const before = known.get(entry);
  const after = definitions.get(entry);
  return before !== undefined && after !== undefined && before !== after;
}
