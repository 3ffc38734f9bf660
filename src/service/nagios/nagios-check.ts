import { formatDuration } from '../../base/duration.ts';
import type { ActivityStatus, JobStatus } from '../../model/job-status.ts';
import type { ServiceStatus } from '../status/service-status.ts';
import { isAlert, type NagiosRange } from './nagios-range.ts';
import { type NagiosResult, oneLine, unknownResult } from './nagios-result.ts';

export const nagiosChecks = ['backup', 'retention', 'check', 'restore-test'] as const;
export type NagiosCheck = (typeof nagiosChecks)[number];

export interface NagiosOptions {
  readonly check: NagiosCheck;
  /** Globs (`*`, `?`) of names; all jobs if there are none. */
  readonly jobs: readonly string[];
  /** Ages since the last success. With one of them the alarm of the job does not count. */
  readonly warning?: NagiosRange | undefined;
  readonly critical?: NagiosRange | undefined;
  /** A failure is critical instead of a warning. */
  readonly isFailureCritical?: boolean;
  /** Success with warnings is a warning. */
  readonly isWarningAlert?: boolean;
  readonly hasPerformanceData?: boolean;
  readonly now: number;
}

/** The first line is shown in lists and sent by SMS. */
const LONGEST_LINE = 250;
/** NRPE carries 64 KiB at most. */
const MOST_DETAILS = 50;
const MOST_JOBS_WITH_DATA = 50;
/** Clocks of two machines differ by so much, in milliseconds. */
const CLOCK_TOLERANCE = 5 * 60_000;

const words = ['OK', 'WARNING', 'CRITICAL', 'UNKNOWN'] as const;
const subjects: Readonly<Record<NagiosCheck, string>> = {
  backup: 'Backup',
  retention: 'Deletion',
  check: 'Check',
  'restore-test': 'Restore test',
};

interface Finding {
  readonly job: string;
  readonly severity: 0 | 1 | 2;
  readonly message: string;
  readonly age: number;
  readonly last: ActivityStatus['lastSuccess'];
}

/**
 * Judges a status as a plugin of Nagios does: `OK`, or `WARNING: Backup not completed successfully:` and why, with details on further lines. A run that is
 * under way changes nothing. Lateness is reckoned anew from `now`: nobody may have written the status since.
 */
export function nagiosResult(status: ServiceStatus, options: NagiosOptions): NagiosResult {
  const { now, check } = options;
  if (status.validUntil !== undefined && now > status.validUntil) {
    return unknownResult(
      `The status is ${formatDuration(now - status.at)} old: the service does not run any more`,
    );
  }
  if (status.at > now + CLOCK_TOLERANCE) {
    return unknownResult(`The status is from the future: one of the clocks is wrong`);
  }
  const wanted = status.jobs.filter(({ job }) => fits(job, options.jobs));
  if (wanted.length === 0) {
    return unknownResult(
      status.jobs.length === 0
        ? 'There are no jobs'
        : `There is no job "${options.jobs.join('", "')}"`,
    );
  }
  const findings = wanted.flatMap((job) => findingOf(job, options) ?? []);
  if (findings.length === 0 && check !== 'backup' && hasThreshold(options)) {
    return unknownResult(`There is no ${subjects[check].toLowerCase()} to judge`);
  }
  const bad = findings
    .filter(({ severity }) => severity > 0)
    .sort((one, other) => other.severity - one.severity);
  const worst = bad[0]?.severity ?? 0;
  const [first, ...details] =
    worst === 0 ? [okLine(findings, options)] : badLines(bad, worst, check);
  const data = hasThreshold(options) || options.hasPerformanceData === true;
  const performance = data ? ` | ${performanceData(findings, options)}` : '';
  return { status: worst, text: [`${first}${performance}`, ...details].join('\n') };
}

function findingOf(job: JobStatus, options: NagiosOptions): Finding | undefined {
  const { check, now } = options;
  if (job.verdict === 'disabled') return undefined;
  const activity = activityOf(job, check);
  if (activity === undefined) {
    // Nobody is told to try what no job says, unless somebody asks how old it is.
    if (job.kind !== 'backup' || !hasThreshold(options)) return undefined;
  }
  const last = activity?.lastSuccess;
  const since = last?.finishedAt ?? (check === 'backup' ? job.watchedSince : undefined);
  const age = since === undefined ? Infinity : Math.max(0, now - since) / 1000;
  const base = { job: job.job, age, last };
  const worst = (
    [
      failureOf(activity, options),
      ageProblem(job, age, last !== undefined, options),
      options.isWarningAlert === true && activity?.verdict === 'warning'
        ? ([1, `${last?.warnings ?? 0} warnings`] as const)
        : undefined,
    ] as const
  )
    .filter((problem) => problem !== undefined)
    .reduce<readonly [severity: 0 | 1 | 2, message: string]>(
      (found, next) => (next[0] > found[0] ? next : found),
      [0, ''],
    );
  return { ...base, severity: worst[0], message: worst[1] };
}

/** What of a job is looked at. */
function activityOf(job: JobStatus, check: NagiosCheck): ActivityStatus | undefined {
  const wanted = check === 'backup' ? job.activity : check === 'restore-test' ? 'drill' : check;
  const found = job.activities.find(({ activity }) => activity === wanted);
  if (found !== undefined || check !== 'backup') return found;
  return { activity: job.activity, verdict: 'never', failuresInARow: 0 };
}

function failureOf(
  activity: ActivityStatus | undefined,
  { isFailureCritical = false, now }: NagiosOptions,
): readonly [1 | 2, string] | undefined {
  if (activity?.verdict !== 'failed') return undefined;
  const { lastFailure, failuresInARow } = activity;
  const reason = lastFailure?.problem?.message ?? lastFailure?.reason ?? 'it failed';
  const times = failuresInARow > 1 ? ` (failed ${failuresInARow} times in a row)` : '';
  const when =
    lastFailure?.finishedAt === undefined
      ? ''
      : `, ${formatDuration(now - lastFailure.finishedAt)} ago`;
  return [isFailureCritical ? 2 : 1, `${reason}${times}${when}`];
}

function ageProblem(
  { dueBy, watchedSince }: JobStatus,
  age: number,
  hasSucceeded: boolean,
  options: NagiosOptions,
): readonly [1 | 2, string] | undefined {
  const { warning, critical, check, now } = options;
  const known =
    watchedSince === undefined ? '' : `, known for ${formatDuration(now - watchedSince)}`;
  const text = hasSucceeded
    ? `the last success was ${formatDuration(age * 1000)} ago`
    : `it never succeeded${check === 'backup' ? known : ''}`;
  if (critical !== undefined && isAlert(critical, age)) return [2, text];
  if (warning !== undefined && isAlert(warning, age)) return [1, text];
  if (hasThreshold(options) || check !== 'backup' || dueBy === undefined || now <= dueBy)
    return undefined;
  return [
    options.isFailureCritical === true ? 2 : 1,
    `${text}, it was due ${formatDuration(now - dueBy)} ago`,
  ];
}

const hasThreshold = ({ warning, critical }: NagiosOptions): boolean =>
  warning !== undefined || critical !== undefined;

function okLine(findings: readonly Finding[], options: NagiosOptions): string {
  if (!hasThreshold(options) && options.hasPerformanceData !== true) return 'OK';
  const succeeded = findings.filter(({ age }) => age !== Infinity);
  const count = `${findings.length} ${findings.length === 1 ? 'job' : 'jobs'}`;
  if (succeeded.length === 0) return `OK: ${count}`;
  const oldest = Math.max(...succeeded.map(({ age }) => age));
  return `OK: ${count}, the last success ${formatDuration(oldest * 1000)} ago at most`;
}

function badLines(bad: readonly Finding[], worst: 1 | 2, check: NagiosCheck): string[] {
  const [first] = bad;
  const more = bad.length > 1 ? ` (and ${bad.length - 1} more)` : '';
  const head = `${words[worst]}: ${subjects[check]} not completed successfully: `;
  const reason = oneLine(`${first!.job}: ${first!.message}`);
  const room = LONGEST_LINE - head.length - more.length;
  const shown = reason.length > room ? `${reason.slice(0, room - 1)}…` : reason;
  const details = bad
    .slice(0, MOST_DETAILS)
    .map(({ job, severity, message }) => oneLine(`${words[severity]} ${job}: ${message}`));
  const rest = bad.length - details.length;
  return [
    `${head}${shown}${more}`,
    ...(bad.length > 1 || shown !== reason ? details : []),
    ...(rest > 0 ? [`and ${rest} more`] : []),
  ];
}

/** `'label'=value[unit];warning;critical;least`, the numbers of all jobs together where there are many. */
function performanceData(findings: readonly Finding[], options: NagiosOptions): string {
  const { warning, critical } = options;
  const thresholds = `${warning?.text ?? ''};${critical?.text ?? ''};0`;
  const succeeded = findings.filter(({ age }) => age !== Infinity);
  const bad = findings.filter(({ severity }) => severity > 0);
  const all = [`jobs=${findings.length};;;0`, `problems=${bad.length};;;0`];
  if (findings.length > MOST_JOBS_WITH_DATA) {
    const oldest = Math.max(0, ...succeeded.map(({ age }) => age));
    return [...all, `oldest_age=${Math.round(oldest)}s;${thresholds}`].join(' ');
  }
  return [
    ...all,
    ...succeeded.flatMap(({ job, age, last }) => [
      `'${job}_age'=${Math.round(age)}s;${thresholds}`,
      ...(last?.duration === undefined ? [] : [`'${job}_duration'=${last.duration / 1000}s;;;0`]),
      ...(last?.bytes === undefined ? [] : [`'${job}_size'=${last.bytes}B;;;0`]),
      ...(last?.bytesAdded === undefined ? [] : [`'${job}_added'=${last.bytesAdded}B;;;0`]),
    ]),
  ].join(' ');
}

function fits(job: string, globs: readonly string[]): boolean {
  if (globs.length === 0) return true;
  return globs.some((glob) => {
    const pattern = glob
      .split('')
      .map((letter) => (letter === '*' ? '.*' : letter === '?' ? '.' : RegExp.escape(letter)))
      .join('');
    return new RegExp(`^${pattern}$`, 'u').test(job);
  });
}
