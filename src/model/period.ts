import { localFields } from '../base/time-zone.ts';

/** A stretch of the calendar that has at most one snapshot under a policy. */
export type Period = 'hour' | 'day' | 'week' | 'month' | 'year';

/** A name of the period that a time lies in, in a zone: the same for two times exactly if they lie in the same period. */
export function periodOf(time: number, period: Period, timeZone: string): string {
  const fields = localFields(time, timeZone);
  const month = `${fields.year}-${fields.month}`;
  switch (period) {
    case 'hour':
      return `${month}-${fields.day}T${fields.hour}`;
    case 'day':
      return `${month}-${fields.day}`;
    case 'week': {
      // The week has the name of its Monday.
      const monday = new Date(0);
      monday.setUTCFullYear(fields.year, fields.month - 1, fields.day - ((fields.weekday + 6) % 7));
      return `W${monday.getTime()}`;
    }
    case 'month':
      return month;
    case 'year':
      return String(fields.year);
  }
}
