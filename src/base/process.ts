/** The only place that starts other programs: argument arrays, never a shell. */
import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Duplex, Readable, Writable } from 'node:stream';

import type { CallOptions } from './call-options.ts';
import { AppError } from './errors.ts';
import { startTimer } from './long-timer.ts';

/** A pipe the program reads under a descriptor above 2: for secrets, which do not belong in arguments or the environment. */
export interface ExtraInput {
  readonly descriptor: number;
  /** All of it; then the pipe ends. */
  readonly content: Uint8Array;
}

/** A pipe the program writes under a descriptor above 2. */
export interface ExtraOutput {
  readonly descriptor: number;
  /** Sees what is written as it comes; all of it before `ended` settles. */
  readonly onOutput: (piece: Buffer) => void;
}

/** How a program is run. */
export interface ProgramOptions extends CallOptions {
  /** The whole environment; that of this process by default. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly directory?: string;
  /** After so many milliseconds it is ended. */
  readonly timeLimit?: number;
  /** Between the request to end and the order to, in milliseconds. Default 5000. */
  readonly grace?: number;
  /** Sees what it writes to standard error as it comes. */
  readonly onErrorOutput?: (piece: Buffer) => void;
  readonly extraInputs?: readonly ExtraInput[];
  readonly extraOutputs?: readonly ExtraOutput[];
}

/** How a program ended. Either `status` or `killedBy` is set. */
export interface ProgramEnd {
  readonly status: number | undefined;
  readonly killedBy: NodeJS.Signals | undefined;
  readonly timedOut: boolean;
  /** The last lines it wrote to standard error, without control characters. */
  readonly lastWords: string;
}

/** A started program; `await using` ends it with everything it started. */
export interface Program extends AsyncDisposable {
  readonly name: string;
  readonly input: Writable;
  readonly output: Readable;
  /** Settles when it and its output have ended; rejects only with `signal.reason`. */
  readonly ended: Promise<ProgramEnd>;
  /** Settles when the program itself has ended, although others that it started may go on and hold its output. Its status, or 128 and the number of the signal that ended it. */
  readonly exited: Promise<number>;
  /** Sends a signal to it and to what it started. */
  send(name: NodeJS.Signals): void;
  readonly pid: number;
}

/** What a program wrote to standard output, and how it ended. */
export interface ProgramResult extends ProgramEnd {
  readonly output: Buffer;
}

const keptOfErrors = 8192;
const keptLines = 10;

/**
 * Starts a program in its own process group, so that it can be ended with its children.
 *
 * @throws AppError `process/failed` if it cannot be started
 */
export async function startProgram(
  argv: readonly string[],
  options: ProgramOptions = {},
): Promise<Program> {
  const { signal } = options;
  signal?.throwIfAborted();
  const [name, ...parameters] = argv;
  if (name === undefined || name === '')
    throw new AppError('process/failed', 'No program was named');
  let child: ReturnType<typeof launch>;
  try {
    child = launch(name, parameters, options);
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
  } catch (cause) {
    throw cannotStart(name, cause);
  }
  // A program that stops reading early is not our error: what counts is how it ends.
  child.stdin.on('error', () => undefined);
  connectExtras(child, options);
  const exited = new Promise<number>((resolve) =>
    child.once('exit', (status, killedBy) =>
      resolve(status ?? 128 + (killedBy === null ? 0 : constants.signals[killedBy])),
    ),
  );
  const ended = watch(child, options);
  let isRunning = true;
  const settled = ended.then(
    () => void (isRunning = false),
    () => void (isRunning = false), // whoever is interested awaits `ended`; nobody has to
  );
  return {
    name,
    input: child.stdin,
    output: child.stdout,
    ended,
    exited,
    send: (signalName) => endGroup(child, signalName),
    // It has one: it was spawned.
    pid: child.pid!,
    async [Symbol.asyncDispose]() {
      child.stdin.destroy();
      child.stdout.destroy();
      // What it left behind on purpose after a proper end is none of our business.
      if (!isRunning) return;
      endGroup(child, 'SIGTERM');
      const timer = setTimeout(() => endGroup(child, 'SIGKILL'), options.grace ?? 5000);
      await settled;
      clearTimeout(timer);
    },
  };
}

/**
 * Runs a program to its end and keeps what it writes, which has to fit in memory.
 *
 * @throws AppError `process/failed` if it cannot be started; its exit status is for the caller to judge
 */
export async function runProgram(
  argv: readonly string[],
  options: ProgramOptions & { readonly input?: Uint8Array } = {},
): Promise<ProgramResult> {
  await using program = await startProgram(argv, options);
  program.input.end(options.input);
  const parts: Buffer[] = [];
  program.output.on('data', (part: Buffer) => parts.push(part));
  const end = await program.ended;
  return { ...end, output: Buffer.concat(parts) };
}

/** How a program failed, as the end of a sentence; `undefined` if it did not. */
export function failureOf(end: ProgramEnd): string | undefined {
  const words = end.lastWords === '' ? '' : `: ${end.lastWords}`;
  if (end.timedOut) return `it took too long and was ended${words}`;
  if (end.killedBy !== undefined) return `it was ended by ${end.killedBy}${words}`;
  return end.status === 0 ? undefined : `it ended with status ${String(end.status)}${words}`;
}

function launch(name: string, parameters: readonly string[], options: ProgramOptions) {
  const extras = [...(options.extraInputs ?? []), ...(options.extraOutputs ?? [])];
  const descriptors = extras.map(({ descriptor }) => descriptor);
  const stdio = Array.from({ length: Math.max(2, ...descriptors) + 1 }, (_, descriptor) =>
    descriptor <= 2 || descriptors.includes(descriptor) ? 'pipe' : 'ignore',
  );
  const child = spawn(name, parameters, {
    stdio,
    shell: false,
    // Its own group: the terminal's Ctrl-C reaches us alone, and we end it in order.
    detached: process.platform !== 'win32',
    windowsHide: true,
    ...(options.environment === undefined ? {} : { env: options.environment }),
    ...(options.directory === undefined ? {} : { cwd: options.directory }),
  });
  return child as ChildProcessByStdio<Writable, Readable, Readable>;
}

function connectExtras(child: ChildProcess, options: ProgramOptions): void {
  // Pipes above 2 go both ways, whatever they are used for.
  const pipe = (descriptor: number): Duplex => child.stdio[descriptor] as Duplex;
  for (const { descriptor, content } of options.extraInputs ?? []) {
    // As with standard input, a program that does not read all of it is not our error.
    pipe(descriptor)
      .on('error', () => undefined)
      .resume()
      .end(content);
  }
  for (const { descriptor, onOutput } of options.extraOutputs ?? []) {
    pipe(descriptor)
      .on('error', () => undefined)
      .on('data', onOutput);
  }
}

async function watch(
  child: ReturnType<typeof launch>,
  { signal, timeLimit, grace = 5000, onErrorOutput }: ProgramOptions,
): Promise<ProgramEnd> {
  let words = Buffer.alloc(0);
  let timedOut = false;
  let killer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    endGroup(child, 'SIGTERM');
    killer ??= setTimeout(() => endGroup(child, 'SIGKILL'), grace);
  };
  const limit =
    timeLimit === undefined
      ? undefined
      : startTimer(timeLimit, () => {
          timedOut = true;
          stop();
        });
  child.stderr.on('data', (part: Buffer) => {
    words = Buffer.concat([words, part]).subarray(-keptOfErrors);
    onErrorOutput?.(part);
  });
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted === true) stop();
  try {
    const [status, killedBy] = await new Promise<[number | null, NodeJS.Signals | null]>(
      (resolve) => child.once('close', (code, name) => resolve([code, name])),
    );
    signal?.throwIfAborted();
    return {
      status: status ?? undefined,
      killedBy: killedBy ?? undefined,
      timedOut,
      lastWords: lastLines(words),
    };
  } finally {
    signal?.removeEventListener('abort', stop);
    limit?.[Symbol.dispose]();
    clearTimeout(killer);
  }
}

function endGroup(child: ChildProcess, name: NodeJS.Signals): void {
  const { pid } = child;
  if (pid === undefined) return;
  try {
    // Also after the program itself has ended: what it left behind may hold its output open.
    if (process.platform === 'win32') child.kill(name);
    else process.kill(-pid, name);
  } catch {
    // Nobody is left in the group.
  }
}

/** The last lines of what a program wrote to standard error, without control characters. */
export function lastLines(words: Buffer): string {
  const text = words.toString('utf8');
  const lines = text.split('\n').map((line) => line.replaceAll(/\p{Cc}/gu, '').trim());
  return lines
    .filter((line) => line !== '')
    .slice(-keptLines)
    .join('\n');
}

function cannotStart(name: string, cause: unknown): AppError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such program',
    EACCES: 'it may not be executed',
  };
  const reason = reasons[code] ?? (cause instanceof Error ? cause.message : String(cause));
  return new AppError('process/failed', `Cannot start "${name}": ${reason}`, {
    cause,
    hint: 'Check that it is installed and in the PATH',
  });
}
