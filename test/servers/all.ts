import type { ServerKind } from './server-kind.ts';

/** Every server by its name; loaded when it is started. */
export const serverKinds: Readonly<Record<string, () => Promise<ServerKind>>> = {
  ftp: async () => (await import('./proftpd.ts')).serverKind,
  apache: async () => (await import('./apache.ts')).serverKind,
  ceph: async () => (await import('./ceph.ts')).serverKind,
  dropbox: async () => (await import('./dropbox.ts')).serverKind,
  swift: async () => (await import('./swift.ts')).serverKind,
};
