import { mkdir } from 'node:fs/promises';
import { devNull } from 'node:os';
import path from 'node:path';

import { Secret } from '../../src/base/secret.ts';
import { obscuredPassword } from '../../src/storage/network/rclone/obscured-password.ts';
import type { ServerKind } from './server-kind.ts';
import { freePort, serverDirectory, startServer, type TestServer } from './server.ts';

/** `rclone serve`: what rclone itself is tried against, as a remote that is configured by the environment. */
export interface RcloneServer extends TestServer {
  readonly password: string;
  /** Its files. */
  readonly data: string;
  /** The variables that make it the remote `test` of rclone, at the port that the remote's own options name. */
  readonly environment: Readonly<Record<string, string>>;
  /** The remote `test` at a port (its own, or that of a proxy), with a password if it is another one than `password`. */
  remote(port: number, place: string, password?: string): string;
}

export const rcloneServePrograms = ['rclone'];

const user = 'bk';

export async function startRcloneServe(
  protocol: 'webdav' | 'sftp',
  { data: given }: { readonly data?: string } = {},
): Promise<RcloneServer> {
  const directory = await serverDirectory();
  const port = await freePort();
  const password = 's3cret: äöü';
  const data = given ?? path.join(directory, 'data');
  await mkdir(data, { recursive: true });
  const server = await startServer({
    directory,
    port,
    programs: [
      {
        argv: [
          'rclone',
          'serve',
          protocol,
          data,
          `--addr=127.0.0.1:${port}`,
          `--user=${user}`,
          `--pass=${password}`,
          '--dir-cache-time=0',
        ],
        environment: { RCLONE_CONFIG: devNull, HOME: directory, XDG_CACHE_HOME: directory },
      },
    ],
  });
  const address = (at: number): string =>
    protocol === 'webdav' ? `url="http://127.0.0.1:${at}/"` : `host=127.0.0.1,port=${at}`;
  const own: Readonly<Record<string, string>> =
    protocol === 'webdav' ? { VENDOR: 'other' } : { SHELL_TYPE: 'none' };
  const settings = {
    TYPE: protocol,
    USER: user,
    PASS: obscuredPassword(new Secret(password)),
    ...own,
  };
  return {
    ...server,
    password,
    data,
    environment: {
      RCLONE_CONFIG: devNull,
      ...Object.fromEntries(
        Object.entries(settings).map(([name, value]) => [`RCLONE_CONFIG_TEST_${name}`, value]),
      ),
    },
    remote: (at, place, other) =>
      `test,${address(at)}${other === undefined ? '' : `,pass=${obscuredPassword(new Secret(other))}`}:${place}`,
  };
}

export const serverKind: ServerKind<RcloneServer> = {
  name: 'rclone-serve',
  programs: rcloneServePrograms,
  start: () => startRcloneServe('webdav'),
  usage: ({ remote, port, environment }) =>
    [
      ...Object.entries(environment).map(([name, value]) => `${name}='${value}'`),
      `rclone://${remote(port, 'place')}`,
    ].join(' '),
};
