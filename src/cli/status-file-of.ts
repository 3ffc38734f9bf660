import { access } from 'node:fs/promises';
import path from 'node:path';

import { PUBLIC_STATUS_FILE } from '../service/status/read-status-file.ts';
import type { CliContext } from './context.ts';
import type { GlobalFlagValues } from './global-flags.ts';
import { stateDirectoryOf } from './places.ts';

/** The status file: the one that is named, one's own, else (as for the account of Nagios, which has none) that of the machine. */
export async function statusFileOf(
  flags: Pick<GlobalFlagValues, 'state-dir'> & { readonly 'status-file': string | undefined },
  context: Pick<CliContext, 'environment' | 'workingDirectory'>,
): Promise<string> {
  const file = flags['status-file'];
  if (file !== undefined) return path.resolve(context.workingDirectory, file);
  const own = path.join(stateDirectoryOf(flags, context), 'status.json');
  const isMine = flags['state-dir'] !== undefined || (await isThere(own));
  // If none is there, what is wrong with one's own is told.
  return isMine || !(await isThere(PUBLIC_STATUS_FILE)) ? own : PUBLIC_STATUS_FILE;
}

const isThere = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );
