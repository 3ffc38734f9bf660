import { AppError } from '../../base/errors.ts';
import type { Configuration } from '../../model/configuration.ts';
import type { Job } from '../../model/job.ts';
import type { SecretValue } from '../../model/secret-value.ts';
import { givenPeriodicities } from './crontab-variables.ts';
import {
  containerDestinations,
  DEFAULT_SOURCE,
  destinationWarnings,
} from './destination-variables.ts';
import { type Environment, type EnvironmentReader, nearestOf } from './environment-reader.ts';
import { type FileVariableOptions, resolveFileVariables } from './file-variables.ts';
import { commandJobsOf, warnOfUnknownJobVariables } from './job-variables.ts';
import { checkPassphraseOfJobs } from './known-default-passphrase.ts';
import { MAIL_CHANNEL, mailOf, warnOfUnknownMailVariables } from './mail-variables.ts';
import { tasksOf } from './task-variables.ts';
import { timeZoneOf } from './time-zone-variable.ts';

/** What the environment of a container says. */
export interface EnvironmentConfiguration {
  readonly configuration: Configuration;
  /** One sentence without its end each. */
  readonly warnings: readonly string[];
  /** The environment, with the variables that were given by files. */
  readonly environment: Environment;
}

/**
 * The configuration that an environment says: `TASK_<id>_…`, `JOB_<n>_…` with `SRC`, `DST` and `OPTIONS`, `CRONTAB_<NAME>`, `SMTP_…` and `EMAIL_…`, `TZ`. Any of them may
 * be given by a file (`FILE__X`, `X_FILE`). Secrets are not in the result, but where they are.
 *
 * What is not understood but looks as if it was meant for us is a warning with the nearest name.
 *
 * @throws AppError `input/invalid` that names the variable
 */
export async function configurationFromEnvironment(
  given: Environment,
  options: FileVariableOptions = {},
): Promise<EnvironmentConfiguration> {
  const { environment, files, warnings: found } = await resolveFileVariables(given, options);
  const warnings = [...found];
  const reader: EnvironmentReader = {
    environment,
    files,
    warn: (sentence) => void warnings.push(sentence),
  };
  const crontabs = givenPeriodicities(reader);
  const tasks = tasksOf(reader, crontabs);
  const commands = commandJobsOf(reader, crontabs);
  warnOfUnknownJobVariables(reader, crontabs);
  warnOfUnknownMailVariables(reader);
  warnOfNearNames(reader);
  warnings.push(...destinationWarnings(environment));
  if (environment['DST']?.trim() === 'multi') containerDestinations(environment);
  const mail = mailOf(reader);
  const secrets = secretsForJobs(files);
  const jobs = [...tasks, ...commands].map((job): Job => {
    const notify = mail === undefined ? {} : { notify: [mail.rule] };
    // Commands may say $SRC where the image would have set it.
    const source =
      job.kind === 'commands' && !environment['SRC'] ? { SRC: DEFAULT_SOURCE } : undefined;
    const variables = { ...source, ...secrets };
    return {
      ...job,
      ...notify,
      ...(Object.keys(variables).length > 0 && { environment: variables }),
    };
  });
  refuseTwins(jobs);
  checkPassphraseOfJobs(jobs, environment);
  return {
    configuration: {
      jobs,
      destinations: {},
      channels: mail === undefined ? {} : { [MAIL_CHANNEL]: mail.channel },
      periodicities: ownPeriodicities(crontabs),
      settings: { timeZone: timeZoneOf(reader) },
    },
    warnings,
    environment,
  };
}

const builtIn = new Set(['hourly', 'daily', 'weekly', 'monthly', 'yearly']);

/** Those that are no other name of something that jobs of a file may mean; the jobs here have their expressions themselves. */
function ownPeriodicities(
  crontabs: ReadonlyMap<string, string | undefined>,
): Configuration['periodicities'] {
  return Object.fromEntries(
    [...crontabs].flatMap(([name, expression]) =>
      expression === undefined || builtIn.has(name) ? [] : [[name, expression]],
    ),
  );
}

/** What jobs are run with that came from files: they read them anew each time, so that nothing is kept twice. */
function secretsForJobs(files: ReadonlyMap<string, string>): Readonly<Record<string, SecretValue>> {
  return Object.fromEntries(
    [...files]
      .filter(([name]) => !/^(?:TASK|JOB|CRONTAB|SMTP|EMAIL)_|^TZ$/u.test(name))
      .map(([name, file]) => [name, { file }]),
  );
}

/** Names of jobs are unique. */
function refuseTwins(jobs: readonly Job[]): void {
  const seen = new Set<string>();
  for (const { name } of jobs) {
    if (seen.has(name)) {
      throw new AppError(
        'input/invalid',
        `The task "${name}" is called as a periodicity that jobs have`,
        { hint: 'Give the task another id' },
      );
    }
    seen.add(name);
  }
}

/** Families whose name itself is misspelt. */
function warnOfNearNames(reader: EnvironmentReader): void {
  for (const name of Object.keys(reader.environment)) {
    if (/^CRONTABS?[A-Z0-9]|^CRONTABS?$|^CRONTABS_|^CRONTAB_$|^CRON_TAB_/u.test(name)) {
      const rest = name.replace(/^(?:CRONTABS?|CRON_TAB)_?/u, '');
      const meant = rest === '' ? 'CRONTAB_<NAME>' : `CRONTAB_${rest}`;
      reader.warn(`There is no variable "${name}"; did you mean "${meant}"?`);
    } else if (/^(?:CONF|OPTIONS?)(?:_|$)/u.test(name) && !known.has(name)) {
      const nearest = nearestOf(name, [...known]);
      // Others have variables that begin so as well.
      if (nearest !== '') reader.warn(`There is no variable "${name}"${nearest}`);
    } else if (
      /^(?:TASKS?|JOBS)_?.*_(?:CRONTAB|PERIODICITY|EXTRACT|TRANSFORM|LOAD|FINALLY|WHAT|WHEN)$/u.test(
        name,
      ) &&
      !/^TASK_.+_/u.test(name)
    ) {
      const meant = name.startsWith('JOBS') ? 'JOB_<n>_WHAT' : 'TASK_<id>_LOAD';
      reader.warn(`There is no variable "${name}"; variables of this kind are called "${meant}"`);
    }
  }
}

const known: ReadonlySet<string> = new Set([
  'CONF_TASKS_DIR',
  'CONF_WORK_DIR',
  'CONF_ETC_DIR',
  'OPTIONS',
  'OPTIONS_EXTRA',
  'OPTIONS_FILE',
  'OPTIONS_EXTRA_FILE',
]);
