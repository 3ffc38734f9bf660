import type { Clock } from '../../base/clock.ts';
import type { ProcessIdentity } from '../../base/process-identity.ts';
import type { ActivityHistory, Catalog } from '../../catalog/catalog.ts';
import type { Activity, Job } from '../../model/job.ts';
import type { Run } from '../../model/run.ts';
import { EngineContainerKeeper } from '../containers/container-keeper.ts';
import type { Feed } from '../feed.ts';
import type { ServiceLog } from '../log.ts';
import type { OwnProgramSettings } from '../program/own-program.ts';
import type { RunEvent } from '../run-event.ts';
import { runCommands } from '../tasks/run-commands.ts';
import { runTask } from '../tasks/run-task.ts';
import { reportsOf, startReportsOf, type TellingContext } from '../telling/reports-of.ts';
import { scheduleNameOf } from './schedule-name.ts';
import type { ReportMaker, RunWorkerContext } from './run-worker.ts';

export interface RunnerContextOptions {
  readonly catalog: Catalog;
  readonly worker: ProcessIdentity;
  readonly clock: Clock;
  readonly log: ServiceLog;
  readonly feed: Feed<RunEvent>;
  readonly program: OwnProgramSettings;
  readonly stateDirectory: string;
  readonly timeZone: string;
  readonly hostName: string;
  /** When a job's schedule wants it next. */
  readonly nextRunOf: (job: string) => Promise<number | undefined>;
}

/** Puts together what runs are executed with. */
export function createRunnerContext(options: RunnerContextOptions): RunWorkerContext {
  const { catalog, worker, clock, program } = options;
  return {
    ...options,
    tasks: { runTask, runCommands },
    containersOf: ({ settings }) =>
      new EngineContainerKeeper({
        catalog,
        host: worker.host,
        clock,
        environment: program.environment,
        ...(settings.containerSocket !== undefined && { address: settings.containerSocket }),
      }),
    reportsOf: reportMaker(options),
  };
}

/** What is told about a run that begins or is over, and to whom. */
function reportMaker({
  catalog,
  clock,
  timeZone,
  hostName,
  nextRunOf,
}: RunnerContextOptions): ReportMaker {
  return async (run, job, configuration) => {
    const { settings } = configuration;
    // Who is told about a job that is gone nobody knows any more; all channels are.
    const told = job ?? { name: run.job, kind: 'backup' as const };
    const nextRun = await nextRunOf(run.job);
    const periodicity = job === undefined ? undefined : scheduleNameOf(job, run.activity);
    const context: TellingContext = {
      configuration,
      host: settings.hostname ?? hostName,
      timeZone: settings.timeZone ?? timeZone,
      now: clock.now(),
      histories: await historiesOf(run, told.kind, catalog),
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
