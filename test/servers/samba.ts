import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import path from 'node:path';

import type { ServerKind } from './server-kind.ts';
import { freePort, serverDirectory, startServer, type TestServer } from './server.ts';

/**
 * Samba with the shares `backup`, `encrypted` (nobody gets in without SMB 3 encryption) and `readonly`, all with the same files. A `small`
 * one shows a directory of the caller's.
 */
export interface SambaServer extends TestServer {
  readonly user: string;
  readonly password: string;
  readonly data: string;
}

export const sambaPrograms = ['smbd', 'smbpasswd', 'rclone'];

export async function startSamba({
  small,
}: { readonly small?: string } = {}): Promise<SambaServer> {
  const directory = await serverDirectory();
  const port = await freePort();
  const user = userInfo().username;
  const password = 's3cret: äöü';
  const of = (name: string): string => path.join(directory, name);
  const folders = ['data', 'state', 'cache', 'lock', 'private', 'pid', 'ncalrpc', 'logs'];
  await Promise.all(folders.map((name) => mkdir(of(name), { mode: 0o755 })));
  const share = (name: string, ...lines: readonly string[]): string =>
    [`[${name}]`, `valid users = ${user}`, `force user = ${user}`, ...lines].join('\n');
  const configuration = of('smb.conf');
  await writeFile(
    configuration,
    [
      '[global]',
      'server role = standalone server',
      'workgroup = TEST',
      'netbios name = TESTSMB',
      'disable netbios = yes',
      'interfaces = lo',
      'bind interfaces only = yes',
      `smb ports = ${port}`,
      `state directory = ${of('state')}`,
      `cache directory = ${of('cache')}`,
      `lock directory = ${of('lock')}`,
      `private dir = ${of('private')}`,
      `pid directory = ${of('pid')}`,
      `ncalrpc dir = ${of('ncalrpc')}`,
      `log file = ${of('logs')}/%m`,
      `passdb backend = tdbsam:${of('private')}/passdb.tdb`,
      'security = user',
      'map to guest = never',
      'load printers = no',
      'printing = bsd',
      'printcap name = /dev/null',
      'disable spoolss = yes',
      'server min protocol = SMB2_02',
      share('backup', `path = ${of('data')}`, 'read only = no'),
      share('encrypted', `path = ${of('data')}`, 'read only = no', 'smb encrypt = required'),
      share('readonly', `path = ${of('data')}`, 'read only = yes'),
      ...(small === undefined ? [] : [share('small', `path = ${small}`, 'read only = no')]),
      '',
    ].join('\n'),
  );
  await addUser(configuration, user, password);
  const server = await startServer({
    directory,
    port,
    programs: [
      {
        // It has a process group of its own already, which it would otherwise fail to make.
        argv: ['smbd', '--foreground', '--no-process-group', `--configfile=${configuration}`],
      },
    ],
  });
  return { ...server, user, password, data: of('data') };
}

/** The password goes through a pipe, twice. */
function addUser(configuration: string, user: string, password: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('smbpasswd', ['-c', configuration, '-s', '-a', user], {
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    child.once('error', reject);
    child.once('close', (status) =>
      status === 0 ? resolve() : reject(new Error(`smbpasswd ended with ${status}`)),
    );
    child.stdin.end(`${password}\n${password}\n`);
  });
}

export const serverKind: ServerKind<SambaServer> = {
  name: 'samba',
  programs: sambaPrograms,
  start: startSamba,
  usage: ({ user, password, port }) =>
    `smb://${user}:${encodeURIComponent(password)}@localhost:${port}/backup/place`,
};
