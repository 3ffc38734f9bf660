import { readFile } from 'node:fs/promises';
import path from 'node:path';

import type { CallOptions } from '../base/call-options.ts';
import { AppError } from '../base/errors.ts';
import { fileReason } from '../base/file-reason.ts';
import { failureOf, runProgram } from '../base/process.ts';
import { Secret } from '../base/secret.ts';
import type { SecretValue } from '../model/secret-value.ts';

/** Where secrets are looked for. */
export interface SecretContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Relative paths are relative to this: the directory of the configuration file. */
  readonly baseDirectory: string;
}

/** A program that tells a secret may ask a server for it, but not for ever. */
const COMMAND_TIME_LIMIT = 60_000;

/**
 * Finds out a secret. One newline at the end of a file or of what a program prints does not count.
 *
 * @param what what it is, as the middle of a sentence: `the passphrase of "offsite"`
 * @throws AppError `input/invalid` if it is not there or empty; `process/failed` if the program fails. What it is never is in the sentence.
 */
export async function resolveSecret(
  value: SecretValue,
  context: SecretContext,
  what: string,
  options: CallOptions = {},
): Promise<Secret> {
  const text = await read(value, context, what, options);
  if (text !== '') return new Secret(text);
  throw new AppError('input/invalid', `${capital(what)} is empty`);
}

async function read(
  value: SecretValue,
  { environment, baseDirectory }: SecretContext,
  what: string,
  options: CallOptions,
): Promise<string> {
  if (typeof value === 'string') return value;
  if ('file' in value)
    return await fromFile(path.resolve(baseDirectory, value.file), what, options);
  if ('environment' in value) {
    const text = environment[value.environment];
    if (text !== undefined) return text;
    throw new AppError(
      'input/invalid',
      `Cannot find ${what}: the variable "${value.environment}" is not set`,
    );
  }
  if ('credential' in value) {
    const directory = environment['CREDENTIALS_DIRECTORY'];
    if (directory !== undefined && isFileName(value.credential)) {
      return await fromFile(path.join(directory, value.credential), what, options);
    }
    throw new AppError(
      'input/invalid',
      `Cannot find ${what}: there is no credential "${value.credential}"`,
      { hint: 'Credentials are given by systemd: add LoadCredential= to the unit' },
    );
  }
  const result = await runProgram(value.command, {
    ...options,
    environment,
    directory: baseDirectory,
    timeLimit: COMMAND_TIME_LIMIT,
  });
  const failure = failureOf(result);
  if (failure === undefined) return withoutNewline(result.output.toString('utf8'));
  throw new AppError('process/failed', `The program that tells ${what} failed: ${failure}`);
}

async function fromFile(file: string, what: string, { signal }: CallOptions): Promise<string> {
  try {
    return withoutNewline(await readFile(file, { encoding: 'utf8', signal }));
  } catch (cause) {
    signal?.throwIfAborted();
    throw new AppError(
      'input/invalid',
      `Cannot read ${what} from "${file}": ${fileReason(cause)}`,
      {
        cause,
      },
    );
  }
}

const withoutNewline = (text: string): string => text.replace(/\r?\n$/u, '');

const isFileName = (name: string): boolean =>
  !/[/\0]/u.test(name) && !['', '.', '..'].includes(name);

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
