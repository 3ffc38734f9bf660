import { execFile } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import type { ServerKind } from './server-kind.ts';
import { freePort, serverDirectory, startServer, type TestServer } from './server.ts';

/** What `check_nrpe` said. */
export interface NrpeAnswer {
  readonly status: number;
  readonly output: string;
}

/** A server of NRPE that runs plugins as `nobody`, below a directory that stands for `/`. */
export interface NrpeServer extends TestServer {
  /** Where `etc/nagios/nrpe.d` and the plugins lie; what is changed there counts after `restart()`. */
  readonly root: string;
  /** Asks it as a Nagios server does. */
  check(command: string): Promise<NrpeAnswer>;
}

const CLIENT = '/usr/lib/nagios/plugins/check_nrpe';

export const nrpePrograms = ['nrpe', CLIENT];

export async function startNrpe(): Promise<NrpeServer> {
  const directory = await serverDirectory();
  const of = (name: string): string => path.join(directory, name);
  const port = await freePort();
  const root = of('root');
  await mkdir(path.join(root, 'etc/nagios/nrpe.d'), { recursive: true });
  // Plugins are named as they are on a machine of their own.
  const below = of('run-below');
  // Nobody has no home: with a place for what Node makes of the sources they need not be read anew each time.
  await mkdir(of('code'));
  await chmod(of('code'), 0o777);
  const lines = ['#!/bin/sh', `export NODE_COMPILE_CACHE=${of('code')}`, 'plugin=$1', 'shift'];
  await writeFile(below, [...lines, `exec "${root}$plugin" "$@"`, ''].join('\n'));
  await chmod(below, 0o755);
  const isRoot = process.getuid?.() === 0;
  await writeFile(
    of('nrpe.cfg'),
    [
      'server_address=127.0.0.1',
      `server_port=${port}`,
      `pid_file=${of('nrpe.pid')}`,
      ...(isRoot ? ['nrpe_user=nobody', 'nrpe_group=nogroup'] : []),
      'allowed_hosts=127.0.0.1',
      'dont_blame_nrpe=0',
      'command_timeout=30',
      `command_prefix=${below}`,
      `log_file=${of('nrpe.log')}`,
      `include_dir=${root}/etc/nagios/nrpe.d`,
      '',
    ].join('\n'),
  );
  const server = await startServer({
    directory,
    port,
    programs: [{ argv: ['/usr/sbin/nrpe', '-c', of('nrpe.cfg'), '-f'] }],
  });
  return {
    ...server,
    root,
    check: (command) => ask(port, command),
  };
}

function ask(port: number, command: string): Promise<NrpeAnswer> {
  return new Promise((resolve, reject) => {
    execFile(CLIENT, ['-H', '127.0.0.1', '-p', String(port), '-c', command], (error, stdout) => {
      const status = error === null ? 0 : error.code;
      if (typeof status === 'number') resolve({ status, output: stdout.trimEnd() });
      else reject(error);
    });
  });
}

export const serverKind: ServerKind<NrpeServer> = {
  name: 'nrpe',
  programs: nrpePrograms,
  start: startNrpe,
  usage: ({ port, root }) =>
    `holdfast monitor nrpe-install --directory ${root}; then ${CLIENT} -H 127.0.0.1 -p ${port} -c check_backups`,
};
