import { AppError } from '../../base/errors.ts';
import type { Job } from '../../model/job.ts';
import type { Environment } from './environment-reader.ts';

/** What images before this one were built with: who can read their documentation can read the backups. */
const knownDefault = 'passphrase';

const encrypting = /\b(?:duplicity|dup|backup|holdfast)\b/u;
const unencrypted = /--no-encryption\b|--insecure-no-passphrase\b/u;

/**
 * Refuses to encrypt with a passphrase that everybody knows.
 *
 * @throws AppError `input/invalid`
 */
export function refuseKnownPassphrase(environment: Environment): void {
  const name = ['PASSPHRASE', 'SIGN_PASSPHRASE', 'HOLDFAST_PASSPHRASE'].find(
    (candidate) => environment[candidate] === knownDefault,
  );
  if (name === undefined || unencrypted.test(environment['OPTIONS'] ?? '')) return;
  throw new AppError(
    'input/invalid',
    `"${name}" is "${knownDefault}", the default of an image, which everybody knows: it protects nothing`,
    { hint: 'Choose one of your own, or say --no-encryption if you want none' },
  );
}

/** The same, if one of the jobs encrypts. */
export function checkPassphraseOfJobs(jobs: readonly Job[], environment: Environment): void {
  const encrypts = jobs.some((job) => {
    const commands =
      job.kind === 'task'
        ? Object.values(job.steps)
        : job.kind === 'commands'
          ? job.commands.map(({ command }) => command)
          : [];
    return commands.some((command) => encrypting.test(command) && !unencrypted.test(command));
  });
  if (encrypts) refuseKnownPassphrase(environment);
}
