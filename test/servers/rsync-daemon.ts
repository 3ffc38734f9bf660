import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import type { ServerKind } from './server-kind.ts';
import { freePort, serverDirectory, startServer, type TestServer } from './server.ts';

export interface RsyncDaemon extends TestServer {
  readonly user: string;
  readonly password: string;
  /** The directory of the module `data`, which may be written to by the user; `readable` is one that may not. */
  readonly data: string;
}

export interface RsyncDaemonSettings {
  /** Further lines for all modules. */
  readonly lines?: readonly string[];
  /** Another directory than its own for the data, as one on a small disk. */
  readonly data?: string;
}

/** `rsync --daemon` with a module `data` that takes a password, and one `readable` that is read-only. */
export async function startRsyncDaemon({
  lines = [],
  data,
}: RsyncDaemonSettings = {}): Promise<RsyncDaemon> {
  const directory = await serverDirectory();
  const of = (name: string): string => path.join(directory, name);
  const port = await freePort();
  const root = data ?? of('data');
  await mkdir(root, { recursive: true });
  await mkdir(of('readable'));
  const [user, password] = ['backup', 'not everybody knows'];
  await writeFile(of('secrets'), `${user}:${password}\n`, { mode: 0o600 });
  const isRoot = process.getuid?.() === 0;
  await writeFile(
    of('rsyncd.conf'),
    [
      `pid file = ${of('pid')}`,
      `log file = ${of('daemon-log')}`,
      `lock file = ${of('lock')}`,
      `motd file = ${of('motd')}`,
      `port = ${port}`,
      'address = 127.0.0.1',
      'use chroot = no',
      ...(isRoot ? ['uid = root', 'gid = root'] : []),
      'reverse lookup = no',
      ...lines,
      '[data]',
      `path = ${root}`,
      'read only = no',
      `auth users = ${user}`,
      `secrets file = ${of('secrets')}`,
      '[readable]',
      `path = ${of('readable')}`,
      'read only = yes',
      '',
    ].join('\n'),
  );
  await writeFile(of('motd'), 'Welcome, whoever you are\n');
  const server = await startServer({
    directory,
    port,
    // What a killed one has left would keep the next one from starting.
    programs: [
      {
        argv: [
          'sh',
          '-c',
          'rm -f "$0/pid"; exec rsync --daemon --no-detach --config="$0/rsyncd.conf"',
          directory,
        ],
      },
    ],
  });
  return { ...server, user, password, data: root };
}

export const serverKind: ServerKind<RsyncDaemon> = {
  name: 'rsync',
  programs: ['rsync'],
  start: startRsyncDaemon,
  usage: ({ port, user, password }) =>
    `rsync://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}::data/place`,
};
