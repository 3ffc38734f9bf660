import type { CallOptions } from '../../base/call-options.ts';
import type { NoteStore } from '../../catalog/catalog.ts';

/** An alarm that is on: from when a job was found late until it has succeeded. */
export interface Alarm {
  /** When a success was due, in milliseconds since 1970: names the episode. */
  readonly dueBy: number;
  /** How often it was told. */
  readonly times: number;
  /** When that was begun last. */
  readonly at: number;
  /** Whether it has been put into the outbox; if not, the instance that was about to may have died. */
  readonly isTold: boolean;
}

const PREFIX = 'alarm/late/';

/** As it stands in its note, so that a change can say what it expects. */
export interface KeptAlarm {
  readonly alarm: Alarm;
  readonly text: string;
}

/** Every alarm that is on, by job. */
export async function listAlarms(
  notes: NoteStore,
  options: CallOptions = {},
): Promise<ReadonlyMap<string, KeptAlarm>> {
  const found = await notes.list(PREFIX, options);
  return new Map(
    [...found].map(([name, text]) => [
      name.slice(PREFIX.length),
      { text, alarm: JSON.parse(text) as Alarm },
    ]),
  );
}

/** The alarm of a job that is on; the first success after it is a recovery. */
export async function readAlarm(
  notes: NoteStore,
  job: string,
  options: CallOptions = {},
): Promise<Alarm | undefined> {
  const text = await notes.get(`${PREFIX}${job}`, options);
  return text === undefined ? undefined : (JSON.parse(text) as Alarm);
}

/** Changes the alarm of a job, or (`undefined`) takes it back, if it still is as it was read: of several instances one does it. */
export async function changeAlarm(
  notes: NoteStore,
  job: string,
  alarm: Alarm | undefined,
  before: KeptAlarm | undefined,
  options: CallOptions = {},
): Promise<KeptAlarm | undefined> {
  const text = alarm === undefined ? undefined : JSON.stringify(alarm);
  const expected = before?.text ?? null;
  const done = await notes.set(`${PREFIX}${job}`, text, { ...options, expected });
  return done && alarm !== undefined ? { alarm, text: text! } : undefined;
}
