import type { CallOptions } from '../../base/call-options.ts';
import type { NoteStore } from '../../catalog/catalog.ts';

/** When anybody last looked at the alarms, and what follows from a time in which nobody did. Milliseconds since 1970. */
export interface Presence {
  readonly seen: number;
  /** When somebody was there again after nobody had been. */
  readonly backSince: number;
}

const NOTE = 'alarm/presence';
/** Nobody was there if nobody looked for so long: the machine slept or was off, or its clock was put forward. */
const ABSENCE = 40 * 60_000;

/**
 * Notes that somebody looks. After a time in which nobody did, `backSince` is now: what was missed is being made up for. It is kept in the catalog, so
 * that a service which is started again and again does not get away with being forgiven each time.
 */
export async function notePresence(
  notes: NoteStore,
  now: number,
  options: CallOptions = {},
): Promise<Presence> {
  const text = await notes.get(NOTE, options);
  const before = text === undefined ? undefined : (JSON.parse(text) as Presence);
  const wasAway = before === undefined || now - before.seen > ABSENCE || before.backSince > now;
  const presence = { seen: now, backSince: wasAway ? now : before.backSince };
  await notes.set(NOTE, JSON.stringify(presence), options);
  return presence;
}
