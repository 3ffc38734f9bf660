import type { ActivityStatus, JobStatus } from '../../model/job-status.ts';
import type { ServiceStatus } from './service-status.ts';

type Labels = Readonly<Record<string, string>>;

interface Sample {
  readonly labels?: Labels;
  /** Missing: there is nothing to tell, which is not the same as zero. */
  readonly value: number | undefined;
}

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** Metrics in the text format of Prometheus, version 0.0.4: all are gauges, times are seconds since 1970. */
export function metricsText(status: ServiceStatus): string {
  const custom = Object.fromEntries(
    Object.entries(status.labels).filter(([name]) => isLabelName(name)),
  );
  return metricsOf(status)
    .map((metric) => metricLines(metric, custom))
    .join('');
}

function metricsOf(status: ServiceStatus): readonly Metric[] {
  const { jobs } = status;
  const single = (name: string, help: string, value: number, labels: Labels = {}): Metric => ({
    name,
    help,
    samples: [{ value, labels }],
  });
  const ofJobs = (
    name: string,
    help: string,
    value: (job: JobStatus) => number | undefined,
  ): Metric => ({
    name: `holdfast_job_${name}`,
    help,
    samples: jobs.map((job) => ({ labels: { job_name: job.job }, value: value(job) })),
  });
  const ofActivities = (
    name: string,
    help: string,
    value: (activity: ActivityStatus) => number | undefined,
  ): Metric => ({
    name: `holdfast_job_${name}`,
    help,
    samples: jobs.flatMap(({ job, activities }) =>
      activities.map((one) => ({
        labels: { job_name: job, activity: one.activity },
        value: value(one),
      })),
    ),
  });
  const { version, host } = status;
  return [
    single('holdfast_build_info', 'The version of the program, as a label.', 1, { version, host }),
    single(
      'holdfast_status_timestamp_seconds',
      'When all of this was found out.',
      seconds(status.at)!,
    ),
    single('holdfast_queue_length', 'Runs that wait.', status.queue.waiting),
    single('holdfast_running_runs', 'Runs that are under way.', status.queue.running),
    single(
      'holdfast_reports_waiting',
      'Reports that have not been sent yet.',
      status.outbox.waiting,
    ),
    single(
      'holdfast_reports_given_up',
      'Reports that could not be sent and are not tried again.',
      status.outbox.givenUp,
    ),
    {
      name: 'holdfast_jobs',
      help: 'Jobs by how they stand.',
      samples: Object.entries(status.verdicts).map(([verdict, value]) => ({
        labels: { verdict },
        value,
      })),
    },
    ofJobs('enabled', 'Whether the job runs by itself (1) or is disabled (0).', ({ verdict }) =>
      Number(verdict !== 'disabled'),
    ),
    ofJobs(
      'late',
      'Whether there was no success for longer than there may be (1), also if there never was one.',
      ({ isLate }) => Number(isLate),
    ),
    ofJobs('running', 'Whether the job is under way (1).', ({ isRunning }) => Number(isRunning)),
    ofJobs('next_run_timestamp_seconds', 'When the job runs next.', ({ nextRun }) =>
      seconds(nextRun),
    ),
    ofJobs('due_timestamp_seconds', 'Until when a success is counted on.', ({ dueBy }) =>
      seconds(dueBy),
    ),
    ofJobs(
      'last_proven_restorable_timestamp_seconds',
      'When a restore for practice last went well.',
      ({ lastProvenRestorable }) => seconds(lastProvenRestorable),
    ),
    ofActivities(
      'last_result',
      'How it last ended: 0 success, 1 success with warnings, 2 failure. Skipped and cancelled runs change nothing.',
      ({ verdict }) => results[verdict],
    ),
    ofActivities(
      'failures_in_a_row',
      'How often it failed since the last success.',
      (one) => one.failuresInARow,
    ),
    ofActivities('last_attempt_timestamp_seconds', 'When it last ended, however.', ({ lastRun }) =>
      seconds(lastRun?.finishedAt),
    ),
    ofActivities('last_success_timestamp_seconds', 'When it last succeeded.', ({ lastSuccess }) =>
      seconds(lastSuccess?.finishedAt),
    ),
    ofActivities('last_failure_timestamp_seconds', 'When it last failed.', ({ lastFailure }) =>
      seconds(lastFailure?.finishedAt),
    ),
    ofActivities('last_success_duration_seconds', 'How long its last success took.', (one) =>
      seconds(one.lastSuccess?.duration),
    ),
    ofActivities(
      'last_success_files',
      'Files that its last success dealt with.',
      (one) => one.lastSuccess?.files,
    ),
    ofActivities(
      'last_success_size_bytes',
      'How much its last success dealt with.',
      (one) => one.lastSuccess?.bytes,
    ),
    ofActivities(
      'last_success_added_bytes',
      'How much its last success stored.',
      (one) => one.lastSuccess?.bytesAdded,
    ),
    ofActivities(
      'last_success_warnings',
      'How many warnings its last success had.',
      (one) => one.lastSuccess?.warnings,
    ),
    {
      name: 'holdfast_destination_last_result',
      help: 'How the last run of the job ended for a destination: 0 success, 1 success with warnings, 2 failure.',
      samples: jobs.flatMap(destinationSamples),
    },
  ];
}

const results = { ok: 0, warning: 1, failed: 2, never: undefined } as const;

/** Several steps for one destination count as the worst of them. */
function destinationSamples({ job, ...status }: JobStatus): Sample[] {
  const run = status.failuresInARow > 0 ? status.lastFailure : status.lastSuccess;
  const worst = new Map<string, number>();
  for (const { destination, outcome } of run?.destinations ?? []) {
    const result =
      outcome === 'succeeded'
        ? 0
        : outcome === 'warned'
          ? 1
          : outcome === 'skipped'
            ? undefined
            : 2;
    if (result !== undefined) worst.set(destination, Math.max(worst.get(destination) ?? 0, result));
  }
  return [...worst].map(([destination, value]) => ({
    labels: { job_name: job, destination },
    value,
  }));
}

function metricLines({ name, help, samples }: Metric, custom: Labels): string {
  const lines = samples.flatMap(({ labels = {}, value }) =>
    value === undefined ? [] : [`${name}${labelText({ ...custom, ...labels })} ${value}\n`],
  );
  if (lines.length === 0) return '';
  return `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} gauge\n${lines.join('')}`;
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

/** What our own labels are called would mean something else on metrics that have none. */
const ownLabels = new Set(['job_name', 'activity', 'destination', 'verdict']);

/** Names that begin with two underscores are Prometheus's own. */
const isLabelName = (name: string): boolean =>
  /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/u.test(name) && !ownLabels.has(name);

/** "Exposition formats", comments and escapes: backslash, double quote and line feed. */
const escapeLabel = (text: string): string =>
  text.toWellFormed().replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

const escapeHelp = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');

const seconds = (milliseconds: number | undefined): number | undefined =>
  milliseconds === undefined ? undefined : milliseconds / 1000;
