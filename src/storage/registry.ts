import type { StorageDriver } from './driver.ts';
import { driverNameOf, type storageSchemes, unknownScheme, withoutPar2 } from './schemes.ts';

/** Every protocol, loaded when it is first used. A new one is a folder in `drivers/`, a line here and a name in `schemes.ts`. */
const loaders: Readonly<Record<(typeof storageSchemes)[number], () => Promise<StorageDriver>>> = {
  file: async () => (await import('./drivers/file/file.ts')).fileDriver,
  sftp: async () => (await import('./drivers/sftp/sftp.ts')).sftpDriver,
  ftp: async () => (await import('./drivers/ftp/ftp.ts')).ftpDriver,
  webdav: async () => (await import('./drivers/webdav/webdav.ts')).webdavDriver,
  smb: async () => (await import('./drivers/smb/smb.ts')).smbDriver,
  rsync: async () => (await import('./drivers/rsync/rsync.ts')).rsyncDriver,
  s3: async () => (await import('./drivers/s3/s3.ts')).s3Driver,
  azure: async () => (await import('./drivers/azure/azure.ts')).azureDriver,
  gs: async () => (await import('./drivers/gs/gs.ts')).gsDriver,
  b2: async () => (await import('./drivers/b2/b2.ts')).b2Driver,
  swift: async () => (await import('./drivers/swift/swift.ts')).swiftDriver,
  dropbox: async () => (await import('./drivers/dropbox/dropbox.ts')).dropboxDriver,
  googledrive: async () => (await import('./drivers/googledrive/googledrive.ts')).googledriveDriver,
  onedrive: async () => (await import('./drivers/onedrive/onedrive.ts')).onedriveDriver,
  tahoe: async () => (await import('./drivers/tahoe/tahoe.ts')).tahoeDriver,
  rclone: async () => (await import('./drivers/rclone/rclone.ts')).rcloneDriver,
  multi: async () => (await import('./drivers/multi/multi.ts')).multiDriver,
  par2: async () => (await import('./layers/par2/par2-driver.ts')).par2Driver,
  memory: async () => (await import('./drivers/memory/memory.ts')).memoryDriver,
};

/** The driver for a scheme or one of its other names. Throws `input/usage` for one that nobody serves, and says why where that is known. */
export async function storageDriver(scheme: string): Promise<StorageDriver> {
  const protectedScheme = withoutPar2(scheme);
  if (protectedScheme !== undefined) {
    const { withPar2 } = await import('./layers/par2/par2-driver.ts');
    return withPar2(await storageDriver(protectedScheme));
  }
  const name = driverNameOf(scheme);
  const load = Object.entries(loaders).find(([known]) => known === name)?.[1];
  if (load === undefined) throw unknownScheme(scheme);
  return load();
}
