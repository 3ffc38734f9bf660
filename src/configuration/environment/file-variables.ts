import { readFile } from 'node:fs/promises';

import type { CallOptions } from '../../base/call-options.ts';
import { AppError, messageOf, systemCodeOf } from '../../base/errors.ts';
import type { Environment } from './environment-reader.ts';

/** An environment in which variables that were given by files are there. */
export interface ResolvedVariables {
  readonly environment: Environment;
  /** Which file each of them came from. */
  readonly files: ReadonlyMap<string, string>;
  readonly warnings: readonly string[];
}

export interface FileVariableOptions extends CallOptions {
  /** Reads a file whole. */
  readonly readFile?: (file: string) => Promise<Buffer>;
}

/** Variables that end in `_FILE` and name a file that is meant as a file: other programs read them. */
const notOurs =
  /^(?:HOLDFAST_.*|SMTP_CA|AWS_SHARED_CREDENTIALS|AWS_CONFIG|AWS_WEB_IDENTITY_TOKEN|AZURE_FEDERATED_TOKEN|AZURE_CREDENTIAL|GOOGLE_.*|BOTO_.*|SSL_CERT|REQUESTS_CA|PGPASS|PGSERVICE|MYSQL_HISTORY|.*_(?:KEY|CERT|CA|PASSWORD_HASH)_PATH)$/u;

/** What may be given as `X_FILE`: the variables that are understood here, and whatever is called as a secret. */
const mayBeInFile =
  /^(?:(?:TASK|JOB|CRONTAB|SMTP|EMAIL|DST)_.+|SRC|DST|OPTIONS|OPTIONS_EXTRA|TZ|(?:.*_)?(?:PASS|PASSWD|PASSWORD|PASSPHRASE|SECRET|TOKEN|KEY|KEY_ID|ACCESS_KEY|USER|USERNAME|DATABASE|DB)|PG(?:PASSWORD|USER|DATABASE)|.*_PWD|.*(?:PASSWORD|PASSPHRASE))$/u;

/**
 * Puts the contents of files in place: `FILE__X=/path` and `X_FILE=/path` both give `X`. One newline at the end does not count.
 *
 * - `FILE__X` counts more than a plain `X`. `X_FILE` beside another `X`, or both with different contents, is an error.
 * - A file that is not there is a warning that names the variable, and `X` stays as it was.
 *
 * @throws AppError `input/invalid` for two values of one variable, or a file that cannot be read
 */
export async function resolveFileVariables(
  environment: Environment,
  options: FileVariableOptions = {},
): Promise<ResolvedVariables> {
  const { signal } = options;
  const read = options.readFile ?? ((file) => readFile(file, { signal }));
  const resolved: Record<string, string | undefined> = { ...environment };
  const files = new Map<string, string>();
  const found = new Map<string, { readonly by: string; readonly text: string }>();
  const warnings: string[] = [];
  for (const by of Object.keys(environment).toSorted()) {
    signal?.throwIfAborted();
    const file = environment[by];
    const name = nameGivenBy(by);
    if (name === undefined || file === undefined || file === '') continue;
    const text = await textOf(by, file, read, warnings, options);
    if (text === undefined) continue;
    const other = found.get(name);
    const plain = by.startsWith('FILE__') ? undefined : environment[name];
    if (other !== undefined && other.text !== text) throw twice(name, other.by, by);
    if (other === undefined && plain !== undefined && plain !== '' && plain !== text)
      throw twice(name, name, by);
    found.set(name, { by, text });
    files.set(name, file);
    resolved[name] = text;
  }
  return { environment: resolved, files, warnings };
}

/** The variable that another one gives the file for. */
function nameGivenBy(by: string): string | undefined {
  const name = /^FILE__(.+)$/u.exec(by)?.[1];
  if (name !== undefined) return name;
  const ending = /^(.+)_FILE$/u.exec(by)?.[1];
  return ending === undefined || notOurs.test(ending) || !mayBeInFile.test(ending)
    ? undefined
    : ending;
}

async function textOf(
  by: string,
  file: string,
  read: (file: string) => Promise<Buffer>,
  warnings: string[],
  { signal }: CallOptions,
): Promise<string | undefined> {
  let content: Buffer;
  try {
    content = await read(file);
  } catch (cause) {
    signal?.throwIfAborted();
    if (systemCodeOf(cause) === 'ENOENT') {
      warnings.push(`The file "${file}" of "${by}" is not there`);
      return undefined;
    }
    const message = `Cannot read the file "${file}" of "${by}": ${reasonOf(cause)}`;
    throw new AppError('input/invalid', message, { cause });
  }
  const text = content.toString('utf8').replace(/\r?\n$/u, '');
  if (text.includes('\0'))
    throw new AppError('input/invalid', `The file "${file}" of "${by}" is not a text`);
  if (text.endsWith('\n'))
    warnings.push(
      `The file "${file}" of "${by}" ends with more than one newline; all but the last count, so it may not work`,
    );
  return text;
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'it may not be read',
  EPERM: 'it may not be read',
  EISDIR: 'it is a directory',
};

const reasonOf = (cause: unknown): string => reasons[systemCodeOf(cause) ?? ''] ?? messageOf(cause);

const twice = (name: string, one: string, other: string): AppError =>
  new AppError(
    'input/invalid',
    `"${name}" is given twice, with different values: by "${one}" and by "${other}"`,
    { hint: 'Leave one of them out' },
  );
