import { execFile, spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import { testCertificate } from './certificate.ts';
import type { ServerKind } from './server-kind.ts';
import { answers, freePort, serverDirectory, startServer, type TestServer } from './server.ts';

const run = promisify(execFile);

/** An account of the gateway. */
export interface CephUser {
  readonly accessKey: string;
  readonly secretKey: string;
}

/** Ceph's RADOS Gateway in front of one monitor and one object store daemon: S3 with versions, object lock, policies and quotas. */
export interface CephServer extends TestServer {
  readonly tlsPort: number;
  /** PEM file: the certificate of the TLS port, which signs itself. */
  readonly certificate: string;
  readonly user: CephUser;
  /** Makes an account of its own; its name is part of its keys. */
  createUser(name: string): Promise<CephUser>;
  /** `radosgw-admin …`: what it prints. */
  admin(...argv: readonly string[]): Promise<string>;
}

/** Its `rgw dns name`, so that `BUCKET.localhost` names a bucket. */
export const cephDomain = 'localhost';

export const serverKind: ServerKind<CephServer> = {
  name: 'ceph',
  programs: ['ceph-mon', 'ceph-osd', 'radosgw', 'radosgw-admin', 'ceph', 'monmaptool', 'openssl'],
  start: startCeph,
  usage: ({ port, user }) =>
    `AWS_ACCESS_KEY_ID=${user.accessKey} AWS_SECRET_ACCESS_KEY=${user.secretKey} s3+http://127.0.0.1:${port}/BUCKET?create-bucket`,
};

/** A store that reaches the monitor before it knows the cluster ends with "wrong fsid". */
const storeProgram =
  'for try in 1 2 3 4 5 6 7 8; do ceph-osd -i 0 -f && exit; sleep 0.2; done; exit 1';

async function startCeph(): Promise<CephServer> {
  const directory = await serverDirectory();
  const [monitorPort, port, tlsPort] = [await freePort(), await freePort(), await freePort()];
  const { certificate, key } = await testCertificate(directory);
  const configuration = path.join(directory, 'ceph.conf');
  const environment = { CEPH_CONF: configuration };
  const pem = path.join(directory, 'gateway.pem');
  await writeFile(pem, `${await readFile(key, 'utf8')}${await readFile(certificate, 'utf8')}`);
  const cluster = crypto.randomUUID();
  for (const part of ['mon', 'osd', 'rgw', 'run', 'logs']) await mkdir(path.join(directory, part));
  await writeFile(
    configuration,
    configurationOf(directory, { cluster, monitorPort, port, tlsPort, pem }),
  );
  const monitor = { argv: ['ceph-mon', '-i', 'a', '-f'], environment };
  await makeCluster(directory, monitor.argv, { cluster, monitorPort, environment });
  const server = await startServer({
    directory,
    port,
    programs: [
      monitor,
      { argv: ['sh', '-c', storeProgram], environment },
      { argv: ['radosgw', '-n', 'client.rgw', '-f'], environment },
    ],
    ready: async () => (await answers(port)) && (await isServing(port)),
    patience: 120_000,
  });
  const admin = async (...argv: readonly string[]): Promise<string> =>
    (
      await run('radosgw-admin', ['-n', 'client.rgw', ...argv], {
        env: { ...process.env, ...environment },
      })
    ).stdout;
  const createUser = async (name: string): Promise<CephUser> => {
    const user = { accessKey: `AK${name.toUpperCase()}`, secretKey: `secret+of/${name}` };
    await admin(
      'user',
      'create',
      `--uid=${name}`,
      `--display-name=${name}`,
      `--access-key=${user.accessKey}`,
      `--secret-key=${user.secretKey}`,
    );
    return user;
  };
  try {
    return { ...server, tlsPort, certificate, user: await createUser('tester'), createUser, admin };
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

/** Makes the stores of both daemons; the monitor runs meanwhile. */
async function makeCluster(
  directory: string,
  [monitor = '', ...parameters]: readonly string[],
  {
    cluster,
    monitorPort,
    environment,
  }: {
    readonly cluster: string;
    readonly monitorPort: number;
    readonly environment: Readonly<Record<string, string>>;
  },
): Promise<void> {
  const env = { ...process.env, ...environment };
  const options = { cwd: directory, env, timeout: 60_000 };
  const address = `[v1:127.0.0.1:${monitorPort}]`;
  const map = ['--create', '--clobber', '--fsid', cluster, '--addv', 'a', address, 'monmap'];
  await run('monmaptool', map, options);
  await run('ceph-mon', ['-i', 'a', '--mkfs', '--monmap', 'monmap'], options);
  const child = spawn(monitor, parameters, { cwd: directory, env, stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  try {
    const store = crypto.randomUUID();
    const ask = (...words: readonly string[]): Promise<void> =>
      patiently(() => run('ceph', words, options));
    await ask('osd', 'new', store, '0');
    await run('ceph-osd', ['-i', '0', '--mkfs', '--osd-uuid', store], options);
    await ask('osd', 'crush', 'add', 'osd.0', '1.0', 'root=default', 'host=localhost');
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

/** A monitor that has just begun may refuse what it takes a moment later; what it has taken already changes nothing when it is said again. */
async function patiently(call: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await call();
      return;
    } catch (error) {
      if (attempt === 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}

/** The gateway opens its port before it can answer. */
async function isServing(port: number): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/`);
    return (await answer.text()).includes('ListAllMyBucketsResult');
  } catch {
    return false;
  }
}

function configurationOf(
  directory: string,
  {
    cluster,
    monitorPort,
    port,
    tlsPort,
    pem,
  }: {
    readonly cluster: string;
    readonly monitorPort: number;
    readonly port: number;
    readonly tlsPort: number;
    readonly pem: string;
  },
): string {
  return `[global]
fsid = ${cluster}
mon host = v1:127.0.0.1:${monitorPort}
mon initial members = a
auth cluster required = none
auth service required = none
auth client required = none
ms bind ipv6 = false
public addr = 127.0.0.1
cluster addr = 127.0.0.1
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon data avail crit = 1
mon data avail warn = 1
mon max pg per osd = 1000
run dir = ${directory}/run
log file = ${directory}/logs/$name.log
admin socket = ${directory}/run/$name.$pid.asok
pid file = ${directory}/run/$name.pid
[mon.a]
host = localhost
mon data = ${directory}/mon
[osd]
osd data = ${directory}/osd
osd objectstore = bluestore
bluestore block create = true
bluestore block size = 12884901888
bluestore block db size = 0
bluestore block wal size = 0
bluestore cache autotune = false
bluestore cache size = 67108864
osd memory target = 939524096
osd max object name len = 460
osd max object namespace len = 64
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:${port} ssl_endpoint=127.0.0.1:${tlsPort} ssl_certificate=${pem}
rgw thread pool size = 64
rgw data = ${directory}/rgw
rgw dns name = ${cephDomain}
rgw enable usage log = false
rgw lc debug interval = 10
rgw crypt require ssl = false
`;
}
