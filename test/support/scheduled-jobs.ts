import { hasCode } from '../../src/base/errors.ts';
import { CatalogKey } from '../../src/catalog/catalog-key.ts';
import type { Catalog } from '../../src/catalog/catalog.ts';
import { openCatalog } from '../../src/catalog/open-catalog.ts';
import type { Configuration } from '../../src/model/configuration.ts';
import type { Job } from '../../src/model/job.ts';
import type { JobSchedule } from '../../src/model/job-schedule.ts';
import type { Run } from '../../src/model/run.ts';
import { createLog, type LogLine } from '../../src/service/log.ts';
import { Scheduler, type SchedulerOptions } from '../../src/service/scheduler/scheduler.ts';
import type { SteeredClock } from './steered-clock.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const key = CatalogKey.random();

/** Jobs that do nothing, by name, with their schedules. */
export function jobsOf(
  schedules: Readonly<Record<string, JobSchedule | readonly JobSchedule[]>>,
): Job[] {
  return Object.entries(schedules).map(([name, schedule]) => {
    return { kind: 'commands', name, schedule, commands: [{ name: '1', command: 'true' }] };
  });
}

export const configurationOf = (
  jobs: readonly Job[],
  more: Partial<Configuration> = {},
): Configuration => ({
  jobs,
  destinations: {},
  channels: {},
  periodicities: {},
  settings: { timeZone: 'UTC' },
  ...more,
});

/** A catalog in a file of its own, and schedulers on it that tests start and end. */
export class ScheduledJobs implements AsyncDisposable {
  readonly clock: SteeredClock;
  readonly lines: LogLine[] = [];
  isOnline = true;
  readonly #stack: AsyncDisposableStack;
  readonly #file: string;
  readonly #catalog: Catalog;
  #running = 0;

  private constructor(
    clock: SteeredClock,
    stack: AsyncDisposableStack,
    file: string,
    catalog: Catalog,
  ) {
    this.clock = clock;
    this.#stack = stack;
    this.#file = file;
    this.#catalog = catalog;
  }

  static async open(clock: SteeredClock, configuration: Configuration): Promise<ScheduledJobs> {
    const stack = new AsyncDisposableStack();
    const directory = stack.use(await temporaryDirectory());
    const file = `${directory.path}/catalog.sqlite`;
    const catalog = stack.use(await openCatalog({ location: { file }, key, clock }));
    const jobs = new ScheduledJobs(clock, stack, file, catalog);
    await jobs.configure(configuration);
    return jobs;
  }

  get catalog(): Catalog {
    return this.#catalog;
  }

  async configure(configuration: Configuration): Promise<void> {
    await this.#catalog.configuration.replace(configuration, 'test');
  }

  /** Starts a scheduler with a connection of its own, as another process would. */
  async start(
    options: Partial<SchedulerOptions> = {},
  ): Promise<Scheduler & { readonly ended: () => Promise<void> }> {
    const { clock } = this;
    const catalog = this.#stack.use(
      await openCatalog({ location: { file: this.#file }, key, clock }),
    );
    const scheduler = await Scheduler.start({
      catalog,
      clock,
      log: createLog(
        () => clock.now(),
        (line) => this.lines.push(line),
      ),
      timeZone: 'UTC',
      hostname: 'host',
      isOnline: () => Promise.resolve(this.isOnline),
      longestSleep: 10 * 60_000,
      ...options,
    });
    this.#running++;
    await clock.asleep(this.#running);
    return Object.assign(scheduler, {
      ended: async () => {
        this.#running--;
        await scheduler[Symbol.asyncDispose]();
      },
    });
  }

  /** Time passes with all schedulers at work. */
  passUntil(time: number): Promise<void> {
    return this.#running === 0
      ? Promise.resolve(this.clock.set(time))
      : this.clock.passUntil(time, this.#running);
  }

  pass(milliseconds: number): Promise<void> {
    return this.passUntil(this.clock.now() + milliseconds);
  }

  /** Waits until all schedulers have nothing to do. */
  settled(): Promise<void> {
    return this.clock.asleep(this.#running);
  }

  async runs(job?: string): Promise<readonly Run[]> {
    const found = await this.#catalog.runs.list({
      limit: 100_000,
      ...(job !== undefined && { job }),
    });
    return found.toReversed();
  }

  /** When runs were queued, in UTC: `03-29 01:00 schedule`. */
  async queued(job?: string): Promise<string[]> {
    return (await this.runs(job)).map(
      ({ queuedAt, trigger }) =>
        `${new Date(queuedAt).toISOString().slice(5, 16).replace('T', ' ')} ${trigger}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

export const isInvalid = (error: unknown): boolean => hasCode(error, 'input/invalid');
