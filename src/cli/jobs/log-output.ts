import { formatTime } from '../../base/time-zone.ts';
import type { LogLine } from '../../service/log.ts';
import { displayText } from '../output/display-text.ts';

export type LogFormat = 'text' | 'json';

/** A line of the log: for people, or one JSON object. */
export function logText(
  { at, level, message, fields }: LogLine,
  format: LogFormat,
  timeZone: string,
): string {
  if (format === 'json') {
    return JSON.stringify({ time: new Date(at).toISOString(), level, message, ...fields });
  }
  const { run, job: _, hint, ...others } = fields;
  const more = Object.entries(others).flatMap(([name, value]) =>
    value === undefined || name === 'outcome' ? [] : `${name}=${String(value)}`,
  );
  const id = run === undefined ? '' : ` [${String(run)}]`;
  const advice = hint === undefined ? '' : ` (${String(hint)})`;
  const tail = more.length === 0 ? '' : ` ${more.join(' ')}`;
  return displayText(
    `${formatTime(at, timeZone)} ${level.padEnd(5)}${id} ${message}${advice}${tail}`,
  );
}
