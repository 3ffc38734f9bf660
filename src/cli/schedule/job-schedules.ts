import { didYouMean } from '../../base/did-you-mean.ts';
import { AppError } from '../../base/errors.ts';
import type { Catalog, ScheduleState } from '../../catalog/catalog.ts';
import { type ScheduledEntry, scheduledEntries } from '../../configuration/periodicities.ts';
import type { Configuration } from '../../model/configuration.ts';
import { jitterKey } from '../../model/schedule/jitter.ts';
import type { DueTime } from '../../model/schedule/schedule.ts';
import { upcomingRuns } from '../../model/schedule/schedule-position.ts';
import { fullHostName } from '../jobs/full-host-name.ts';
import type { CommandSession } from '../session.ts';

/** The schedules of the jobs in a catalog, and how far each has come. */
export interface JobSchedules {
  readonly configuration: Configuration;
  readonly entries: readonly ScheduledEntry[];
  readonly states: ReadonlyMap<string, ScheduleState>;
  readonly hostname: string;
  readonly now: number;
}

/** Reads them; schedules that cannot be read are told as warnings. */
export async function readJobSchedules(
  catalog: Catalog,
  session: CommandSession,
): Promise<JobSchedules> {
  const { signal, clock, timeZone, output } = session;
  const configuration = await catalog.configuration.read({ signal });
  const { entries, problems } = scheduledEntries(configuration, timeZone);
  for (const error of problems) output.report({ type: 'problem', severity: 'warning', error });
  return {
    configuration,
    entries,
    states: await catalog.schedules.list({ signal }),
    hostname: configuration.settings.hostname ?? (await fullHostName(session)),
    now: clock.now(),
  };
}

/** The next runs of a schedule. One that no server has seen yet begins with now. */
export function nextRunsOf(
  { states, hostname, now }: JobSchedules,
  { entry, job, schedule }: ScheduledEntry,
  count: number,
  options: { readonly withSkipped?: boolean } = {},
): DueTime[] {
  const state = states.get(entry) ?? { consideredUntil: now, skipNext: 0 };
  const position = options.withSkipped === true ? { ...state, skipNext: 0 } : state;
  return upcomingRuns(schedule, position, now, jitterKey(hostname, job.name), count);
}

/** Throws `job/missing`, with the name that was probably meant. */
export function assertJob({ configuration: { jobs } }: JobSchedules, name: string): void {
  const names = jobs.map((job) => job.name);
  if (names.includes(name)) return;
  const nearest = didYouMean(name, names);
  throw new AppError('job/missing', `There is no job "${name}"`, {
    ...(nearest !== undefined && { hint: `Did you mean "${nearest}"?` }),
  });
}
