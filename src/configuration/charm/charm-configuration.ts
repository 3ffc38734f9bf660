import type { Configuration } from '../../model/configuration.ts';
import type { BackupJob, JobDestination } from '../../model/job.ts';
import {
  charmBackend,
  charmEnvironment,
  type CharmFiles,
  charmUrl,
  unitDirectory,
} from './charm-destination.ts';
import type { CharmValues } from './charm-options.ts';

/** Just before the day and the hour, so that no backup goes before the next one is there. */
const deletionTimes: Readonly<Record<string, string>> = {
  hourly: '40 * * * *',
  daily: '0 23 * * *',
};

/** When a unit backs up, deletes and verifies: cron expressions; `undefined` for what is done by hand. */
export interface CharmSchedules {
  readonly backup: string | undefined;
  readonly deletion: string | undefined;
  readonly verify: string | undefined;
}

/** The schedules of options that are valid. */
export function charmSchedules(values: CharmValues): CharmSchedules {
  const frequency = (name: string): string | undefined => {
    const value = String(values[name]);
    const word = value.toLowerCase();
    if (word === 'manual') return undefined;
    return ['hourly', 'daily', 'weekly', 'monthly'].includes(word) ? `@${word}` : value;
  };
  const deletion = String(values['deletion_frequency']);
  return {
    backup: frequency('backup_frequency'),
    verify: frequency('verify_frequency'),
    deletion:
      values['retention_period'] === 'manual' ? undefined : (deletionTimes[deletion] ?? deletion),
  };
}

/** How long backups are kept, as duplicity writes it: `30D`, `36h`. `undefined` for `manual`. */
export function charmRetention(values: CharmValues): string | undefined {
  const period = String(values['retention_period']);
  return period === 'manual' ? undefined : period.replace(/d$/u, 'D');
}

/** The options of a unit as a configuration of ours: one job, which the server can run as well. The options must be valid. */
export function configurationFromCharm(
  values: CharmValues,
  unit: string,
  files: CharmFiles,
): Configuration {
  const schedules = charmSchedules(values);
  const keep = charmRetention(values);
  const full = values['backup_type'] === 'full';
  const age = String(values['full_if_older_than']);
  const job: BackupJob = {
    name: unitDirectory(unit),
    kind: 'backup',
    description: `The unit ${unit}`,
    sources: [String(values['aux_backup_directory'])],
    destinations: [destinationOf(values, unit, files)],
    schedule: schedules.backup ?? 'manual',
    options: full ? { full: true } : age === '' ? {} : { 'full-if-older-than': age },
    ...(keep !== undefined && {
      retention: { keepWithin: keep.toLowerCase(), schedule: schedules.deletion ?? 'manual' },
    }),
    ...(schedules.verify !== undefined && {
      check: { schedule: schedules.verify, readData: 'all' },
    }),
  };
  return { jobs: [job], destinations: {}, channels: {}, periodicities: {}, settings: {} };
}

function destinationOf(values: CharmValues, unit: string, files: CharmFiles): JobDestination {
  const { PASSPHRASE: passphrase, ...environment } = charmEnvironment(values, files);
  const key = String(values['gpg_public_key']);
  const isOpen = values['disable_encryption'] === true;
  const isSecureShell = ['scp', 'sftp'].includes(charmBackend(values) ?? '');
  return {
    url: charmUrl(values, unit),
    format: 'duplicity',
    environment,
    ...(passphrase !== undefined && { passphrase }),
    ...(isOpen && { unencrypted: true }),
    ...(!isOpen && key !== '' && { flags: { 'encrypt-key': [key] } }),
    ...(isSecureShell && {
      options: {
        ...(files.privateKey !== undefined && { 'identity-file': files.privateKey }),
        ...(files.knownHosts !== undefined && { 'known-hosts': files.knownHosts }),
      },
    }),
  };
}
