import { AppError, messageOf } from '../base/errors.ts';
import type { Configuration } from '../model/configuration.ts';
import type { Job } from '../model/job.ts';
import type { JobSchedule } from '../model/job-schedule.ts';
import {
  type ResolvedSchedule,
  resolveSchedule,
  type ScheduleDefaults,
} from '../model/schedule/schedule.ts';
import {
  mainActivityOf,
  type ScheduleEntry,
  scheduleEntries,
} from '../model/schedule/schedule-entries.ts';
import type { ConfigurationProblem } from './configuration-problem.ts';

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
 * What is wrong with the schedules of a configuration, by the place where it is written: also with those of disabled jobs, with periodicities that nobody uses, and with
 * the time zone and blackout windows of the settings.
 */
export function scheduleProblems(
  configuration: Pick<Configuration, 'jobs' | 'periodicities' | 'settings'>,
): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  const { periodicities, settings, jobs } = configuration;
  const isFit = (
    path: ConfigurationProblem['path'],
    schedule: JobSchedule,
    defaults: ScheduleDefaults,
  ) => {
    try {
      resolveSchedule(schedule, periodicities, defaults);
      return true;
    } catch (error) {
      problems.push({ path, message: sentenceOf(error) });
      return false;
    }
  };
  // What is wrong for all of them is told once.
  const timeZone =
    settings.timeZone !== undefined &&
    isFit(['settings', 'timeZone'], 'manual', { timeZone: settings.timeZone })
      ? settings.timeZone
      : 'UTC';
  const { blackout } = settings;
  const isOpen = isFit(['settings', 'blackout'], 'manual', { timeZone, blackout });
  const defaults = { timeZone, blackout: isOpen ? blackout : undefined };
  for (const name of Object.keys(periodicities)) isFit(['periodicities', name], name, defaults);
  for (const job of jobs) {
    for (const { entry, activity, schedule } of scheduleEntries(job)) {
      const own = activity === mainActivityOf(job) ? [] : [activity];
      const at =
        Array.isArray(job.schedule) && own.length === 0
          ? [Number(entry.split('/').at(-1)) - 1]
          : [];
      isFit(['jobs', job.name, ...own, 'schedule', ...at], schedule, defaults);
    }
  }
  return problems;
}

/**
 * Sees to it that every schedule of a configuration can be read, as `scheduleProblems` does.
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

/** One sentence with what to do about it, where that is short. */
function sentenceOf(error: unknown): string {
  const hint = error instanceof AppError ? error.hint : undefined;
  return hint?.startsWith('Did you mean') === true
    ? `${messageOf(error)}; d${hint.slice(1)}`
    : messageOf(error);
}
