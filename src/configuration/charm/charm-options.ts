import { didYouMean } from '../../base/did-you-mean.ts';
import { AppError } from '../../base/errors.ts';

/** One option of the charm, as Juju declares it. */
export interface CharmOption {
  readonly name: string;
  readonly type: 'string' | 'boolean';
  readonly default: string | boolean;
  readonly description: string;
  /** It must not be shown. */
  readonly secret?: true;
}

const text = (name: string, description: string, preset = ''): CharmOption => ({
  name,
  type: 'string',
  default: preset,
  description,
});
const secret = (name: string, description: string): CharmOption => ({
  ...text(name, description),
  secret: true,
});
/** Every option, in the order of the charm; `config.yaml` of the charm folder is made of it. */
export const charmOptions: readonly CharmOption[] = [
  text(
    'aux_backup_directory',
    'The directory to back up. It is made if it is not there.',
    '/tmp/duplicity',
  ),
  text(
    'backend',
    'Where backups go: s3, scp, sftp, ssh, ftp, rsync, file or azure. Empty: there are no backups.',
  ),
  text(
    'remote_backup_url',
    'The server and the path on it, without or with the scheme of the backend. file: file:///dir; ftp, sftp, scp: host[:port]/dir; rsync: host[:port]::/module/dir, host[:port]/relative, host[:port]//absolute; s3: s3:host[:port]/bucket[/prefix], s3+http://bucket[/prefix]; azure: azure://. Each unit gets a directory of its own in it.',
  ),
  text('aws_access_key_id', 'Access key of S3; required for the backend s3.'),
  secret('aws_secret_access_key', 'Secret key of S3; required for the backend s3.'),
  secret(
    'azure_connection_string',
    'Connection string of the storage account; required for the backend azure.',
  ),
  text('remote_user', 'User on the server; required for ftp.'),
  secret(
    'remote_password',
    'Password on the server; required for ftp, optional where a key is given.',
  ),
  text(
    'backup_frequency',
    'hourly, daily, weekly, monthly, manual, or a cron expression.',
    'manual',
  ),
  text(
    'backup_type',
    '"full", or "incremental": then a new full one only as full_if_older_than says.',
    'full',
  ),
  text(
    'full_if_older_than',
    'With incremental backups: a full one if the last is older than this (30D). Empty: never.',
  ),
  text('retention_period', 'manual, or how long backups are kept: 30d, 36h.', 'manual'),
  text(
    'deletion_frequency',
    'When backups older than that go: daily (at 23:00), hourly (in minute 40), or a cron expression.',
    'daily',
  ),
  text(
    'verify_frequency',
    'When the backup is compared with the directory: daily, weekly, monthly, manual, or a cron expression.',
    'manual',
  ),
  {
    name: 'disable_encryption',
    type: 'boolean',
    default: false,
    description: 'Do not encrypt, whatever passphrase or key is given.',
  },
  secret('encryption_passphrase', 'Passphrase for symmetric encryption.'),
  text('gpg_public_key', 'Id of the GPG key to encrypt for; counts more than the passphrase.'),
  text(
    'known_host_key',
    'Host key of the server, required for scp, rsync and sftp: hostname[,ip] algorithm key.',
  ),
  secret('private_ssh_key', 'Private SSH key, encoded in base64.'),
  text('nagios_context', 'The beginning of the name that Nagios knows the host by.', 'juju'),
  text(
    'nagios_servicegroups',
    'Service groups of Nagios, separated by commas; nagios_context if empty.',
  ),
  text('extra_packages', 'More packages to install, separated by blanks.'),
  text('install_keys', 'Keys of package sources, as a YAML list: ASCII-armoured, or null.', ''),
  text('install_sources', 'Package sources, as a YAML list: lines of sources.list, ppa:…', ''),
  text('package_status', '"install", or "hold" to keep packages at their version.', 'install'),
];

/** What older pages call an option. */
const aliases: Readonly<Record<string, string>> = { aux_backup_dir: 'aux_backup_directory' };

/** The options of a unit with their values; all of them are there. */
export type CharmValues = Readonly<Record<string, string | boolean>>;

const byName = new Map(charmOptions.map((option) => [option.name, option]));

/**
 * Options as they were written (`juju config`, a bundle, words `name=value`) with the defaults of those that were not.
 *
 * @param written also numbers, and texts for switches
 * @throws AppError `input/usage` for an option that nobody knows or whose value is of the wrong kind
 */
export function readCharmOptions(written: Readonly<Record<string, unknown>>): CharmValues {
  const values: Record<string, string | boolean> = {};
  for (const { name, default: preset } of charmOptions) values[name] = preset;
  for (const [given, value] of Object.entries(written)) {
    const name = aliases[given] ?? given;
    const option = byName.get(name);
    if (option === undefined) throw unknownOption(given);
    if (value === undefined || value === null) continue;
    values[name] = readValue(option, value);
  }
  return values;
}

/** Whether a word such as `backend` names an option. */
export const isCharmOption = (name: string): boolean => byName.has(aliases[name] ?? name);

/** The texts that must not be shown. */
export function charmSecrets(values: CharmValues): string[] {
  return charmOptions
    .filter(({ secret: isSecret }) => isSecret === true)
    .map(({ name }) => String(values[name]))
    .filter((value) => value !== '');
}

function readValue({ name, type }: CharmOption, value: unknown): string | boolean {
  if (type === 'string') {
    if (typeof value === 'string') return value;
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    throw new AppError('input/usage', `The option "${name}" must be a text`);
  }
  if (typeof value === 'boolean') return value;
  const word = String(value).toLowerCase();
  if (['true', 'yes', '1', 'on'].includes(word)) return true;
  if (['false', 'no', '0', 'off', ''].includes(word)) return false;
  throw new AppError('input/usage', `The option "${name}" must be true or false`);
}

function unknownOption(given: string): AppError {
  const nearest = didYouMean(given, [...byName.keys()]);
  return new AppError('input/usage', `There is no option "${given}"`, {
    hint:
      nearest === undefined
        ? `Options are ${[...byName.keys()].join(', ')}`
        : `Did you mean "${nearest}"?`,
  });
}
