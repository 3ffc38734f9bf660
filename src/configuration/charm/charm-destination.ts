import { AppError } from '../../base/errors.ts';
import type { CharmValues } from './charm-options.ts';

const backends = ['s3', 'scp', 'sftp', 'ftp', 'rsync', 'file', 'azure'] as const;
export type CharmBackend = (typeof backends)[number];

/** The kind of destination, in lower case; `ssh` is what `sftp` was once called. `undefined` for one that nobody knows. */
export function charmBackend(values: CharmValues): CharmBackend | undefined {
  const word = String(values['backend']).toLowerCase();
  const meant = word === 'ssh' ? 'sftp' : word;
  return backends.find((backend) => backend === meant);
}

/** A unit's name as part of a path or of the name of a host: `mysql/0` is `mysql-0`. */
export const unitDirectory = (unit: string): string => unit.replaceAll('/', '-');

/**
 * The URL of a unit's archive: the remote path with a directory of its own for each unit, and the user. The password is not in it: a URL stands in process lists.
 *
 * @throws AppError `input/invalid` for a backend that nobody knows
 */
export function charmUrl(values: CharmValues, unit: string): string {
  const backend = charmBackend(values);
  if (backend === undefined) {
    throw new AppError('input/invalid', `Unrecognized backend "${String(values['backend'])}"`);
  }
  const directory = unitDirectory(unit);
  const remote = String(values['remote_backup_url']).trim();
  if (backend === 's3') return s3Url(remote, directory);
  const place = withoutScheme(remote, backend).replace(/\/+$/u, '');
  if (backend === 'file') return `file://${place.startsWith('/') ? '' : '/'}${place}/${directory}`;
  if (backend === 'azure') {
    const container = place.replace(/^\/+/u, '');
    return container === '' ? `azure://${directory}` : `azure://${container}/${directory}`;
  }
  const user = String(values['remote_user']);
  const login = user === '' || place.includes('@') ? '' : `${encodeURIComponent(user)}@`;
  return `${backend}://${login}${place}/${directory}`;
}

/** `s3:host/bucket`, `s3://host/bucket` and `s3+http://bucket`, each with or without a prefix. */
function s3Url(remote: string, directory: string): string {
  const plain = /^s3\+http:\/\/(.+)$/iu.exec(remote)?.[1];
  if (plain !== undefined) return `s3+http://${plain.replace(/\/+$/u, '')}/${directory}`;
  const place = remote
    .replace(/^s3:\/\//iu, '')
    .replace(/^s3:/iu, '')
    .replace(/\/+$/u, '');
  return `s3://${place}/${directory}`;
}

/** A scheme that says what the backend says is optional. */
function withoutScheme(remote: string, backend: CharmBackend): string {
  const [, scheme, rest] = /^([a-z0-9+]+):\/\/(.*)$/isu.exec(remote) ?? [];
  if (scheme === undefined || rest === undefined) return remote;
  const meant = scheme.toLowerCase() === 'ssh' ? 'sftp' : scheme.toLowerCase();
  return meant === backend ? rest : remote;
}

/** The private key as a file holds it; `undefined` if what was given is no base64 of a text. */
export function decodedPrivateKey(values: CharmValues): string | undefined {
  const encoded = String(values['private_ssh_key']).replaceAll(/\s/gu, '');
  if (encoded === '' || encoded.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/u.test(encoded)) {
    return undefined;
  }
  try {
    const key = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(encoded, 'base64'));
    return key.endsWith('\n') ? key : `${key}\n`;
  } catch {
    return undefined;
  }
}

/** The line for `known_hosts`; the blank that people write after the comma goes. */
export const knownHostLine = (values: CharmValues): string =>
  String(values['known_host_key']).trim().replaceAll(/,\s+/gu, ',');

/** Files of a unit that its destination needs. */
export interface CharmFiles {
  /** Where the private key is, if there is one. */
  readonly privateKey: string | undefined;
  readonly knownHosts: string | undefined;
}

/** What the environment of a program must say for a unit's destination: secrets that do not belong into a URL or an argument. */
export function charmEnvironment(
  values: CharmValues,
  { privateKey, knownHosts }: CharmFiles,
): Readonly<Record<string, string>> {
  const named: Readonly<Record<string, string>> = {
    AWS_ACCESS_KEY_ID: String(values['aws_access_key_id']),
    AWS_SECRET_ACCESS_KEY: String(values['aws_secret_access_key']),
    AZURE_CONNECTION_STRING: String(values['azure_connection_string']),
    FTP_PASSWORD: String(values['remote_password']),
    PASSPHRASE:
      values['disable_encryption'] === true ? '' : String(values['encryption_passphrase']),
    // Quoted for the shell that rsync takes it apart like.
    RSYNC_RSH:
      charmBackend(values) === 'rsync' && privateKey !== undefined
        ? [
            'ssh',
            `-oIdentityFile="${privateKey}"`,
            '-oIdentitiesOnly=yes',
            '-oStrictHostKeyChecking=yes',
            ...(knownHosts === undefined ? [] : [`-oUserKnownHostsFile="${knownHosts}"`]),
          ].join(' ')
        : '',
  };
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== ''));
}
