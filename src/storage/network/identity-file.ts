import { access, constants } from 'node:fs/promises';

import { AppError } from '../../base/errors.ts';
import { fileReason } from '../../base/file-reason.ts';
import { neededHomeDirectory } from '../../base/home-directory.ts';

/** A file below `~` is one of the user, as for `ssh`. */
export function atHome(
  file: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  return file?.replace(/^~(?=\/)/u, () => neededHomeDirectory(environment));
}

/** Sees to it that there is a file for a key: the key itself, or its public half, whose other half an agent has. Rejects with `input/usage`. */
export async function requireKeyFile(file: string): Promise<void> {
  try {
    await access(file, constants.R_OK);
  } catch (error) {
    if (!(await isReadable(`${file}.pub`))) throw unreadableKeyFile(file, error);
  }
}

async function isReadable(file: string): Promise<boolean> {
  return access(file, constants.R_OK).then(
    () => true,
    () => false,
  );
}

/** The error for the file of a key that cannot be read. */
export function unreadableKeyFile(file: string, cause: unknown): AppError {
  const message = `Cannot read the identity file "${file}": ${fileReason(cause)}`;
  return new AppError('input/usage', message, {
    cause,
    hint: 'Look at the option "identity-file"',
  });
}
