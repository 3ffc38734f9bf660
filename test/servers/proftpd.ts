import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import { type ProxyFaults, type TcpProxy, tcpProxy } from '../support/tcp-proxy.ts';
import { testCertificate } from './certificate.ts';
import type { ServerKind } from './server-kind.ts';
import { freePort, serverDirectory, startServer, type TestServer } from './server.ts';

const run = promisify(execFile);

/** How many ports a server has for data connections; one that was used is not free again at once. */
const dataPorts = 250;

/** Where the proxy before a server listens: an address of its own, since the ports of data connections are the same on both sides. */
const proxyHost = '127.0.0.2';

export interface Proftpd extends TestServer {
  readonly user: string;
  readonly password: string;
  /** What the user sees as the root of the server. */
  readonly home: string;
  /** The certificate of the server; empty without encryption. */
  readonly certificate: string;
  /** The address to connect to for a port: that of the server, or of the proxy before it. */
  hostOf(port: number): string;
  /** A proxy before the control connection and all data connections. */
  proxy(faults?: ProxyFaults): Promise<TcpProxy>;
}

export interface ProftpdSettings {
  readonly encryption?: 'none' | 'explicit' | 'implicit';
  readonly expiredCertificate?: boolean;
  /** Further lines of its configuration. */
  readonly lines?: readonly string[];
  /** Another directory than its own for the data, as one on a small disk. */
  readonly home?: string;
}

/** ProFTPD with one virtual user. Its data connections must resume the TLS session, as is its default. */
export async function startProftpd({
  encryption = 'none',
  expiredCertificate = false,
  lines = [],
  home,
}: ProftpdSettings = {}): Promise<Proftpd> {
  const directory = await serverDirectory();
  const root = home ?? path.join(directory, 'data');
  await mkdir(root, { recursive: true });
  const port = await freePort();
  const firstDataPort = await freeRange(dataPorts);
  const [user, password] = ['backup', 'Gr\u00fc\u00dfe "&" 42'];
  const passwords = path.join(directory, 'passwd');
  await makeUser({ file: passwords, user, password, home: root });
  const { certificate, key } =
    encryption === 'none'
      ? { certificate: '', key: '' }
      : await testCertificate(directory, { expired: expiredCertificate });
  const configuration = [
    ...(encryption === 'none' ? [] : ['ModulePath /usr/lib/proftpd', 'LoadModule mod_tls.c']),
    'ServerName test',
    'ServerType standalone',
    'DefaultAddress 127.0.0.1',
    `Port ${port}`,
    'UseIPv6 off',
    `PidFile ${directory}/pid`,
    `ScoreboardFile ${directory}/scoreboard`,
    'DelayEngine off',
    `SystemLog ${directory}/system-log`,
    'TransferLog none',
    'WtmpLog off',
    'User root',
    'Group root',
    `AuthUserFile ${passwords}`,
    'AuthOrder mod_auth_file.c',
    'RequireValidShell off',
    'RootLogin on',
    'DefaultRoot ~',
    `PassivePorts ${firstDataPort} ${firstDataPort + dataPorts - 1}`,
    'AllowStoreRestart on',
    'AllowRetrieveRestart on',
    ...(lines.some((line) => line.startsWith('AllowOverwrite')) ? [] : ['AllowOverwrite on']),
    'UseReverseDNS off',
    'MaxInstances 60',
    ...(encryption === 'none'
      ? []
      : [
          'TLSEngine on',
          `TLSLog ${directory}/tls-log`,
          'TLSProtocol TLSv1.2 TLSv1.3',
          `TLSRSACertificateFile ${certificate}`,
          `TLSRSACertificateKeyFile ${key}`,
          'TLSVerifyClient off',
          'TLSRequired on',
        ]),
    ...(encryption === 'implicit' ? ['TLSOptions UseImplicitSSL'] : []),
    ...lines,
  ];
  const file = path.join(directory, 'proftpd.conf');
  await writeFile(file, `${configuration.join('\n')}\n`);
  const server = await startServer({
    directory,
    port,
    programs: [{ argv: ['proftpd', '-n', '-c', file] }],
  });
  return {
    ...server,
    user,
    password,
    home: root,
    certificate,
    hostOf: (at) => (at === port ? '127.0.0.1' : proxyHost),
    proxy: (faults) =>
      tcpProxy(port, faults, {
        host: proxyHost,
        relayed: Array.from({ length: dataPorts }, (_, index) => firstDataPort + index),
      }),
  };
}

export const serverKind: ServerKind<Proftpd> = {
  name: 'ftp',
  programs: ['proftpd', 'ftpasswd'],
  start: startProftpd,
  usage: ({ port, user, password }) =>
    `ftp://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/place`,
};

/** One user, as the user who runs the tests: other users could not enter the directories. */
async function makeUser(account: {
  readonly file: string;
  readonly user: string;
  readonly password: string;
  readonly home: string;
}): Promise<void> {
  const child = run('ftpasswd', [
    '--passwd',
    '--stdin',
    `--file=${account.file}`,
    `--name=${account.user}`,
    `--uid=${process.getuid?.() ?? 0}`,
    `--gid=${process.getgid?.() ?? 0}`,
    `--home=${account.home}`,
    '--shell=/bin/false',
  ]);
  child.child.stdin?.end(`${account.password}\n`);
  await child;
}

/** The first of so many ports in a row that are free, below those that the system gives away by itself. */
async function freeRange(count: number): Promise<number> {
  for (;;) {
    const first = 12_000 + Math.floor(Math.random() * 75) * count;
    const ports = Array.from({ length: count }, (_, index) => first + index);
    const free = await Promise.all(ports.map(isFree));
    if (free.every(Boolean)) return first;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
