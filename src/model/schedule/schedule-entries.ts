import type { JobSchedule } from '../job-schedule.ts';
import type { Activity, Job } from '../job.ts';

/** One schedule of a job, by the name under which the catalog remembers how far it has come. */
export interface ScheduleEntry {
  /** `<job>/<activity>/<number>`; numbers begin with 1. */
  readonly entry: string;
  readonly job: string;
  readonly activity: Activity;
  readonly schedule: JobSchedule;
}

/** What the schedule of a job makes it do. */
export const mainActivityOf = ({ kind }: Pick<Job, 'kind'>): Activity => kind;

/**
 * Every schedule of a job: those of its main activity in the order in which they are written, then those of retention, check and drill. What has no schedule
 * is not among them; whether a schedule is `manual`, and whether the job is enabled, is for `resolveSchedule` and the scheduler to say.
 */
export function scheduleEntries(job: Job): ScheduleEntry[] {
  const found = entriesOf(job, mainActivityOf(job), job.schedule);
  if (job.kind !== 'backup') return found;
  return [
    ...found,
    ...entriesOf(job, 'retention', job.retention?.schedule),
    ...entriesOf(job, 'check', job.check?.schedule),
    ...entriesOf(job, 'drill', job.drill?.schedule),
  ];
}

function entriesOf(
  { name }: Job,
  activity: Activity,
  given: JobSchedule | readonly JobSchedule[] | undefined,
): ScheduleEntry[] {
  if (given === undefined) return [];
  return [given].flat().map((schedule, index) => ({
    entry: `${name}/${activity}/${index + 1}`,
    job: name,
    activity,
    schedule,
  }));
}
