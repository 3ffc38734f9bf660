import { AppError, hasCode, messageOf } from '../../base/errors.ts';
import { parseCron } from '../../model/schedule/cron-expression.ts';
import { type EnvironmentReader, unquoted } from './environment-reader.ts';

/** Names of periodicities (in lower case) and when they are; `undefined` for one that was switched off. */
export type Periodicities = ReadonlyMap<string, string | undefined>;

/** When the job container runs its jobs, unless `CRONTAB_<NAME>` says otherwise. */
const jobDefaults = {
  '15min': '*/15 * * * *',
  hourly: '0 * * * *',
  daily: '0 2 * * MON-SAT',
  weekly: '0 1 * * SUN',
  monthly: '0 5 1 * *',
} as const;

/** When the task container runs its tasks, unless `CRONTAB_<NAME>` says otherwise. */
const taskDefaults = {
  hourly: '0 * * * *',
  daily: '10 1 * * *',
  weekly: '20 2 * * 0',
  monthly: '30 3 1 * *',
} as const;

/** Names that mean: not by itself. */
export const never: ReadonlySet<string> = new Set(['never', 'manual']);

/** The `CRONTAB_<NAME>` that are set. @throws AppError `input/invalid` that names the variable */
export function givenPeriodicities(reader: EnvironmentReader): Periodicities {
  const given = new Map<string, string | undefined>();
  for (const [variable, value] of Object.entries(reader.environment)) {
    const name = /^CRONTAB_(.+)$/u.exec(variable)?.[1]?.toLowerCase();
    if (name === undefined || value === undefined) continue;
    if (never.has(name)) {
      reader.warn(`"${variable}" has no effect: "${name}" is when nothing runs`);
      continue;
    }
    const expression = unquoted(value).trim();
    given.set(name, expression === '' ? undefined : checkedCron(variable, expression));
  }
  return given;
}

export const jobPeriodicities = (given: Periodicities): Periodicities =>
  new Map<string, string | undefined>([...Object.entries(jobDefaults), ...given]);

export const taskPeriodicities = (given: Periodicities): Periodicities =>
  new Map<string, string | undefined>([...Object.entries(taskDefaults), ...given]);

/** A cron expression that can be read, without quotes. @throws AppError `input/invalid` that names the variable */
export function checkedCron(variable: string, expression: string): string {
  try {
    parseCron(expression);
    return expression;
  } catch (cause) {
    throw new AppError('input/invalid', `${variable}: ${messageOf(cause)}`, {
      cause,
      ...(hasCode(cause) && cause.hint !== undefined && { hint: cause.hint }),
    });
  }
}
