import { parseCron } from '../../model/schedule/cron-expression.ts';
import { charmBackend, decodedPrivateKey } from './charm-destination.ts';
import type { CharmValues } from './charm-options.ts';

/** What Juju shows of a unit. */
export interface CharmStatus {
  readonly state: 'active' | 'blocked';
  readonly message: string;
}

const frequencies = new Set(['hourly', 'daily', 'weekly', 'monthly', 'manual']);

/** What of the options stands in the way of backups: the first that matches. The messages are part of the contract; other charms' tests compare them. */
export function charmStatus(values: CharmValues): CharmStatus {
  const message = obstacle(values);
  return message === undefined
    ? { state: 'active', message: 'Ready' }
    : { state: 'blocked', message };
}

function obstacle(values: CharmValues): string | undefined {
  const given = (name: string): boolean => values[name] !== '' && values[name] !== false;
  const backend = charmBackend(values);
  if (!given('remote_backup_url')) {
    return 'Backup path is required. Set config for "remote_backup_url"';
  }
  if (backend === undefined) return `Unrecognized backend "${String(values['backend'])}"`;
  if (backend === 's3' && !(given('aws_access_key_id') && given('aws_secret_access_key'))) {
    return 'S3 backups require "aws_access_key_id" and "aws_secret_access_key" to be set';
  }
  if (backend === 'azure' && !given('azure_connection_string')) {
    // The blank at the end is what is compared with.
    return 'Azure backups require "azure_connection_string" ';
  }
  if (backend === 'rsync' && !given('private_ssh_key')) {
    return 'rsync backend requires private_ssh_key. remote_password auth not supported';
  }
  if (['scp', 'rsync', 'sftp'].includes(backend)) {
    if (!given('known_host_key') || !(given('remote_password') || given('private_ssh_key'))) {
      return `${String(values['backend'])} backend requires known_host_key and either "remote_password" or "private_ssh_key" to be set`;
    }
  }
  if (backend === 'ftp' && !(given('remote_user') && given('remote_password'))) {
    return 'ftp backend requires "remote_user" and "remote_password" to be set';
  }
  if (!given('encryption_passphrase') && !given('gpg_public_key') && !given('disable_encryption')) {
    return 'Must set either an encryption passphrase, GPG public key, or disable encryption';
  }
  if (given('private_ssh_key') && decodedPrivateKey(values) === undefined) {
    return 'Invalid private_ssh_key. ensure that key is base64 encoded';
  }
  return invalidValue(values);
}

function invalidValue(values: CharmValues): string | undefined {
  const checks: readonly (readonly [name: string, isValid: (value: string) => boolean])[] = [
    ['backup_frequency', (value) => frequencies.has(value.toLowerCase()) || isCron(value)],
    ['retention_period', (value) => /^(?:manual|[1-9]\d*[dh])$/u.test(value)],
    ['deletion_frequency', (value) => ['hourly', 'daily'].includes(value) || isCron(value)],
    ['verify_frequency', (value) => frequencies.has(value.toLowerCase()) || isCron(value)],
    ['backup_type', (value) => value === 'full' || value === 'incremental'],
  ];
  for (const [name, isValid] of checks) {
    const value = String(values[name]);
    // When nothing is deleted, it does not matter when.
    if (name === 'deletion_frequency' && values['retention_period'] === 'manual') continue;
    if (!isValid(value)) return `Invalid value "${value}" for "${name}"`;
  }
  return undefined;
}

/** What the cron of the machine understands as well: five fields or a nickname. */
function isCron(value: string): boolean {
  if (!/^(?:@(?!every)[a-z]+|[\d*,/a-z-]+(?:[ \t]+[\d*,/a-z-]+){4})$/iu.test(value.trim()))
    return false;
  try {
    parseCron(value);
    return true;
  } catch {
    return false;
  }
}
