import { z } from 'zod';

import { AppError } from '../../base/errors.ts';
import { localFields } from '../../base/time-zone.ts';
import { duration, strictObject, textFor } from './values.ts';

const clockTime = z
  .string()
  .regex(/^(?:[01]\d|2[0-4]):[0-5]\d$/u, { error: 'A time of the day is written HH:MM' });

const weekday = textFor('mon, tue, wed, thu, fri, sat or sun', (text) => {
  if (!/^(?:mon|tue|wed|thu|fri|sat|sun)/iu.test(text)) {
    throw new AppError('input/invalid', `"${text}" is not a day of the week`);
  }
});

/** IANA name of a time zone. */
export const timeZone = textFor('IANA name of a time zone: Europe/Berlin', (text) =>
  localFields(0, text),
);

export const blackoutWindow = strictObject({
  from: clockTime,
  until: clockTime,
  days: z.array(weekday).min(1).exactOptional(),
});

/** How a schedule is written; whether its expression makes sense is looked at where the periodicities are known. */
export const jobSchedule = z
  .union([
    z.string().min(1),
    strictObject({
      when: z.string().min(1),
      timeZone: timeZone.exactOptional(),
      jitter: duration.exactOptional(),
      missed: z
        .enum(['run-once', 'skip', 'skip-if-running', 'skip-if-busy', 'skip-if-offline'])
        .exactOptional(),
      catchUpDelay: duration.exactOptional(),
      minimumGap: duration.exactOptional(),
      blackout: z.array(blackoutWindow).exactOptional(),
    }),
  ])
  .meta({
    description:
      'hourly, daily, weekly, monthly, manual, a periodicity of your own, a cron expression, @every 6h; or an object that says more',
  });
