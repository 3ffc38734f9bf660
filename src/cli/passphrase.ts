import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { AppError, messageOf } from '../base/errors.ts';
import { fileReason } from '../base/file-reason.ts';
import { Secret } from '../base/secret.ts';
import type { CliContext } from './context.ts';
import { askPassphrase } from './prompt.ts';

/** Where a passphrase may come from, besides the terminal. */
export interface PassphraseSource {
  /** What it is called in questions and errors: "Passphrase", "New passphrase". */
  readonly what: string;
  /** `--passphrase-file` and `--passphrase-command`, or those of another prefix. */
  readonly file: string | undefined;
  readonly command: string | undefined;
  /** Names before `_FILE` and `_COMMAND` in the environment, by precedence: `HOLDFAST_PASSPHRASE`. */
  readonly variables: readonly string[];
  /** Ask twice. */
  readonly repeat: boolean;
  /** Do without one (`--insecure-no-passphrase`). */
  readonly none: boolean;
}

/**
 * Where `findPassphrase` will take it from: a flag or variable, a command, which may ask somebody, nowhere because none is wanted, the terminal, or it will fail
 * because there is none.
 */
export type PassphraseOrigin = 'given' | 'command' | 'none' | 'typed' | 'missing';

export function passphraseOrigin(
  { none, file, command, variables }: PassphraseSource,
  { environment, terminal }: CliContext,
): PassphraseOrigin {
  if (none) return 'none';
  if (file !== undefined) return 'given';
  if (command !== undefined) return 'command';
  for (const variable of variables) {
    if (environment[variable] !== undefined) return environment[variable] ? 'given' : 'missing';
    if (environment[`${variable}_FILE`]) return 'given';
    if (environment[`${variable}_COMMAND`]) return 'command';
  }
  return terminal.interactive ? 'typed' : 'missing';
}

/**
 * Finds a passphrase: the flags, then the environment, then a question on the terminal. Never empty, except when `none` asks for
 * none. Throws `input/usage` when there is none and nobody to ask, `input/invalid` for an empty one, `process/failed` for a command that
 * fails.
 */
export async function findPassphrase(
  source: PassphraseSource,
  context: CliContext,
): Promise<Secret> {
  if (source.none) return new Secret('');
  if (source.file !== undefined) return fromFile(source.file, source.what, context);
  if (source.command !== undefined) return fromCommand(source.command, source.what, context);
  for (const variable of source.variables) {
    const value = context.environment[variable];
    if (value !== undefined) return checked(value, source.what, `the environment (${variable})`);
    const file = context.environment[`${variable}_FILE`];
    if (file !== undefined && file !== '') return fromFile(file, source.what, context);
    const command = context.environment[`${variable}_COMMAND`];
    if (command !== undefined && command !== '') return fromCommand(command, source.what, context);
  }
  if (context.terminal.interactive) {
    return askPassphrase(source.what, context, { repeat: source.repeat });
  }
  const variable = source.variables[0]!;
  throw new AppError(
    'input/usage',
    `The ${source.what.toLowerCase()} is missing and there is no terminal to ask on`,
    {
      hint: `Set ${variable}, ${variable}_FILE or ${variable}_COMMAND, or give a file with the flag`,
    },
  );
}

function checked(value: string, what: string, place: string): Secret {
  if (value !== '') return new Secret(value);
  throw new AppError('input/invalid', `The ${what.toLowerCase()} from ${place} is empty`, {
    hint: 'Choose a passphrase; --insecure-no-passphrase makes a repository that anybody can read',
  });
}

/** The first line, without its end. */
const firstLine = (text: string): string => /^[^\r\n]*/u.exec(text)![0];

async function fromFile(file: string, what: string, context: CliContext): Promise<Secret> {
  const absolute = path.resolve(context.workingDirectory, file);
  let text: string;
  try {
    text = await readFile(absolute, { encoding: 'utf8', signal: context.signal });
  } catch (error) {
    context.signal.throwIfAborted();
    throw new AppError(
      'input/invalid',
      `Cannot read the ${what.toLowerCase()} from "${file}": ${fileReason(error)}`,
      {
        cause: error,
      },
    );
  }
  return checked(firstLine(text), what, `the file "${file}"`);
}

/** What the command says on standard error is shown; what it prints is not. */
async function fromCommand(command: string, what: string, context: CliContext): Promise<Secret> {
  const child = spawn('/bin/sh', ['-c', command], {
    cwd: context.workingDirectory,
    env: { ...context.environment },
    stdio: ['ignore', 'pipe', 'inherit'],
    signal: context.signal,
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  child.once('error', reject);
  child.once('close', (status, signal) =>
    resolve(status === 0 ? '' : `exit status ${status ?? signal}`),
  );
  const failure = await promise.catch((error: unknown) => {
    context.signal.throwIfAborted();
    return messageOf(error);
  });
  if (failure !== '') {
    throw new AppError(
      'process/failed',
      `The command for the ${what.toLowerCase()} failed: ${failure}`,
      {
        hint: 'Run it in a shell to see what it says',
      },
    );
  }
  return checked(firstLine(Buffer.concat(chunks).toString('utf8')), what, 'the command');
}
