import { PassThrough, Writable } from 'node:stream';

import type { CallOptions } from '../../base/call-options.ts';
import { type Clock, systemClock } from '../../base/clock.ts';
import { AppError, hasCode } from '../../base/errors.ts';
import { startTimer } from '../../base/long-timer.ts';
import {
  lastLines,
  type Program,
  type ProgramEnd,
  type ProgramOptions,
} from '../../base/process.ts';
import { systemRandom } from '../../base/random.ts';
import { readCommandFrames } from './command-frames.ts';
import { isActive } from './container-details.ts';
import type { ContainerCommand, DockerClient } from './docker-client.ts';

/** As a program of this machine, of which there is no process here. */
export type ContainerProgram = Pick<Program, 'name' | 'input' | 'output' | 'ended'> &
  AsyncDisposable;

/** As for a program of this machine; `environment` is added to that of the container. */
export interface ContainerProgramOptions
  extends
    CallOptions,
    Pick<ProgramOptions, 'timeLimit' | 'grace' | 'onErrorOutput'>,
    Partial<ContainerCommand> {
  readonly clock?: Clock;
}

const keptOfErrors = 8192;
/** The variable by which a command and its children are found again when they have to be ended: the API has no call for that. */
const markName = 'HOLDFAST_COMMAND';

/**
 * Starts a program in a running container and gives the same as `startProgram` does for one of this machine: output streams with back pressure, the exit
 * status is that of the program. Input is only sent with `hasInput`.
 *
 * `ended` also rejects with `container/unavailable` when the connection breaks off while the program runs: then nobody knows how it ended, and its output is destroyed with
 * the same error. A program that is not there ends with status 127, as in a shell.
 *
 * @throws AppError `container/unavailable`, `container/failed` (the container is not there or does not run)
 */
export async function startContainerProgram(
  client: DockerClient,
  container: string,
  argv: readonly string[],
  options: ContainerProgramOptions = {},
): Promise<ContainerProgram> {
  const { hasInput = false, signal } = options;
  const mark = Buffer.from(systemRandom(12)).toString('hex');
  const id = await client.createCommand(
    container,
    {
      ...options,
      command: argv,
      hasInput,
      environment: { ...options.environment, [markName]: mark },
    },
    { signal },
  );
  const request = {
    method: 'POST',
    path: `/exec/${id}/start`,
    body: { Detach: false, Tty: false },
    action: `run "${argv[0] ?? ''}" in the container "${container}"`,
    signal,
  } as const;
  const connection = hasInput
    ? await client.transport.hijack(request)
    : // Its signal would only cut the connection; the program would go on.
      await client.transport.stream({ ...request, signal: undefined });
  const input = hasInput ? (connection as unknown as Writable) : nowhere();
  // As with a pipe: a program that stops reading early is no error of ours.
  input.on('error', () => undefined);
  const output = new PassThrough({ highWaterMark: 256 * 1024 });
  output.on('error', () => undefined);
  const words = { bytes: Buffer.alloc(0) };
  const pumped = pump(connection, output, (piece) => {
    words.bytes = Buffer.concat([words.bytes, piece]).subarray(-keptOfErrors);
    options.onErrorOutput?.(piece);
  });
  const kill = (name: 'TERM' | 'KILL'): Promise<void> =>
    endCommand(client, container, mark, name, options.user);
  const ended = watch(
    { client, id, container, pumped, output, words, kill, cut: () => connection.destroy() },
    options,
  );
  let isRunning = true;
  const settled = ended.then(
    () => void (isRunning = false),
    () => void (isRunning = false), // whoever is interested awaits `ended`; nobody has to
  );
  return {
    name: argv[0] ?? '',
    input,
    output,
    ended,
    async [Symbol.asyncDispose]() {
      output.destroy();
      if (!isRunning) return;
      await kill('TERM');
      const timer = setTimeout(
        () => void kill('KILL').finally(() => connection.destroy()),
        options.grace ?? 5000,
      );
      await settled;
      clearTimeout(timer);
    },
  };
}

interface Watched {
  readonly client: DockerClient;
  readonly id: string;
  readonly container: string;
  readonly pumped: Promise<void>;
  readonly output: PassThrough;
  readonly words: { readonly bytes: Buffer };
  kill(name: 'TERM' | 'KILL'): Promise<void>;
  /** Gives up a program that cannot be ended. */
  cut(): void;
}

async function watch(watched: Watched, options: ContainerProgramOptions): Promise<ProgramEnd> {
  const { signal, timeLimit, grace = 5000 } = options;
  const timers: Disposable[] = [];
  let timedOut = false;
  const stop = (): void => {
    void watched.kill('TERM');
    const kill = (): void => {
      void watched.kill('KILL');
      timers.push(startTimer(grace, () => watched.cut()));
    };
    timers.push(startTimer(grace, kill));
  };
  const limit = (): void => {
    timedOut = true;
    stop();
  };
  if (timeLimit !== undefined) timers.push(startTimer(timeLimit, limit));
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted === true) stop();
  try {
    await watched.pumped;
    const status = await exitStatus(watched, options);
    signal?.throwIfAborted();
    // Only now: a reader must not take the end of the connection for that of the output.
    watched.output.end();
    return { status, killedBy: undefined, timedOut, lastWords: lastLines(watched.words.bytes) };
  } catch (error) {
    const shown = signal?.aborted === true ? (signal.reason as unknown) : error;
    watched.output.destroy(shown instanceof Error ? shown : undefined);
    if (!timedOut || signal?.aborted === true) throw shown;
    return {
      status: undefined,
      killedBy: 'SIGKILL',
      timedOut,
      lastWords: lastLines(watched.words.bytes),
    };
  } finally {
    signal?.removeEventListener('abort', stop);
    for (const timer of timers) timer[Symbol.dispose]();
  }
}

async function pump(
  connection: AsyncIterable<Uint8Array>,
  output: PassThrough,
  onErrors: (piece: Buffer) => void,
): Promise<void> {
  try {
    for await (const { stream, piece } of readCommandFrames(connection)) {
      if (stream === 'errors') onErrors(piece);
      // What nobody reads any more is let go, so that the program comes to its end.
      else if (!output.destroyed && !output.write(piece)) await writable(output);
    }
  } catch (error) {
    if (hasCode(error)) throw error;
    throw new AppError(
      'container/unavailable',
      'The connection to a command in a container breaks off',
      { cause: error },
    );
  }
}

/** Until it takes more, or nobody wants more. */
function writable(output: PassThrough): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      output.off('drain', go).off('close', go);
      resolve();
    };
    output.on('drain', go).on('close', go);
  });
}

/** An engine may know a moment later than we that a program has ended; one that does not end has lost its connection. */
async function exitStatus(
  { client, id, container }: Watched,
  { clock = systemClock }: ContainerProgramOptions,
): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const state = await client.commandState(id);
    if (state?.isRunning === false && state.exitStatus !== undefined) return state.exitStatus;
    const isLost = state === undefined || !state.isRunning;
    if (isLost || (attempt > 3 && !(await isThere(client, container)))) {
      throw new AppError(
        'container/failed',
        `Nobody knows how a command in the container "${container}" ended: the container is gone or was stopped`,
      );
    }
    await clock.sleep(20 + attempt * 4);
  }
  throw new AppError(
    'container/unavailable',
    `The connection to a command in the container "${container}" is lost while it still runs`,
  );
}

/** Some engines say of a command that it runs although its container does not. */
async function isThere(client: DockerClient, container: string): Promise<boolean> {
  const details = await client.inspect(container);
  return details !== undefined && isActive(details);
}

/** Sends a signal to everything in the container that has the mark in its environment. Takes `sh` and `grep` there; without them a command goes on until it ends by itself. */
async function endCommand(
  client: DockerClient,
  container: string,
  mark: string,
  name: 'TERM' | 'KILL',
  user: string | undefined,
): Promise<void> {
  const script = `for d in /proc/[0-9]*; do if grep -q "$0=$1" "$d/environ" 2>/dev/null; then kill -${name} "\${d#/proc/}" 2>/dev/null; fi; done`;
  try {
    const id = await client.createCommand(container, {
      command: ['sh', '-c', script, markName, mark],
      hasInput: false,
      ...(user !== undefined && { user }),
    });
    const { transport } = client;
    const path = `/exec/${id}/start`;
    const body = { Detach: false, Tty: false };
    const answer = await transport.stream({ method: 'POST', path, body, action: 'end a command' });
    await answer.resume().toArray();
  } catch (error) {
    // The container is stopped or gone, and the command with it. Whoever waits learns that from the command itself.
    if (!hasCode(error)) throw error;
  }
}

function nowhere(): Writable {
  return new Writable({ write: (_piece, _encoding, done) => done() });
}
