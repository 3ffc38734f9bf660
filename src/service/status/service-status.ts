import type { CallOptions } from '../../base/call-options.ts';
import { type JobStatus, type Verdict, verdicts } from '../../model/job-status.ts';
import type { JobStatuses, JobStatusesOptions } from './job-statuses.ts';

/** Grows when a field changes its meaning or goes; new fields may come without. */
export const STATUS_SCHEMA = 1;

/** How everything stands: what the status file, the metrics, Nagios and the API tell. No secrets; times are milliseconds since 1970. */
export interface ServiceStatus {
  readonly schema: typeof STATUS_SCHEMA;
  /** When it was found out. */
  readonly at: number;
  /** A newer one is promised by then; missing where no service runs that could. */
  readonly validUntil?: number;
  /** Of the program. */
  readonly version: string;
  readonly host: string;
  /** Labels for metrics. */
  readonly labels: Readonly<Record<string, string>>;
  /** How many jobs there are of each verdict. */
  readonly verdicts: Readonly<Record<Verdict, number>>;
  readonly queue: { readonly waiting: number; readonly running: number };
  /** Reports that are on their way, and those that could not be told. */
  readonly outbox: { readonly waiting: number; readonly givenUp: number };
  readonly jobs: readonly JobStatus[];
}

export interface ServiceStatusSource extends Pick<JobStatusesOptions, 'catalog' | 'clock'> {
  readonly statuses: JobStatuses;
  readonly version: string;
  /** Name of this machine, where the settings give none. */
  readonly hostName: string;
}

/** So many runs are counted at most. */
const MOST_RUNS = 100_000;

/** Finds out how everything stands. */
export async function readServiceStatus(
  { catalog, clock, statuses, version, hostName }: ServiceStatusSource,
  options: CallOptions = {},
): Promise<ServiceStatus> {
  const [jobs, underWay, reports] = await Promise.all([
    statuses.read(options),
    catalog.runs.list({ states: ['queued', 'running'], limit: MOST_RUNS }, options),
    catalog.outbox.list(options),
  ]);
  const { settings } = await statuses.configuration(options);
  const count = <Item>(items: readonly Item[], is: (item: Item) => boolean): number =>
    items.filter((item) => is(item)).length;
  return {
    schema: STATUS_SCHEMA,
    at: clock.now(),
    version,
    host: settings.hostname ?? hostName,
    labels: settings.metricsLabels ?? {},
    verdicts: Object.fromEntries(
      verdicts.map((verdict) => [verdict, count(jobs, (job) => job.verdict === verdict)]),
    ) as Record<Verdict, number>,
    queue: {
      waiting: count(underWay, ({ state }) => state === 'queued'),
      running: count(underWay, ({ state }) => state === 'running'),
    },
    outbox: {
      waiting: count(reports, ({ givenUp }) => !givenUp),
      givenUp: count(reports, ({ givenUp }) => givenUp),
    },
    jobs,
  };
}
