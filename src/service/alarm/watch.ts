import type { CallOptions } from '../../base/call-options.ts';
import type { NoteStore } from '../../catalog/catalog.ts';

/** Since when a job is watched, and how long it may be without a success; both in milliseconds. */
export interface WatchedJob {
  readonly since: number;
  readonly age: number;
  /** Id of a success that is said to be in the future: lateness is counted from `since` instead. */
  readonly distrusted?: string;
}

export type Watch = ReadonlyMap<string, WatchedJob>;

/** The note that holds all of them: ten thousand notes would be ten thousand transactions. */
const WATCH_NOTE = 'alarm/watched';

/** Which jobs are watched, and since when. */
export async function readWatch(notes: NoteStore, options: CallOptions = {}): Promise<Watch> {
  return parseWatch(await notes.get(WATCH_NOTE, options));
}

/** As `readWatch`, with the text that a change has to expect. */
export async function readWatchText(
  notes: NoteStore,
  options: CallOptions = {},
): Promise<{ readonly watch: Watch; readonly text: string | undefined }> {
  const text = await notes.get(WATCH_NOTE, options);
  return { watch: parseWatch(text), text };
}

/** Writes it down, unless another instance was sooner: then `false`. */
export function writeWatch(
  notes: NoteStore,
  watch: Watch,
  before: string | undefined,
  options: CallOptions = {},
): Promise<boolean> {
  const text = JSON.stringify(Object.fromEntries(watch));
  if (text === before) return Promise.resolve(true);
  return notes.set(WATCH_NOTE, text, { ...options, expected: before ?? null });
}

function parseWatch(text: string | undefined): Watch {
  return new Map(
    Object.entries(text === undefined ? {} : (JSON.parse(text) as Record<string, WatchedJob>)),
  );
}
