import { writeFile } from 'node:fs/promises';
import path from 'node:path';

import { AppError } from '../../../base/errors.ts';
import type { DatabaseAddress } from '../database-url.ts';
import { temporaryDirectory } from '../temporary-directory.ts';

/** The URI of MongoDB, without the password: that belongs into a file. */
export function mongodbUri({
  scheme,
  user,
  server,
  database,
  parameters,
}: DatabaseAddress): string {
  const account = user === undefined ? '' : `${encodeURIComponent(user)}@`;
  const query = [...parameters]
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join('&');
  const name = database === undefined ? '' : encodeURIComponent(database);
  return `${scheme}://${account}${server || 'localhost'}/${name}${query === '' ? '' : `?${query}`}`;
}

/** A file of settings with the password, for `--config` of the MongoDB Database Tools; nothing without a password. */
export async function mongodbConfig(
  { password }: DatabaseAddress,
  isLocal: boolean,
  parent: string | undefined,
): Promise<AsyncDisposable & { readonly arguments: readonly string[] }> {
  if (password === undefined) return { arguments: [], async [Symbol.asyncDispose]() {} };
  if (!isLocal) {
    throw new AppError(
      'input/usage',
      'The tools of MongoDB read passwords from files, which a container does not see',
      {
        hint: 'Run them on this machine, or let the server know the container otherwise',
      },
    );
  }
  const directory = await temporaryDirectory(parent);
  const file = path.join(directory.path, 'config.yaml');
  try {
    // A text of JSON is one of YAML.
    await writeFile(file, `password: ${JSON.stringify(password.reveal())}\n`, { mode: 0o600 });
  } catch (cause) {
    await directory[Symbol.asyncDispose]();
    throw new AppError(
      'local/unwritable',
      `Cannot write a file for the password in "${directory.path}"`,
      {
        cause,
      },
    );
  }
  return {
    arguments: [`--config=${file}`],
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}
