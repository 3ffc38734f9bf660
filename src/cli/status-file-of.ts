import { access } from 'node:fs/promises';
import path from 'node:path';

import { PUBLIC_STATUS_FILE } from '../service/status/status-file.ts';
import type { GlobalFlagValues } from './global-flags.ts';
import { localPlaces } from './places.ts';
import type { CommandSession } from './session.ts';

/** The status file for somebody who can read no catalog: the one that is named, the public one, that in the state directory. */
export async function statusFileOf(
  flags: GlobalFlagValues & { readonly 'status-file': string | undefined },
  session: CommandSession,
): Promise<string> {
  const file = flags['status-file'];
  if (file !== undefined) return path.resolve(session.workingDirectory, file);
  const isThere = await access(PUBLIC_STATUS_FILE).then(
    () => true,
    () => false, // the other one is read, and what is wrong with it is told
  );
  if (isThere) return PUBLIC_STATUS_FILE;
  return path.join(localPlaces(flags, session).stateDirectory, 'status.json');
}
