import type { ServerKind } from './server-kind.ts';

/** Every server by its name; loaded when it is started. */
export const serverKinds: Readonly<Record<string, () => Promise<ServerKind>>> = {
  azurite: async () => (await import('./azurite.ts')).serverKind,
  b2: async () => (await import('./b2.ts')).serverKind,
  ftp: async () => (await import('./proftpd.ts')).serverKind,
  rsync: async () => (await import('./rsync-daemon.ts')).serverKind,
  apache: async () => (await import('./apache.ts')).serverKind,
  ceph: async () => (await import('./ceph.ts')).serverKind,
  dropbox: async () => (await import('./dropbox.ts')).serverKind,
  'google-drive': async () => (await import('./google-drive.ts')).serverKind,
  onedrive: async () => (await import('./onedrive.ts')).serverKind,
  'google-cloud-storage': async () => (await import('./google-cloud-storage.ts')).serverKind,
  swift: async () => (await import('./swift.ts')).serverKind,
  'rclone-serve': async () => (await import('./rclone-serve.ts')).serverKind,
  postgres: async () => (await import('./postgres.ts')).serverKind,
  exim: async () => (await import('./exim.ts')).serverKind,
  samba: async () => (await import('./samba.ts')).serverKind,
  openssh: async () => (await import('./openssh.ts')).serverKind,
  'proftpd-sftp': async () => (await import('./proftpd-sftp.ts')).serverKind,
  tahoe: async () => (await import('./tahoe.ts')).serverKind,
  podman: async () => (await import('./podman.ts')).serverKind,
  mariadb: async () => (await import('./mariadb.ts')).serverKind,
  redis: async () => (await import('./redis.ts')).serverKind,
  nrpe: async () => (await import('./nrpe.ts')).serverKind,
  prometheus: async () => (await import('./prometheus.ts')).serverKind,
};
