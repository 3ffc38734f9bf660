import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import type { ServerKind } from './server-kind.ts';
import { freePort, serverDirectory, startServer, type TestServer } from './server.ts';

const run = promisify(execFile);

export interface OpenSshServer extends TestServer {
  /** Where tests may store things. */
  readonly data: string;
  /** A private key without a passphrase that lets root and every other user in. */
  readonly identity: string;
  /** The same sort of key, which lets nobody in. */
  readonly stranger: string;
  /** A file with the host key of the server. */
  readonly knownHosts: string;
  /** The host key of a kind, as `ssh-ed25519 AAAA…`. */
  hostKey(kind: 'ed25519' | 'rsa'): Promise<string>;
}

export interface OpenSshSettings {
  /** Lines for `sshd_config`; those after a line `Match` belong to it. */
  readonly lines?: readonly string[];
  /** What serves SFTP, `internal-sftp` by default; nothing does for an empty one. */
  readonly subsystem?: string;
}

export const openSshPrograms = ['sshd', 'ssh', 'ssh-keygen'];

/** Starts sshd on a free port of loopback, as root or as whoever runs the tests; every login is by key. */
export async function startOpenSsh(settings: OpenSshSettings = {}): Promise<OpenSshServer> {
  const directory = await serverDirectory();
  const of = (name: string): string => path.join(directory, name);
  const { subsystem = 'internal-sftp', lines = [] } = settings;
  if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
  const port = await freePort();
  await mkdir(of('data'));
  await Promise.all([
    makeKey(of('host_ed25519'), 'ed25519'),
    makeKey(of('host_rsa'), 'rsa'),
    makeKey(of('identity'), 'ed25519'),
    makeKey(of('stranger'), 'ed25519'),
  ]);
  await copyFile(of('identity.pub'), of('authorized_keys'));
  await chmod(of('authorized_keys'), 0o644);
  const hostKey = async (kind: string): Promise<string> =>
    (await readFile(of(`host_${kind}.pub`), 'utf8')).split(' ').slice(0, 2).join(' ');
  await writeFile(of('known_hosts'), `[127.0.0.1]:${port} ${await hostKey('ed25519')}\n`);
  await writeFile(
    of('sshd_config'),
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${of('host_ed25519')}`,
      `HostKey ${of('host_rsa')}`,
      `PidFile ${of('pid')}`,
      `AuthorizedKeysFile ${of('authorized_keys')}`,
      'StrictModes no',
      'UsePAM no',
      'UseDNS no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'PermitRootLogin prohibit-password',
      ...(subsystem === '' ? [] : [`Subsystem sftp ${subsystem}`]),
      'MaxStartups 100',
      'MaxSessions 50',
      ...lines,
      '',
    ].join('\n'),
  );
  const server = await startServer({
    directory,
    port,
    // It starts itself anew for each connection, which takes its absolute path.
    programs: [{ argv: ['/usr/sbin/sshd', '-D', '-e', '-f', of('sshd_config')] }],
  });
  return {
    ...server,
    async kill() {
      await endSessions(of('pid'));
      await server.kill();
    },
    async [Symbol.asyncDispose]() {
      await endSessions(of('pid'));
      await server[Symbol.asyncDispose]();
    },
    data: of('data'),
    identity: of('identity'),
    stranger: of('stranger'),
    knownHosts: of('known_hosts'),
    hostKey,
  };
}

/** A key pair `file` and `file.pub`. */
export async function makeKey(
  file: string,
  type: 'ed25519' | 'rsa' | 'ecdsa',
  {
    passphrase = '',
    format = [],
  }: { readonly passphrase?: string; readonly format?: readonly string[] } = {},
): Promise<void> {
  const bits = type === 'rsa' ? ['-b', '2048'] : [];
  await run('ssh-keygen', [
    '-q',
    '-t',
    type,
    ...bits,
    '-N',
    passphrase,
    '-C',
    'test',
    ...format,
    '-f',
    file,
  ]);
}

/** Each connection is served by processes in sessions of their own, which outlive the one that listens. */
async function endSessions(pidFile: string): Promise<void> {
  const listener = Number(await readFile(pidFile, 'utf8').catch(() => ''));
  if (!(listener > 1)) return;
  const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=']);
  const parents = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/u).map(Number));
  const ending = [listener];
  for (const parent of ending)
    for (const [pid, ppid] of parents) if (ppid === parent && pid !== undefined) ending.push(pid);
  for (const pid of ending.slice(1)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
}

export const serverKind: ServerKind<OpenSshServer> = {
  name: 'openssh',
  programs: openSshPrograms,
  start: () => startOpenSsh(),
  usage: ({ port, data, identity, knownHosts }) =>
    `sftp://root@127.0.0.1:${port}/${data}/backup?identity-file=${identity}&known-hosts=${knownHosts}`,
};
