import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import type { ServerKind } from './server-kind.ts';
import { freePort, serverDirectory, startServer, type TestServer } from './server.ts';

const run = promisify(execFile);

/** A server of Redis on a free port of loopback, with a password. */
export interface RedisServer extends TestServer {
  readonly password: string;
  /** `redis://:password@127.0.0.1:port`. */
  url(): string;
  /** Runs a command and gives what it answers. */
  command(...words: readonly string[]): Promise<string>;
}

export const redisPrograms = ['redis-server', 'redis-cli'];

export async function startRedis(): Promise<RedisServer> {
  const directory = await serverDirectory();
  const port = await freePort();
  const password = 'red is/s3cret@';
  const command = async (...words: readonly string[]): Promise<string> => {
    const { stdout } = await run('redis-cli', ['-e', '-p', String(port), ...words], {
      env: { ...process.env, REDISCLI_AUTH: password },
    });
    return stdout.trimEnd();
  };
  const server = await startServer({
    directory,
    port,
    programs: [
      {
        argv: [
          'redis-server',
          `--port ${port}`,
          '--bind 127.0.0.1',
          `--dir ${directory}`,
          '--save ""',
          '--repl-diskless-sync-delay 0',
          `--requirepass "${password}"`,
        ],
      },
    ],
    ready: async () => (await command('PING').catch(() => '')) === 'PONG',
  });
  return {
    ...server,
    password,
    url: () => `redis://:${encodeURIComponent(password)}@127.0.0.1:${port}`,
    command,
  };
}

export const serverKind: ServerKind<RedisServer> = {
  name: 'redis',
  programs: redisPrograms,
  start: () => startRedis(),
  usage: (server) => server.url(),
};
