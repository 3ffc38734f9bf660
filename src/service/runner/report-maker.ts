import type { Clock } from '../../base/clock.ts';
import type { ActivityHistory, Catalog } from '../../catalog/catalog.ts';
import type { Activity, Job } from '../../model/job.ts';
import type { Run } from '../../model/run.ts';
import { mainActivityOf } from '../../model/schedule/schedule-entries.ts';
import { readAlarm } from '../alarm/alarm-notes.ts';
import { reportsOf, startReportsOf, type TellingContext } from '../telling/reports-of.ts';
import type { ReportMaker } from './run-worker.ts';
import { scheduleNameOf } from './schedule-name.ts';

export interface ReportMakerOptions {
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly timeZone: string;
  readonly hostName: string;
  /** When a job's schedule wants it next. */
  readonly nextRunOf: (job: string) => Promise<number | undefined>;
}

/** Makes what is told about a run that begins or is over, for those who are to be told. */
export function reportMaker({
  catalog,
  clock,
  timeZone,
  hostName,
  nextRunOf,
}: ReportMakerOptions): ReportMaker {
  return async (run, job, configuration) => {
    const { settings } = configuration;
    // Who is told about a job that is gone nobody knows any more: all channels are.
    const told = job ?? { name: run.job, kind: 'backup' as const };
    const nextRun = await nextRunOf(run.job);
    const periodicity = job === undefined ? undefined : scheduleNameOf(job, run.activity);
    const isMain = run.activity === mainActivityOf(told);
    const context: TellingContext = {
      configuration,
      host: settings.hostname ?? hostName,
      timeZone: settings.timeZone ?? timeZone,
      now: clock.now(),
      histories: await historiesOf(run, told.kind, catalog),
      alarmed: isMain && (await readAlarm(catalog.notes, run.job)) !== undefined,
      ...(nextRun !== undefined && { nextRun }),
      ...(periodicity !== undefined && { periodicity }),
    };
    return run.state === 'running'
      ? startReportsOf(run, told, context)
      : reportsOf(run, told, context);
  };
}

/** What a report tells of: how the job itself goes, the activity of the run, and when it was proven. */
async function historiesOf(
  { job, activity }: Run,
  kind: Job['kind'],
  { runs }: Catalog,
): Promise<readonly ActivityHistory[]> {
  const wanted = new Set<Activity>([
    activity,
    kind,
    ...(kind === 'backup' ? ['drill' as const] : []),
  ]);
  const found = await Promise.all([...wanted].map((one) => runs.history(job, one)));
  return found.filter((history) => history !== undefined);
}
