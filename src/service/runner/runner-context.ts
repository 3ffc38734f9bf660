import type { Clock } from '../../base/clock.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import type { Configuration } from '../../model/configuration.ts';
import type { CommandsJob, TaskJob } from '../../model/job.ts';
import type { WorkerIdentity } from '../../model/run.ts';
import type { Feed } from '../feed.ts';
import type { ServiceLog } from '../log.ts';
import type { OwnProgramSettings } from '../program/own-program.ts';
import type { RunEvent } from '../run-event.ts';
import type { ActivityRunner, ContainerKeeper } from './step-context.ts';

/** What runs are executed with, the same for all of them. */
export interface RunnerContext {
  readonly catalog: Catalog;
  readonly worker: WorkerIdentity;
  readonly clock: Clock;
  readonly log: ServiceLog;
  readonly feed: Feed<RunEvent>;
  /** How operations of our own are started; its environment is that of the service. */
  readonly program: OwnProgramSettings;
  /** Where the service keeps its things. */
  readonly stateDirectory: string;
  readonly tasks: {
    readonly runTask: ActivityRunner<TaskJob>;
    readonly runCommands: ActivityRunner<CommandsJob>;
  };
  /** The configuration as it is in the catalog now. */
  readonly readConfiguration: () => Promise<Configuration>;
  /** Dispose of the answer. */
  containersOf(configuration: Configuration): ContainerKeeper & AsyncDisposable;
}
