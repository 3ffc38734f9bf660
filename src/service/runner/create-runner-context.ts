import type { ProcessIdentity } from '../../base/process-identity.ts';
import type { Configuration } from '../../model/configuration.ts';
import { EngineContainerKeeper } from '../containers/container-keeper.ts';
import type { Feed } from '../feed.ts';
import type { ServiceLog } from '../log.ts';
import type { OwnProgramSettings } from '../program/own-program.ts';
import type { RunEvent } from '../run-event.ts';
import { runCommands } from '../tasks/run-commands.ts';
import { runTask } from '../tasks/run-task.ts';
import { reportMaker, type ReportMakerOptions } from './report-maker.ts';
import type { RunWorkerContext } from './run-worker.ts';

export interface RunnerContextOptions extends ReportMakerOptions {
  readonly worker: ProcessIdentity;
  readonly log: ServiceLog;
  readonly feed: Feed<RunEvent>;
  readonly program: OwnProgramSettings;
  readonly stateDirectory: string;
  /** One that remembers what has not changed saves time where there are thousands of jobs. */
  readonly readConfiguration?: () => Promise<Configuration>;
}

/** Puts together what runs are executed with. */
export function createRunnerContext(options: RunnerContextOptions): RunWorkerContext {
  const { catalog, worker, clock, program } = options;
  return {
    readConfiguration: () => catalog.configuration.read(),
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
