import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { AppError, messageOf } from '../../base/errors.ts';

/** A new directory that only this account can enter, which goes with all that is in it. @throws AppError `local/unwritable` */
export async function temporaryDirectory(
  parent = tmpdir(),
): Promise<AsyncDisposable & { readonly path: string }> {
  let directory: string;
  try {
    directory = await mkdtemp(path.join(parent, 'holdfast-'));
  } catch (cause) {
    throw new AppError(
      'local/unwritable',
      `Cannot make a directory in "${parent}": ${messageOf(cause)}`,
      {
        cause,
        hint: 'TMPDIR names another place for temporary files',
      },
    );
  }
  return {
    path: directory,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}
