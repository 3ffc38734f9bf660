import { instantOf, localFields } from '../../base/time-zone.ts';
import type { Digest } from '../../model/channel.ts';

const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

/** When the next digest after `now` is sent: `HH:MM` on one of its days, by the clocks of the zone. */
export function nextDigestTime({ at, days }: Digest, timeZone: string, now: number): number {
  const [hour, minute] = at.split(':').map(Number);
  const today = localFields(now, timeZone);
  for (let ahead = 0; ahead <= 8; ahead++) {
    const time = instantOf(
      { ...today, day: today.day + ahead, hour: hour!, minute: minute!, second: 0, millisecond: 0 },
      timeZone,
    );
    const weekday = weekdays[(today.weekday + ahead) % 7]!;
    if (time > now && (days === undefined || days.includes(weekday))) return time;
  }
  return now;
}
