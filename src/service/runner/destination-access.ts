import { AppError } from '../../base/errors.ts';
import { meantDestination } from '../../model/named-destination.ts';
import type { BackupJob, JobDestination } from '../../model/job.ts';
import { shownAddress } from '../../storage/shown-address.ts';
import type { StepContext } from './step-context.ts';

/** A destination of a job, ready to be handed to operations. */
export interface DestinationAccess {
  /** What it is called in reports and by hooks. */
  readonly name: string;
  /** Without secrets. */
  readonly address: string;
  /** Where it lies, with all its secrets. Never an argument. */
  readonly url: string;
  readonly destination: JobDestination;
  /** What operations on it find in their environment, over that of the service. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What an operation has to be told by flags. */
  readonly flags: Readonly<Record<string, string | number | boolean | readonly string[]>>;
}

/** The name of a destination before its secrets are known. */
export function destinationNameOf(job: BackupJob, index: number): string {
  const destination = job.destinations[index]!;
  const { name, url } = destination;
  if (name !== undefined) return name;
  // The name of one of the configuration's, which has no slash; a path or URL has.
  return typeof url === 'string' && !url.includes('/') && url !== '' ? url : String(index + 1);
}

/**
 * Finds out all that is needed to work on a destination.
 *
 * @throws AppError `input/invalid`, `process/failed` if a secret cannot be found
 */
export async function accessDestination(
  context: StepContext<BackupJob>,
  index: number,
): Promise<DestinationAccess> {
  const { job, configuration, signal } = context;
  const name = destinationNameOf(job, index);
  const destination = meantDestination(job.destinations[index]!, configuration);
  const what = `of the destination "${name}" of the job "${job.name}"`;
  const url = (
    await context.secret(destination.url, `the URL ${what}`, { signal, masked: 'address' })
  ).reveal();
  const environment: Record<string, string | undefined> = { HOLDFAST_REPOSITORY: url };
  if (destination.passphrase !== undefined || destination.unencrypted === true) {
    for (const variable of credentialVariables) environment[variable] = undefined;
  }
  if (destination.unencrypted === true) environment['HOLDFAST_INSECURE_NO_PASSPHRASE'] = 'true';
  else if (destination.passphrase !== undefined) {
    environment['HOLDFAST_PASSPHRASE'] = (
      await context.secret(destination.passphrase, `the passphrase ${what}`, { signal })
    ).reveal();
  }
  const options: string[] = [];
  for (const [option, value] of Object.entries(destination.options ?? {})) {
    const text = (
      await context.secret(value, `the option "${option}" ${what}`, {
        signal,
        masked: 'named',
        name: option,
      })
    ).reveal();
    if (/[\r\n]/u.test(text)) {
      throw new AppError('input/invalid', `The option "${option}" ${what} has several lines`, {
        hint: `Give the name of a file that holds it with "${option}-file"`,
      });
    }
    options.push(`${option}=${text}`);
  }
  if (options.length > 0) environment['HOLDFAST_OPTION'] = options.join('\n');
  for (const [variable, value] of Object.entries(destination.environment ?? {})) {
    environment[variable] = (
      await context.secret(value, `the variable "${variable}" ${what}`, {
        signal,
        masked: 'named',
        name: variable,
      })
    ).reveal();
  }
  return {
    name,
    address: shownAddress(url),
    url,
    destination,
    environment,
    flags: {
      ...(destination.format !== undefined && { format: destination.format }),
      ...destination.flags,
    },
  };
}

/** All that says how a repository is opened. */
const credentialVariables = [
  'HOLDFAST_PASSPHRASE',
  'HOLDFAST_PASSPHRASE_FILE',
  'HOLDFAST_PASSPHRASE_COMMAND',
  'HOLDFAST_INSECURE_NO_PASSPHRASE',
  'HOLDFAST_IDENTITY',
  'HOLDFAST_RECOVERY_SHEET',
];
