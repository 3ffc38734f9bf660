import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

import { apachePrograms, startApache } from '../../test/servers/apache.ts';
import { serverKind as ceph } from '../../test/servers/ceph.ts';
import { openSshPrograms, startOpenSsh } from '../../test/servers/openssh.ts';
import { startProftpd } from '../../test/servers/proftpd.ts';

/** A destination on a server that runs, for us and for rclone. */
export interface Service extends AsyncDisposable {
  readonly port: number;
  /** The destination `place` at a port: the server's own, or that of a proxy. */
  url(place: string, port: number): string;
  /** Environment that configures the rclone remote `bench`, and the path of `place` on it. */
  readonly rclone: Readonly<Record<string, string>>;
  rclonePath(place: string): string;
  readonly environment: Readonly<Record<string, string>>;
}

export interface ServiceKind {
  readonly name: string;
  readonly server: string;
  readonly programs: readonly string[];
  start(): Promise<Service>;
}

const obscured = (password: string): string =>
  execFileSync('rclone', ['obscure', '-'], { input: password }).toString().trim();

/** The protocols for which a throughput is wanted. */
export const serviceKinds: readonly ServiceKind[] = [
  {
    name: 'sftp',
    server: 'OpenSSH',
    programs: openSshPrograms,
    async start() {
      const server = await startOpenSsh();
      const hostKey = readFileSync(`${server.directory}/host_ed25519.pub`, 'utf8').trim();
      const options = `identity-file=${server.identity}&host-key=${encodeURIComponent(hostKey)}`;
      return {
        port: server.port,
        url: (place, port) => `sftp://root@127.0.0.1:${port}/${server.data}/${place}?${options}`,
        rclone: {
          RCLONE_CONFIG_BENCH_TYPE: 'sftp',
          RCLONE_CONFIG_BENCH_HOST: '127.0.0.1',
          RCLONE_CONFIG_BENCH_PORT: String(server.port),
          RCLONE_CONFIG_BENCH_USER: 'root',
          RCLONE_CONFIG_BENCH_KEY_FILE: server.identity,
        },
        rclonePath: (place) => `bench:${server.data}/${place}`,
        environment: {},
        [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
      };
    },
  },
  {
    name: 'webdav',
    server: 'Apache',
    programs: apachePrograms,
    async start() {
      const server = await startApache();
      return {
        port: server.port,
        url: (place, port) => `webdav://localhost:${port}/dav/${place}`,
        rclone: {
          RCLONE_CONFIG_BENCH_TYPE: 'webdav',
          RCLONE_CONFIG_BENCH_URL: `http://localhost:${server.port}/dav`,
          RCLONE_CONFIG_BENCH_VENDOR: 'other',
          RCLONE_CONFIG_BENCH_USER: server.user,
          RCLONE_CONFIG_BENCH_PASS: obscured(server.password),
        },
        rclonePath: (place) => `bench:${place}`,
        environment: {
          HOLDFAST_WEBDAV_USER: server.user,
          HOLDFAST_WEBDAV_PASSWORD: server.password,
        },
        [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
      };
    },
  },
  {
    name: 'ftp',
    server: 'ProFTPD',
    programs: ['proftpd', 'ftpasswd'],
    async start() {
      const server = await startProftpd();
      return {
        port: server.port,
        url: (place, port) =>
          `ftp://${server.user}:${encodeURIComponent(server.password)}@${server.hostOf(port)}:${port}/${place}`,
        rclone: {
          RCLONE_CONFIG_BENCH_TYPE: 'ftp',
          RCLONE_CONFIG_BENCH_HOST: server.hostOf(server.port),
          RCLONE_CONFIG_BENCH_PORT: String(server.port),
          RCLONE_CONFIG_BENCH_USER: server.user,
          RCLONE_CONFIG_BENCH_PASS: obscured(server.password),
        },
        rclonePath: (place) => `bench:${place}`,
        environment: {},
        [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
      };
    },
  },
  {
    name: 's3',
    server: 'Ceph RADOS Gateway',
    programs: ceph.programs,
    async start() {
      const server = await ceph.start();
      const { accessKey, secretKey } = server.user;
      return {
        port: server.port,
        url: (place, port) =>
          `s3+http://127.0.0.1:${port}/bench/${place}?provider=ceph&create-bucket`,
        rclone: {
          RCLONE_CONFIG_BENCH_TYPE: 's3',
          RCLONE_CONFIG_BENCH_PROVIDER: 'Ceph',
          RCLONE_CONFIG_BENCH_ENDPOINT: `http://127.0.0.1:${server.port}`,
          RCLONE_CONFIG_BENCH_ACCESS_KEY_ID: accessKey,
          RCLONE_CONFIG_BENCH_SECRET_ACCESS_KEY: secretKey,
        },
        rclonePath: (place) => `bench:bench/${place}`,
        environment: { AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey },
        [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
      };
    },
  },
];
