import type { CallOptions } from '../../base/call-options.ts';
import type { Clock } from '../../base/clock.ts';
import type { ActivityHistory, Catalog } from '../../catalog/catalog.ts';
import type { Configuration } from '../../model/configuration.ts';
import { jobStatus, type JobStatus } from '../../model/job-status.ts';
import { mainActivityOf } from '../../model/schedule/schedule-entries.ts';
import { readWatch } from '../alarm/watch.ts';
import { ScheduleOutlook } from './schedule-outlook.ts';

/** So many runs are never under way at the same time. */
const MOST_RUNNING = 10_000;

export interface JobStatusesOptions {
  readonly catalog: Catalog;
  readonly clock: Clock;
  /** IANA name of the zone of schedules, where neither they nor the settings name one. */
  readonly timeZone: string;
  /** Name of this machine, where the settings give none. */
  readonly hostName: string;
}

/**
 * How all jobs stand, from what the catalog remembers. The configuration and what follows from schedules are kept between two calls as long as they hold,
 * so that ten thousand jobs can be asked for often.
 */
export class JobStatuses {
  readonly #options: JobStatusesOptions;
  #known: { readonly revision: number; readonly configuration: Configuration } | undefined;
  #outlook: ScheduleOutlook | undefined;

  constructor(options: JobStatusesOptions) {
    this.#options = options;
  }

  /** IANA name of the zone of schedules, where neither they nor the settings name one. */
  get timeZone(): string {
    return this.#options.timeZone;
  }

  /** Every job, in the order of their names. */
  async read(options: CallOptions = {}): Promise<readonly JobStatus[]> {
    const { catalog, clock } = this.#options;
    const configuration = await this.configuration(options);
    const [histories, running, states, watch] = await Promise.all([
      catalog.runs.histories(options),
      catalog.runs.list({ states: ['running'], limit: MOST_RUNNING }, options),
      catalog.schedules.list(options),
      readWatch(catalog.notes, options),
    ]);
    const now = clock.now();
    const outlook = this.#outlook!;
    const ofJob = Map.groupBy(histories, ({ job }: ActivityHistory) => job);
    const active = new Set(running.map(({ job, activity }) => `${job}/${activity}`));
    return configuration.jobs
      .map((job) =>
        jobStatus(job, {
          now,
          histories: ofJob.get(job.name) ?? [],
          isRunning: active.has(`${job.name}/${mainActivityOf(job)}`),
          period: outlook.periodOf(job),
          nextRun: outlook.nextRunOf(job, states, now),
          watchedSince: watch.get(job.name)?.since,
        }),
      )
      .sort((one, other) => (one.job < other.job ? -1 : 1));
  }

  /** The configuration as it is now. */
  async configuration(options: CallOptions = {}): Promise<Configuration> {
    const { configuration: store } = this.#options.catalog;
    const revision = await store.revision(options);
    if (this.#known?.revision === revision) return this.#known.configuration;
    // What is read may be newer than the revision: then it is read once more the next time.
    const configuration = await store.read(options);
    this.#known = { revision, configuration };
    const { timeZone, hostName } = this.#options;
    this.#outlook = new ScheduleOutlook(configuration, timeZone, hostName);
    return configuration;
  }

  /** What follows from the schedules of the configuration that `configuration` or `read` has read last. */
  async outlook(options: CallOptions = {}): Promise<ScheduleOutlook> {
    await this.configuration(options);
    return this.#outlook!;
  }
}
