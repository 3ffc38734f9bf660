import { localFields } from '../../base/time-zone.ts';
import { spanAt } from '../../base/zone-offsets.ts';

const weekdays = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** A time as the clocks of a zone show it, with how far they are ahead of UTC: `Sun 2026-03-29 03:00:00 +02:00`. */
export function zoneTime(time: number, timeZone: string): string {
  const { year, month, day, hour, minute, second, weekday } = localFields(time, timeZone);
  const date = `${year}-${two(month)}-${two(day)}`;
  const clock = `${two(hour)}:${two(minute)}:${two(second)}`;
  return `${weekdays[weekday]} ${date} ${clock} ${offsetText(time, timeZone)}`;
}

/** The same for programs, in ISO 8601: `2026-03-29T03:00:00+02:00`. */
export function zoneTimeIso(time: number, timeZone: string): string {
  const { offset } = spanAt(timeZone, time);
  const local = new Date(time + offset).toISOString().replace(/(?:\.000)?Z$/u, '');
  return `${local}${offsetText(time, timeZone)}`;
}

function offsetText(time: number, timeZone: string): string {
  const { offset } = spanAt(timeZone, time);
  const minutes = Math.abs(offset) / 60_000;
  return `${offset < 0 ? '-' : '+'}${two(Math.trunc(minutes / 60))}:${two(Math.trunc(minutes % 60))}`;
}

const two = (value: number): string => String(value).padStart(2, '0');
