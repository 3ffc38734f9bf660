import { AppError, messageOf } from '../base/errors.ts';
import type { Configuration } from '../model/configuration.ts';
import type { Job } from '../model/job.ts';
import {
  type ResolvedSchedule,
  resolveSchedule,
  type ScheduleDefaults,
} from '../model/schedule/schedule.ts';
import { type ScheduleEntry, scheduleEntries } from '../model/schedule/schedule-entries.ts';

/** An entry of the schedule with everything that decides when it is due. */
export interface ScheduledEntry extends Omit<ScheduleEntry, 'job' | 'schedule'> {
  readonly job: Job;
  readonly schedule: ResolvedSchedule;
}

export interface ScheduledEntries {
  /** Of enabled jobs, without what is only run by hand. */
  readonly entries: readonly ScheduledEntry[];
  /** One for each schedule that cannot be read, naming its job. */
  readonly problems: readonly AppError[];
}

/** What the schedules of a configuration have in common. `timeZone` is for one that names none. */
export function scheduleDefaults(
  { settings }: Pick<Configuration, 'settings'>,
  timeZone: string,
): ScheduleDefaults {
  return { timeZone: settings.timeZone ?? timeZone, blackout: settings.blackout };
}

/** What all jobs of a configuration want to run by themselves. */
export function scheduledEntries(configuration: Configuration, timeZone: string): ScheduledEntries {
  const defaults = scheduleDefaults(configuration, timeZone);
  const entries: ScheduledEntry[] = [];
  const problems: AppError[] = [];
  for (const job of configuration.jobs) {
    if (job.enabled === false) continue;
    for (const entry of scheduleEntries(job)) {
      try {
        const schedule = resolveSchedule(entry.schedule, configuration.periodicities, defaults);
        if (schedule.expression !== undefined) entries.push({ ...entry, job, schedule });
      } catch (error) {
        problems.push(problemOf(`The schedule of the job "${job.name}"`, entry, error));
      }
    }
  }
  return { entries, problems };
}

/**
 * Sees to it that every schedule of a configuration can be read, also those of disabled jobs, and every periodicity.
 *
 * @throws AppError `input/invalid` that names the job or periodicity
 */
export function checkSchedules(configuration: Configuration, timeZone: string): void {
  const defaults = scheduleDefaults(configuration, timeZone);
  const { periodicities } = configuration;
  for (const name of Object.keys(periodicities)) {
    try {
      resolveSchedule(name, periodicities, defaults);
    } catch (error) {
      throw problemOf(`The periodicity "${name}"`, undefined, error);
    }
  }
  for (const job of configuration.jobs) {
    for (const entry of scheduleEntries(job)) {
      try {
        resolveSchedule(entry.schedule, periodicities, defaults);
      } catch (error) {
        throw problemOf(`The schedule of the job "${job.name}"`, entry, error);
      }
    }
  }
}

function problemOf(what: string, entry: ScheduleEntry | undefined, cause: unknown): AppError {
  const whose =
    entry === undefined || !['retention', 'check', 'drill'].includes(entry.activity)
      ? what
      : `${what} for its ${entry.activity}`;
  const hint = cause instanceof AppError ? cause.hint : undefined;
  return new AppError('input/invalid', `${whose} cannot be read: ${messageOf(cause)}`, {
    cause,
    ...(hint !== undefined && { hint }),
  });
}
