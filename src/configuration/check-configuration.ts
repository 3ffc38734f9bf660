import { didYouMean } from '../base/did-you-mean.ts';
import { hasCode, messageOf } from '../base/errors.ts';
import type { Configuration } from '../model/configuration.ts';
import type { BackupJob, Job, JobDestination, NotifyRule } from '../model/job.ts';
import { meantDestination } from '../model/named-destination.ts';
import type { ConfigurationProblem } from './configuration-problem.ts';

/** What is wrong in a configuration, and what is only suspicious. */
export interface ConfigurationVerdict {
  readonly problems: readonly ConfigurationProblem[];
  readonly warnings: readonly ConfigurationProblem[];
}

/** Passphrases that were the default of programs before this one, and protect nothing. */
const knownPassphrases = new Set(['passphrase', 'password', 'changeme', 'secret']);

/** Looks at what a schema cannot: whether the names that stand in a configuration are there, and whether its parts fit each other. */
export function checkConfiguration(configuration: Configuration): ConfigurationVerdict {
  const problems: ConfigurationProblem[] = [];
  const warnings: ConfigurationProblem[] = [];
  const { jobs, channels, destinations, settings } = configuration;
  const checkRules = (rules: readonly NotifyRule[] | undefined, path: string[]): void => {
    for (const [index, { channel }] of (rules ?? []).entries()) {
      if (Object.hasOwn(channels, channel)) continue;
      const nearest = didYouMean(channel, Object.keys(channels));
      const hint = nearest === undefined ? '' : `; did you mean "${nearest}"?`;
      problems.push({
        path: [...path, 'notify', index],
        message: `There is no channel "${channel}"${hint}`,
      });
    }
  };
  checkRules(settings.notify, ['settings']);
  for (const [name, destination] of Object.entries(destinations)) {
    checkPassphrase(destination, ['destinations', name], problems);
  }
  const seen = new Map<string, number>();
  for (const job of jobs) {
    const path = ['jobs', job.name];
    const folded = job.name.toLowerCase();
    seen.set(folded, (seen.get(folded) ?? 0) + 1);
    if (seen.get(folded)! > 1) {
      warnings.push({
        path,
        message: 'Another job has the same name but for upper and lower case',
      });
    }
    checkRules(job.notify, path);
    if (job.kind === 'backup') checkBackup(job, configuration, problems, warnings);
    else checkTask(job, path, warnings);
  }
  return { problems, warnings };
}

function checkBackup(
  job: BackupJob,
  configuration: Configuration,
  problems: ConfigurationProblem[],
  warnings: ConfigurationProblem[],
): void {
  const path = ['jobs', job.name];
  const names = new Set<string>();
  for (const [index, given] of job.destinations.entries()) {
    const where = [...path, 'destinations', index];
    let destination: JobDestination;
    try {
      destination = meantDestination(given, configuration);
    } catch (error) {
      const hint = hasCode(error) && error.hint !== undefined ? `; ${lowerFirst(error.hint)}` : '';
      problems.push({ path: where, message: `${messageOf(error)}${hint}` });
      continue;
    }
    const name = destination.name ?? String(index + 1);
    if (names.has(name)) {
      problems.push({ path: where, message: `Another destination of the job is called "${name}"` });
    }
    names.add(name);
    checkPassphrase(destination, where, problems);
    if (destination.passphrase !== undefined && destination.unencrypted === true) {
      problems.push({ path: where, message: '"passphrase" and "unencrypted" exclude each other' });
    }
  }
  for (const [index, hook] of (job.hooks ?? []).entries()) {
    if (hook.destination === undefined || hook.destination === 'each') continue;
    if (names.has(hook.destination)) continue;
    const where = [...path, 'hooks', index, 'destination'];
    problems.push({
      path: where,
      message: `The job has no destination "${hook.destination}"; its destinations are called ${[...names].map((one) => `"${one}"`).join(', ')}`,
    });
  }
  if (job.retention === undefined && job.schedule !== undefined) {
    warnings.push({ path, message: 'Without "retention" every snapshot is kept for ever' });
  }
}

function checkTask(
  job: Exclude<Job, BackupJob>,
  path: string[],
  warnings: ConfigurationProblem[],
): void {
  if (job.kind !== 'task' || (job.steps.load ?? '').trim() !== '') return;
  warnings.push({
    path: [...path, 'steps'],
    message: 'The task has no "load" step: nothing is stored by it',
  });
}

function checkPassphrase(
  { passphrase }: JobDestination,
  path: (string | number)[],
  problems: ConfigurationProblem[],
): void {
  if (typeof passphrase !== 'string' || !knownPassphrases.has(passphrase)) return;
  problems.push({
    path: [...path, 'passphrase'],
    message: 'Is one that everybody knows; choose another, or "unencrypted: true" on purpose',
  });
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);
