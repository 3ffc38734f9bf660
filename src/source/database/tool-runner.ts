import { access, constants, readdir, realpath } from 'node:fs/promises';
import path from 'node:path';

import type { CallOptions } from '../../base/call-options.ts';
import { AppError, type ErrorCode } from '../../base/errors.ts';
import { failureOf, type Program, type ProgramEnd, startProgram } from '../../base/process.ts';
import type { Secret } from '../../base/secret.ts';

export interface ToolOptions extends CallOptions {
  /** After so many milliseconds it is ended. */
  readonly timeLimit?: number | undefined;
  /** Something is written to it; without, its input is empty. */
  readonly hasInput?: boolean;
}

/** A tool that runs; `await using` ends it. */
export type Tool = Pick<Program, 'name' | 'input' | 'output' | 'ended'> & AsyncDisposable;

/** Variables for a tool, besides those of where it runs. */
export type ToolEnvironment = Readonly<Record<string, string>>;

/** Starts the programs of a database: on this machine, or in a container. */
export interface ToolRunner {
  /** Where they run, as the end of a sentence: `on this machine`, `in the container "db"`. */
  readonly place: string;
  /** They see the files of this machine. */
  readonly isLocal: boolean;
  /** The name of the server for those that have no other: the container. */
  readonly serverName: string | undefined;
  /** What there is of a program, the best first. */
  find(name: string, options?: CallOptions): Promise<readonly string[]>;
  /** @throws AppError `process/failed`, `container/…` if it cannot be started */
  start(
    argv: readonly string[],
    environment: ToolEnvironment,
    options?: ToolOptions,
  ): Promise<Tool>;
}

/** Where distributions keep the programs of several versions of PostgreSQL beside each other: `*` is the version. */
const versionedDirectories = ['/usr/lib/postgresql/*/bin', '/usr/pgsql-*/bin'];

export interface LocalTools {
  /** Of this process; what is meant for this program alone is kept from the tools. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The only place to look for programs. */
  readonly directory?: string | undefined;
}

/** Tools of this machine. */
export function localTools({ environment, directory }: LocalTools): ToolRunner {
  const own = Object.fromEntries(
    Object.entries(environment).filter(([name]) => !name.startsWith('HOLDFAST_')),
  );
  return {
    place: directory === undefined ? 'on this machine' : `in "${directory}"`,
    isLocal: true,
    serverName: undefined,
    async find(name) {
      const paths = (environment['PATH'] ?? '').split(':').filter((part) => part !== '');
      const folders =
        directory === undefined ? [...paths, ...(await versioned())] : [path.resolve(directory)];
      const found: string[] = [];
      const wrapped: string[] = [];
      for (const folder of folders) {
        const file = path.join(folder, name);
        const real = await executable(file);
        if (real === undefined) continue;
        // Debian's script chooses one of those that stand in the list themselves.
        (path.basename(real) === 'pg_wrapper' ? wrapped : found).push(file);
      }
      return [...found, ...wrapped];
    },
    start: (argv, more, { signal, timeLimit } = {}) =>
      startProgram(argv, {
        environment: { ...own, ...more },
        signal,
        ...(timeLimit !== undefined && { timeLimit }),
      }),
  };
}

async function executable(file: string): Promise<string | undefined> {
  try {
    await access(file, constants.X_OK);
    return await realpath(file);
  } catch {
    return undefined; // It is not there, or not for us.
  }
}

async function versioned(): Promise<string[]> {
  const found: string[] = [];
  for (const pattern of versionedDirectories) {
    const parts = pattern.split('/');
    const index = parts.findIndex((part) => part.includes('*'));
    const parent = parts.slice(0, index).join('/');
    const prefix = parts[index]!.replace('*', '');
    const names = await readdir(parent).catch(() => []);
    for (const name of names) {
      if (!name.startsWith(prefix)) continue;
      found.push([parent, name, ...parts.slice(index + 1)].join('/'));
    }
  }
  return found.toSorted();
}

/** The first that there is of several programs. @throws AppError `database/unsupported` if there is none */
export async function findTool(tools: ToolRunner, names: readonly string[]): Promise<string> {
  for (const name of names) {
    const [found] = await tools.find(name);
    if (found !== undefined) return found;
  }
  throw new AppError(
    'database/unsupported',
    `There is no "${names.join('" or "')}" ${tools.place}`,
    { hint: installHint(names[0]!) },
  );
}

const packages: Readonly<Record<string, string>> = {
  psql: 'postgresql-client',
  pg_dump: 'postgresql-client',
  mariadb: 'mariadb-client',
  'redis-cli': 'redis-tools',
  mongodump: 'the MongoDB Database Tools',
};

function installHint(name: string): string {
  const source = Object.entries(packages).find(([prefix]) => name.startsWith(prefix))?.[1];
  const install = source === undefined ? 'Install it' : `Install ${source}`;
  return `${install}, or run the tools where the server is, with --database-container`;
}

/** What a tool wrote to its output, which has to fit in memory, and how it ended. */
export interface ToolResult extends ProgramEnd {
  readonly output: Buffer;
}

/** Runs a tool to its end; its exit status is for the caller to judge. */
export async function runTool(
  tools: ToolRunner,
  argv: readonly string[],
  environment: ToolEnvironment,
  options: ToolOptions & { readonly input?: Uint8Array | string } = {},
): Promise<ToolResult> {
  const hasInput = options.input !== undefined;
  await using program = await tools.start(argv, environment, { ...options, hasInput });
  program.input.end(options.input);
  const parts: Buffer[] = [];
  program.output.on('data', (part: Buffer) => parts.push(part));
  const end = await program.ended;
  return { ...end, output: Buffer.concat(parts) };
}

/**
 * The output of a tool, in pieces. The end is only reported when the tool has ended well.
 *
 * @param what the beginning of a sentence that ends in "failed": `The dump of "app"`
 * @throws AppError `database/failed`
 */
export async function* readTool(
  tools: ToolRunner,
  argv: readonly string[],
  environment: ToolEnvironment,
  {
    signal,
    ...failed
  }: CallOptions & {
    readonly what: string;
    readonly secret?: Secret | undefined;
    readonly hint?: string;
  },
): AsyncGenerator<Buffer, void, void> {
  await using program = await tools.start(argv, environment, { signal });
  program.input.end();
  const stop = (): void => void program.output.destroy(signal?.reason as Error);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    for await (const part of program.output) yield part as Buffer;
    signal?.throwIfAborted();
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
  throwIfFailed(program.name, await program.ended, failed);
}

/** @throws AppError `database/failed` (or another code) if a tool did not end well; a password that it repeats is not repeated */
export function throwIfFailed(
  name: string,
  end: ProgramEnd,
  {
    what,
    secret,
    code = 'database/failed',
    hint,
  }: {
    readonly what: string;
    readonly secret?: Secret | undefined;
    readonly code?: ErrorCode;
    readonly hint?: string;
  },
): void {
  const failure = failureOf(end);
  if (failure === undefined) return;
  const text = withoutSecret(failure.replace(/^it /u, `"${path.basename(name)}" `), secret);
  throw new AppError(code, `${what} failed: ${text}`, hint === undefined ? {} : { hint });
}

/** What a program said, without the password, also as it stands in URLs. */
export function withoutSecret(text: string, secret: Secret | undefined): string {
  const value = secret?.reveal() ?? '';
  if (value === '') return text;
  return text.replaceAll(value, '[secret]').replaceAll(encodeURIComponent(value), '[secret]');
}
