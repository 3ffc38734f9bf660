import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';

/** What one command took. */
export interface Measurement {
  readonly seconds: number;
  /** User and system time of the command and all it started, threads included. */
  readonly cpuSeconds: number;
  /** Resident memory at its highest: of the largest process, or of all together where that is more. */
  readonly peakBytes: number;
}

export interface RunOptions {
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

const timeProgram = '/usr/bin/time';
const sampleInterval = 50;

/** Says what is missing before anything can be measured, if anything is. */
export function missingForMeasuring(): string | undefined {
  if (process.platform !== 'linux')
    return 'Cannot measure memory here: the benchmark reads /proc of Linux';
  if (!existsSync(timeProgram))
    return `Cannot measure: no ${timeProgram} (on Debian: apt install time)`;
  return undefined;
}

/**
 * Runs a command to its end and measures it.
 *
 * @throws Error with the end of what the command said when it fails
 */
export async function measure(
  command: readonly string[],
  options: RunOptions,
  scratch: string,
): Promise<Measurement> {
  rmSync(scratch, { force: true });
  // GNU time is small, unlike Node: the memory of a parent before exec counts for its child.
  const timed = [timeProgram, '--output', scratch, '--format', '%e %U %S %M', ...command];
  let together = 0;
  const begin = performance.now();
  await run(timed, options, (group) => {
    together = Math.max(together, residentBytes(group));
  });
  const seconds = (performance.now() - begin) / 1000;
  const [, user = Number.NaN, system = Number.NaN, largest = Number.NaN] = readFileSync(
    scratch,
    'utf8',
  )
    .trim()
    .split(' ')
    .map(Number);
  return { seconds, cpuSeconds: user + system, peakBytes: Math.max(largest * 1024, together) };
}

/** Runs a command in a process group of its own; `sample` is called with the group every 50 milliseconds. Gives its output. */
export async function run(
  [program = '', ...parameters]: readonly string[],
  { directory, environment, signal }: RunOptions,
  sample?: (group: number) => void,
): Promise<string> {
  signal.throwIfAborted();
  const child = spawn(program, parameters, {
    cwd: directory,
    env: environment,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let complaints = '';
  child.stdout.on('data', (part: Buffer) => (output = (output + part.toString()).slice(-100_000)));
  child.stderr.on(
    'data',
    (part: Buffer) => (complaints = (complaints + part.toString()).slice(-2000)),
  );
  const { pid } = child;
  const stop = (): void => {
    if (pid !== undefined) process.kill(-pid, 'SIGTERM');
  };
  signal.addEventListener('abort', stop, { once: true });
  const timer =
    sample && pid !== undefined ? setInterval(() => sample(pid), sampleInterval) : undefined;
  try {
    const { promise, resolve, reject } = Promise.withResolvers<number | string | null>();
    child.once('error', reject);
    child.once('close', (code, killedBy) => resolve(code ?? killedBy));
    const status = await promise;
    signal.throwIfAborted();
    if (status !== 0)
      throw new Error(
        `"${[program, ...parameters].join(' ')}" ended with ${status}: ${complaints || output}`,
      );
    return output;
  } finally {
    clearInterval(timer);
    signal.removeEventListener('abort', stop);
  }
}

/** Memory of all processes of a group. What they share counts for each, which is too much rather than too little. */
function residentBytes(group: number): number {
  let kibibytes = 0;
  for (const name of readdirSync('/proc')) {
    // Children come after the leader of their group, so most processes need not be looked at.
    if (!(Number(name) >= group)) continue;
    const afterName = readProc(name, 'stat').split(') ').at(-1)?.split(' ') ?? [];
    if (Number(afterName[2]) !== group) continue;
    kibibytes += Number(/^VmRSS:\s+(\d+)/m.exec(readProc(name, 'status'))?.[1] ?? 0);
  }
  return kibibytes * 1024;
}

/** A file about a process; empty when the process has ended since. */
function readProc(process: string, file: string): string {
  try {
    return readFileSync(`/proc/${process}/${file}`, 'utf8');
  } catch (error) {
    if (
      error instanceof Error &&
      'code' in error &&
      (error.code === 'ENOENT' || error.code === 'ESRCH')
    )
      return '';
    throw error;
  }
}
