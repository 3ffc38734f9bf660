import path from 'node:path';

import { systemClock } from '../../src/base/clock.ts';
import { identifyProcess } from '../../src/base/process-identity.ts';
import { CatalogKey } from '../../src/catalog/catalog-key.ts';
import type { Catalog, OutboxEntry } from '../../src/catalog/catalog.ts';
import { openCatalog } from '../../src/catalog/open-catalog.ts';
import type { Configuration } from '../../src/model/configuration.ts';
import type { Job } from '../../src/model/job.ts';
import { priorityOf, runKeys } from '../../src/model/run-keys.ts';
import type { Run } from '../../src/model/run.ts';
import { EngineContainerKeeper } from '../../src/service/containers/container-keeper.ts';
import { Feed } from '../../src/service/feed.ts';
import { createLog, type LogLine } from '../../src/service/log.ts';
import type { RunEvent } from '../../src/service/run-event.ts';
import { RunWorker, type RunWorkerContext } from '../../src/service/runner/run-worker.ts';
import { runCommands } from '../../src/service/tasks/run-commands.ts';
import { runTask } from '../../src/service/tasks/run-task.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** How the program is started as a child in tests. */
export const ownProgramArgv: readonly string[] = [process.execPath, path.join(root, 'src/main.ts')];

/** A catalog in a directory of its own, with a worker that executes runs by real child programs. */
export interface TestRunner extends AsyncDisposable {
  readonly directory: string;
  readonly catalog: Catalog;
  readonly context: RunWorkerContext;
  readonly worker: RunWorker;
  readonly events: readonly RunEvent[];
  readonly lines: readonly LogLine[];
  /** What would have been told. */
  readonly told: readonly Run[];
  /** A file or directory in it. */
  place(...names: readonly string[]): string;
  configure(jobs: readonly Job[], rest?: Partial<Configuration>): Promise<void>;
  /** Queues a run. */
  queue(
    job: string,
    activity?: Run['activity'],
    more?: Partial<Pick<Run, 'trigger' | 'parameters'>>,
  ): Promise<Run>;
  /** Queues a run, executes it, and gives it as it is in the catalog afterwards. */
  run(
    job: string,
    activity?: Run['activity'],
    more?: Partial<Pick<Run, 'trigger' | 'parameters'>>,
  ): Promise<Run>;
}

export async function testRunner(given: Partial<RunWorkerContext> = {}): Promise<TestRunner> {
  const temporary = await temporaryDirectory();
  const directory = temporary.path;
  const catalog = await openCatalog({
    location: { file: path.join(directory, 'catalog.sqlite') },
    key: new CatalogKey('a key for tests only'),
    clock: systemClock,
  });
  const events: RunEvent[] = [];
  const lines: LogLine[] = [];
  const told: Run[] = [];
  const feed = new Feed<RunEvent>((error) => {
    throw error;
  });
  feed.subscribe((event) => void events.push(event));
  const context: RunWorkerContext = {
    catalog,
    worker: identifyProcess(),
    clock: systemClock,
    log: createLog(
      () => Date.now(),
      (line) => void lines.push(line),
    ),
    feed,
    program: {
      argv: ownProgramArgv,
      environment: {
        PATH: process.env['PATH'],
        HOME: directory,
        HOLDFAST_STATE_DIR: path.join(directory, 'state'),
        HOLDFAST_CACHE_DIR: path.join(directory, 'cache'),
      },
      directory,
    },
    stateDirectory: path.join(directory, 'state'),
    tasks: { runTask, runCommands },
    renewal: 200,
    readConfiguration: () => catalog.configuration.read(),
    containersOf: () =>
      new EngineContainerKeeper({
        catalog,
        environment: {},
        address: 'unix:///nonexistent/docker.sock',
      }),
    async reportsOf(run): Promise<readonly OutboxEntry[]> {
      told.push(run);
      return [];
    },
    ...given,
  };
  const worker = new RunWorker(context);
  const queue: TestRunner['queue'] = async (name, activity = 'backup', more = {}) => {
    const configuration = await catalog.configuration.read();
    const job = configuration.jobs.find((one) => one.name === name)!;
    const trigger = more.trigger ?? 'manual';
    return await catalog.queue.add(
      {
        job: name,
        activity,
        trigger,
        priority: priorityOf(trigger, activity),
        keys: runKeys(job, configuration, activity),
        ...(more.parameters !== undefined && { parameters: more.parameters }),
      },
      Date.now(),
    );
  };
  return {
    directory,
    catalog,
    context,
    worker,
    events,
    lines,
    told,
    place: (...names) => path.join(directory, ...names),
    async configure(jobs, rest = {}) {
      const nothing = { destinations: {}, channels: {}, periodicities: {}, settings: {} };
      await catalog.configuration.replace({ ...nothing, ...rest, jobs }, 'test');
    },
    queue,
    async run(name, activity, more) {
      const { id } = await queue(name, activity, more);
      const claimed = await catalog.queue.claim(context.worker, Date.now(), { only: id });
      await worker.work(claimed!, new AbortController().signal);
      return (await catalog.runs.get(id))!;
    },
    async [Symbol.asyncDispose]() {
      await catalog[Symbol.asyncDispose]();
      await temporary[Symbol.asyncDispose]();
    },
  };
}
