import { AppError } from '../../base/errors.ts';
import type { CommandsJob, JobCommand } from '../../model/job.ts';
import { jobPeriodicities, never, type Periodicities } from './crontab-variables.ts';
import {
  type EnvironmentReader,
  nearestOf,
  secretVariable,
  unquoted,
  variable,
} from './environment-reader.ts';

const fields = ['WHAT', 'WHEN', 'HEALTHCHECKS_URL', 'UPTIME_KUMA_URL'] as const;

interface NumberedJob {
  readonly number: number;
  /** As it is written in the names of its variables. */
  readonly digits: string;
  readonly what: string;
  readonly when: readonly string[];
}

/** The jobs that a container has without being told: what it is for. */
const backupJob = { number: 300, what: 'backup', when: 'daily' } as const;
/** Where databases are, their dumps come before. */
const dumpJob = { number: 200, what: 'holdfast image dump', when: 'daily weekly' } as const;

/**
 * The jobs of `JOB_<n>_WHAT` and `JOB_<n>_WHEN`: for each periodicity one of its name, with a command for each number in ascending order. Job 300 is `backup`,
 * daily, where there is a destination and nothing says otherwise; job 200 dumps the databases of `PGHOST` before, if that is set.
 *
 * @throws AppError `input/invalid` that names the variable
 */
export function commandJobsOf(
  reader: EnvironmentReader,
  crontabs: Periodicities,
): readonly CommandsJob[] {
  const jobs = numberedJobs(reader);
  if (jobs.length === 0) return [];
  const periodicities = jobPeriodicities(crontabs);
  const names = new Set(jobs.flatMap(({ when }) => when));
  return [...names].toSorted().map((name): CommandsJob => {
    if (!periodicities.has(name)) {
      const nearest = nearestOf(name, [...periodicities.keys(), ...never]);
      const numbers = jobs.filter(({ when }) => when.includes(name)).map(({ digits }) => digits);
      reader.warn(
        `There is no "CRONTAB_${name.toUpperCase()}" for the periodicity "${name}" of job ${numbers.join(', ')}, so it runs only by hand${nearest}`,
      );
    }
    const expression = periodicities.get(name);
    return {
      kind: 'commands',
      name: checkedName(name),
      schedule: expression ?? 'manual',
      // They are made for one repository, and were never meant to meet.
      queue: 'jobs',
      commands: jobs
        .filter(({ when }) => when.includes(name))
        .map((job) => commandOf(job, name, reader)),
    };
  });
}

function numberedJobs(reader: EnvironmentReader): readonly NumberedJob[] {
  const { environment } = reader;
  const given = new Map<number, { digits: string; what?: string; when?: string }>();
  let seen = false;
  for (const name of Object.keys(environment).toSorted()) {
    const [, digits, field] = /^JOB_(\d+)_(WHAT|WHEN)$/u.exec(name) ?? [];
    if (digits === undefined) continue;
    seen = true;
    const job = given.get(Number(digits)) ?? { digits };
    if (job.digits !== digits) {
      throw new AppError(
        'input/invalid',
        `"JOB_${job.digits}_${field}" and "JOB_${digits}_${field}" are the same job`,
      );
    }
    given.set(Number(digits), { ...job, [field === 'WHAT' ? 'what' : 'when']: environment[name] });
  }
  addBuiltIn(given, seen, reader);
  const jobs: NumberedJob[] = [];
  for (const [number, { digits, what, when }] of given) {
    const periodicities = unquoted(when ?? '')
      .toLowerCase()
      .split(/\s+/u)
      .filter((name) => name !== '');
    if (what === undefined || what.trim() === '') {
      if (periodicities.every((name) => never.has(name))) continue;
      throw new AppError(
        'input/invalid',
        `"JOB_${digits}_WHEN" is set, but "JOB_${digits}_WHAT" is not`,
      );
    }
    if (periodicities.length === 0)
      reader.warn(`"JOB_${digits}_WHAT" has no "JOB_${digits}_WHEN": it never runs`);
    const when_ = periodicities.filter((name) => !never.has(name));
    if (when_.length > 0) jobs.push({ number, digits, what, when: when_ });
  }
  return jobs.toSorted((one, other) => one.number - other.number);
}

function addBuiltIn(
  given: Map<number, { digits: string; what?: string; when?: string }>,
  hasJobs: boolean,
  reader: EnvironmentReader,
): void {
  const hasTarget = variable('DST', reader) !== undefined;
  const hasTasks = Object.keys(reader.environment).some((name) => /^TASK_.+_.+$/u.test(name));
  // Tasks say themselves what they do; DST is only something that they may use.
  const isForJobs = hasTarget && (hasJobs || !hasTasks);
  if (!hasTarget && !hasTasks && !hasJobs && variable('SRC', reader) !== undefined)
    reader.warn('"SRC" is set, but "DST" is not, so nothing is backed up');
  const add = (
    { number, what, when }: typeof backupJob | typeof dumpJob,
    wanted: boolean,
  ): void => {
    const own = given.get(number);
    if (own !== undefined || wanted)
      given.set(number, { digits: String(number), what, when, ...own });
  };
  // What somebody says of job 300 changes the one that there is.
  add(backupJob, isForJobs);
  const hasServer = variable('PGHOST', reader) !== undefined;
  if (hasServer) add(dumpJob, isForJobs);
}

function commandOf(
  { digits, what }: NumberedJob,
  periodicity: string,
  reader: EnvironmentReader,
): JobCommand {
  const address = (field: string): string | undefined =>
    [`JOB_${digits}_${periodicity.toUpperCase()}_${field}`, `JOB_${digits}_${field}`].find(
      (name) => variable(name, reader) !== undefined,
    );
  const healthchecks = address('HEALTHCHECKS_URL');
  const uptimeKuma = address('UPTIME_KUMA_URL');
  return {
    name: digits,
    command: what,
    ...(healthchecks !== undefined && { healthchecksUrl: secretVariable(healthchecks, reader) }),
    ...(uptimeKuma !== undefined && { uptimeKumaUrl: secretVariable(uptimeKuma, reader) }),
  };
}

/** Warns about variables that look as if they were meant for a job. */
export function warnOfUnknownJobVariables(
  reader: EnvironmentReader,
  crontabs: Periodicities,
): void {
  const periodicities = [...jobPeriodicities(crontabs).keys()].map((name) => name.toUpperCase());
  const known = fields as readonly string[];
  for (const name of Object.keys(reader.environment)) {
    const [, digits, rest] = /^JOB_(\d+)_(.+)$/u.exec(name) ?? [];
    if (rest !== undefined && digits !== undefined) {
      if (known.includes(rest.replace(/_FILE$/u, ''))) continue;
      const ping = fields.slice(2).find((field) => rest.endsWith(`_${field}`));
      const when = ping === undefined ? undefined : rest.slice(0, -ping.length - 1);
      if (when !== undefined) {
        if (periodicities.includes(when)) continue;
        reader.warn(
          `"${name}" has no effect: there is no periodicity "${when.toLowerCase()}"${nearestOf(when, periodicities)}`,
        );
        continue;
      }
      const nearest = nearestOf(rest, known).replace(/"(\w+)"/u, `"JOB_${digits}_$1"`);
      reader.warn(`There is no variable "${name}" of jobs${nearest}`);
    } else if (/^JOB_?[^_]*_(?:WHAT|WHEN)$/u.test(name)) {
      reader.warn(`There is no variable "${name}" of jobs: the number of the job is missing`);
    }
  }
}

function checkedName(name: string): string {
  if (/^[a-z0-9][\w.-]{0,99}$/u.test(name)) return name;
  throw new AppError('input/invalid', `"${name}" cannot be the name of a periodicity`);
}
