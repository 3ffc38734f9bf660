import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import { makeKey } from './openssh.ts';
import type { ServerKind } from './server-kind.ts';
import { freePort, serverDirectory, startServer, type TestServer } from './server.ts';

const run = promisify(execFile);

/** ProFTPD as an SFTP server of another make, with a user of its own who has a password, and none of OpenSSH's extensions. */
export interface ProFtpdSftpServer extends TestServer {
  readonly data: string;
  readonly user: string;
  readonly password: string;
  readonly knownHosts: string;
}

export const proFtpdSftpPrograms = [
  'proftpd',
  'ftpasswd',
  'ssh-keygen',
  '/usr/lib/proftpd/mod_sftp.so',
];

export async function startProFtpdSftp(): Promise<ProFtpdSftpServer> {
  const directory = await serverDirectory();
  const of = (name: string): string => path.join(directory, name);
  const port = await freePort();
  await Promise.all(['data', 'logs'].map((name) => mkdir(of(name))));
  await makeKey(of('host_rsa'), 'rsa', { format: ['-m', 'PEM'] });
  const user = 'bk';
  const password = 's3cret: p@ss';
  const adding = run('ftpasswd', [
    '--passwd',
    '--stdin',
    `--file=${of('passwd')}`,
    `--name=${user}`,
    '--uid=0',
    '--gid=0',
    `--home=${of('data')}`,
    '--shell=/bin/false',
  ]);
  adding.child.stdin?.end(`${password}\n`);
  await adding;
  await chmod(of('passwd'), 0o600);
  const [type, key] = (await readFile(of('host_rsa.pub'), 'utf8')).split(' ');
  await writeFile(of('known_hosts'), `[127.0.0.1]:${port} ${type} ${key}\n`);
  await writeFile(
    of('configuration'),
    [
      'ModulePath /usr/lib/proftpd',
      'LoadModule mod_sftp.c',
      'ServerName test',
      'ServerType standalone',
      'DefaultAddress 127.0.0.1',
      `Port ${port}`,
      'UseIPv6 off',
      `PidFile ${of('pid')}`,
      `ScoreboardFile ${of('scoreboard')}`,
      `SystemLog ${of('logs/system')}`,
      'DelayTable none',
      'TransferLog none',
      'WtmpLog off',
      'User root',
      'Group root',
      `AuthUserFile ${of('passwd')}`,
      'AuthOrder mod_auth_file.c',
      'RequireValidShell off',
      'RootLogin on',
      'DefaultRoot ~',
      'AllowOverwrite on',
      'UseReverseDNS off',
      'MaxInstances 60',
      'SFTPEngine on',
      `SFTPLog ${of('logs/sftp')}`,
      `SFTPHostKey ${of('host_rsa')}`,
      'SFTPAuthMethods password',
      'SFTPCompression off',
      'SFTPExtensions -posixRename -fsync -hardlink -statvfs',
      '',
    ].join('\n'),
  );
  const server = await startServer({
    directory,
    port,
    programs: [{ argv: ['proftpd', '-n', '-c', of('configuration')] }],
  });
  return { ...server, data: of('data'), user, password, knownHosts: of('known_hosts') };
}

export const serverKind: ServerKind<ProFtpdSftpServer> = {
  name: 'proftpd-sftp',
  programs: proFtpdSftpPrograms,
  start: startProFtpdSftp,
  usage: ({ port, user, password, knownHosts }) =>
    `sftp://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/backup?known-hosts=${knownHosts}`,
};
