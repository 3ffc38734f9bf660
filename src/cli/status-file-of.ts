import { access } from 'node:fs/promises';
import path from 'node:path';

import { PUBLIC_STATUS_FILE } from '../service/status/read-status-file.ts';
import type { CliContext } from './context.ts';
import type { GlobalFlagValues } from './global-flags.ts';

/** The status file for somebody who can read no catalog: the one that is named, the public one, that in the state directory. */
export async function statusFileOf(
  flags: Pick<GlobalFlagValues, 'state-dir'> & { readonly 'status-file': string | undefined },
  context: Pick<CliContext, 'environment' | 'workingDirectory'>,
): Promise<string> {
  const file = flags['status-file'];
  if (file !== undefined) return path.resolve(context.workingDirectory, file);
  const isThere = await access(PUBLIC_STATUS_FILE).then(
    () => true,
    () => false, // the other one is read, and what is wrong with it is told
  );
  if (isThere) return PUBLIC_STATUS_FILE;
  const { stateDirectoryOf } = await import('./places.ts');
  return path.join(stateDirectoryOf(flags, context), 'status.json');
}
