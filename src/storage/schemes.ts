import { didYouMean } from '../base/did-you-mean.ts';
import { AppError } from '../base/errors.ts';

/** Names that Duplicati, duplicity, restic and habit have for the same protocol. What a name adds to it, the driver reads from the URL. */
const aliases: Readonly<Record<string, readonly string[]>> = {
  sftp: ['ssh', 'scp', 'fish'],
  ftp: ['aftp', 'ftps', 'ftpes'],
  webdav: ['webdavs', 'dav', 'davs', 'http', 'https'],
  s3: ['s3+http', 's3+https', 'e2', 'aliyunoss', 'oss', 'cos', 'r2', 'wasabi', 'minio'],
  gs: ['gcs'],
  azure: ['azblob'],
  swift: ['openstack', 'rackspace', 'cf+http', 'pca'],
  smb: ['cifs'],
  dropbox: ['dpbx'],
  googledrive: ['gdrive', 'pydrive'],
  onedrive: ['onedrivev2', 'sharepoint', 'msgroup', 'od4b', 'mssp'],
};

/** Prefixes with which duplicity chooses a library for a protocol: there is one here. */
const implementations = /^(?:lftp|ncftp|paramiko|pexpect|ssh|boto3?|gio)\+(?=[a-z0-9]+$)/u;

/** Services that no longer exist. */
const dead: Readonly<Record<string, readonly [name: string, end: string]>> = {
  'cf+hubic': ['hubiC', 'OVH has closed it'],
  hubic: ['hubiC', 'OVH has closed it'],
  ad: ['Amazon Cloud Drive', 'Amazon closed it on 31 December 2023'],
  acd: ['Amazon Cloud Drive', 'Amazon closed it on 31 December 2023'],
  amzcd: ['Amazon Cloud Drive', 'Amazon closed it on 31 December 2023'],
  gdocs: ['the Google Documents List API', 'Google closed it in 2015'],
  'gdata+gdocs': ['the Google Documents List API', 'Google closed it in 2015'],
  u1: ['Ubuntu One', 'Canonical closed it in 2014'],
  'u1+http': ['Ubuntu One', 'Canonical closed it in 2014'],
  copy: ['Copy', 'Barracuda closed it in 2016'],
  sia: ['Sia', 'its old daemon, which this kind of URL spoke to, is gone'],
};

/** Services that rclone speaks, and how it calls them. */
const byRclone: Readonly<Record<string, string>> = {
  box: 'Box',
  pcloud: 'pCloud',
  jottacloud: 'Jottacloud',
  mega: 'Mega',
  megav2: 'Mega',
  megav3: 'Mega',
  filen: 'Filen',
  storj: 'Storj',
  protondrive: 'Proton Drive',
  koofr: 'Koofr',
  yandex: 'Yandex Disk',
  mailru: 'Mail.ru Cloud',
  hidrive: 'HiDrive',
  seafile: 'Seafile',
  filejump: 'FileJump',
  drimecloud: 'Drime',
  internxt: 'Internxt',
};

const unsupported: Readonly<Record<string, string>> = {
  'imap imaps': 'a mailbox is no place for backups: it loses messages without a word',
  xorriso: 'optical media cannot be read and written like a storage',
  duplicati: 'only Duplicati itself may use the storage that is sold with it',
  'hsi sx slate mf idrived movistarcloud': 'neither Holdfast nor rclone speaks it',
};

/**
 * The name of the driver for a scheme as a user wrote it, in lower case; the scheme itself when nothing is known of it. Throws
 * `input/usage` for what is known and cannot be used, with the reason.
 */
export function driverNameOf(written: string): string {
  const scheme = written.replace(implementations, '');
  const gone = Object.hasOwn(dead, scheme) ? dead[scheme] : undefined;
  if (gone !== undefined) {
    throw new AppError('input/usage', `"${written}://" was ${gone[0]}, and ${gone[1]}`, {
      hint: 'Choose another destination; "holdfast destination list" shows all',
    });
  }
  const service = Object.hasOwn(byRclone, scheme) ? byRclone[scheme] : undefined;
  if (service !== undefined) {
    throw new AppError('input/usage', `${service} is reached through rclone`, {
      hint: `Set it up with "rclone config", then write rclone://REMOTE/path with the name you gave it`,
    });
  }
  for (const [names, reason] of Object.entries(unsupported)) {
    if (names.split(' ').includes(scheme))
      throw new AppError('input/usage', `"${written}://" cannot be used: ${reason}`);
  }
  return Object.entries(aliases).find(([, others]) => others.includes(scheme))?.[0] ?? scheme;
}

/** Every protocol there is a driver for, by the name of that. */
export const storageSchemes = [
  'file',
  'sftp',
  'ftp',
  'webdav',
  'smb',
  'rsync',
  's3',
  'azure',
  'gs',
  'b2',
  'swift',
  'dropbox',
  'googledrive',
  'onedrive',
  'tahoe',
  'rclone',
  'multi',
  'par2',
  'memory',
] as const;

/** Those that users are told of. */
export const offeredSchemes: readonly string[] = storageSchemes.filter((name) => name !== 'memory');

/** Throws what `driverNameOf` throws, and `input/usage` with the nearest name for a scheme that nobody serves. */
export function requireScheme(scheme: string): void {
  const name = driverNameOf(withoutPar2(scheme) ?? scheme);
  if (!storageSchemes.some((known) => known === name)) throw unknownScheme(scheme);
}

/** The error for a scheme that nobody serves. */
export function unknownScheme(scheme: string): AppError {
  const nearest = didYouMean(scheme, [...storageSchemes, ...knownSchemes]);
  return new AppError('input/usage', `There is no kind of storage called "${scheme}"`, {
    hint: `${nearest === undefined ? '' : `Did you mean "${nearest}"? `}Known are: ${offeredSchemes.join(', ')}`,
  });
}

/** The scheme behind `par2+`, as duplicity writes a storage whose objects have recovery files beside them; `undefined` without it. */
export function withoutPar2(scheme: string): string | undefined {
  return scheme.startsWith('par2+') ? scheme.slice('par2+'.length) : undefined;
}

/** The other names of a driver. */
export function aliasesOf(driver: string): readonly string[] {
  return aliases[driver] ?? [];
}

/** Every other name that means something, for suggestions. */
const knownSchemes: readonly string[] = [...Object.keys(aliases), ...Object.values(aliases).flat()];
