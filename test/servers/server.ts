import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { isAlive, processFamily } from './process-family.ts';

/** A real server of the tests: it listens on loopback only, keeps everything in a directory of its own, and goes with it. */
export interface TestServer extends AsyncDisposable {
  readonly port: number;
  /** Where its configuration, its data and its log lie. */
  readonly directory: string;
  /** Ends it at once, as a crash would; its data stay. */
  kill(): Promise<void>;
  /** Starts it again at the same port after `kill()`. */
  restart(): Promise<void>;
}

export interface ServerProgram {
  readonly argv: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly directory?: string;
}

/** A directory that daemons which give up their rights can enter. */
export async function serverDirectory(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'holdfast-server-'));
  await chmod(directory, 0o755);
  return directory;
}

/**
 * Starts programs in order, each in its own process group, with their output in `log` of the directory, and waits until the port
 * answers. The directory is removed at the end.
 */
export async function startServer({
  directory,
  port,
  programs,
  ready = () => answers(port),
  patience = 30_000,
}: {
  readonly directory: string;
  readonly port: number;
  readonly programs: readonly ServerProgram[];
  /** Whether it is ready to serve. */
  readonly ready?: () => Promise<boolean>;
  /** Milliseconds until it must be ready. */
  readonly patience?: number;
}): Promise<TestServer> {
  let running: readonly Running[] = [];
  const start = async (): Promise<void> => {
    const started: Running[] = [];
    running = started;
    for (const program of programs) started.push(await run(program, directory));
    await until(ready, running, directory, patience);
  };
  const kill = async (): Promise<void> => {
    await Promise.all(running.map((program) => program.kill()));
    running = [];
  };
  const remove = (): Promise<void> =>
    rm(directory, { recursive: true, force: true, maxRetries: 5 });
  try {
    await start();
  } catch (error) {
    await kill();
    await remove();
    throw error;
  }
  return {
    port,
    directory,
    kill,
    restart: start,
    async [Symbol.asyncDispose]() {
      await kill();
      await remove();
    },
  };
}

/** A port of loopback that nobody listens on just now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/** Whether something accepts connections at a port of loopback. */
export function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const end = (result: boolean) => (): void => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', end(true));
    socket.once('error', end(false));
    socket.setTimeout(1000, end(false));
  });
}

interface Running {
  /** How it ended, once it has. */
  ended(): string | undefined;
  kill(): Promise<void>;
}

async function run(
  { argv, environment = {}, directory: workingDirectory }: ServerProgram,
  directory: string,
): Promise<Running> {
  const log = await open(path.join(directory, 'log'), 'a');
  const [name = '', ...parameters] = argv;
  let child: ChildProcess;
  try {
    child = spawn(name, parameters, {
      cwd: workingDirectory ?? directory,
      detached: true,
      env: { ...process.env, ...environment },
      stdio: ['ignore', log.fd, log.fd],
    });
  } finally {
    await log.close();
  }
  let end: string | undefined;
  const over = new Promise<void>((resolve) => {
    child.once('exit', (status, signal) => {
      end = `${name} ended with ${status ?? signal}`;
      resolve();
    });
    child.once('error', (error) => {
      end = `${name} cannot be started: ${error.message}`;
      resolve();
    });
  });
  // A test that is ended must not leave servers behind.
  const last = (): void => endGroup(child);
  process.once('exit', last);
  return {
    ended: () => end,
    async kill() {
      await endFamily(child);
      await over;
      process.off('exit', last);
    },
  };
}

function endGroup({ pid }: ChildProcess): void {
  if (pid !== undefined) send(-pid, 'SIGKILL');
}

/** Ends what a program has started with it, and returns when none of them answers any more. */
async function endFamily(child: ChildProcess): Promise<void> {
  const { pid } = child;
  if (pid === undefined || child.exitCode !== null || child.signalCode !== null)
    return endGroup(child);
  // It starts nothing while the others are counted.
  send(-pid, 'SIGSTOP');
  const family = await processFamily(pid);
  for (const member of family) send(member, 'SIGKILL');
  endGroup(child);
  for (const member of family) {
    while (await isAlive(member)) await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function send(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended by itself.
  }
}

async function until(
  ready: () => Promise<boolean>,
  running: readonly Running[],
  directory: string,
  patience: number,
): Promise<void> {
  const deadline = performance.now() + patience;
  for (;;) {
    const ended = running.map((program) => program.ended()).find((end) => end !== undefined);
    if (ended === undefined && (await ready())) return;
    if (ended !== undefined || performance.now() > deadline) {
      const log = await readFile(path.join(directory, 'log'), 'utf8');
      throw new Error(`${ended ?? `Not ready after ${patience} ms`}:\n${log.slice(-3000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
