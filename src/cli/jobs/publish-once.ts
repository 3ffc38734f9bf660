import { hostname, userInfo } from 'node:os';
import path from 'node:path';

import type { Catalog } from '../../catalog/catalog.ts';
import { JobStatuses } from '../../service/status/job-statuses.ts';
import { PUBLIC_STATUS_FILE } from '../../service/status/read-status-file.ts';
import { publishStatus } from '../../service/status/status-publisher.ts';
import type { GlobalFlagValues } from '../global-flags.ts';
import { localPlaces, stateDirectoryOf } from '../places.ts';
import type { CommandSession } from '../session.ts';

/** Where everybody can read the status: the file that `HOLDFAST_STATUS_FILE` names, else that of the machine if root works with the state directory of the machine. */
export function publicStatusFile(
  flags: Pick<GlobalFlagValues, 'state-dir'>,
  { environment, workingDirectory }: Pick<CommandSession, 'environment' | 'workingDirectory'>,
): string | undefined {
  const named = environment['HOLDFAST_STATUS_FILE'];
  if (named !== undefined && named !== '') return path.resolve(workingDirectory, named);
  if (process.getuid?.() !== 0) return undefined;
  const ofMachine = ['/var/lib/holdfast', path.join(userInfo().homedir, '.local/state/holdfast')];
  const own = stateDirectoryOf(flags, { environment, workingDirectory });
  return ofMachine.includes(own) ? PUBLIC_STATUS_FILE : undefined;
}

/** Writes down how all jobs stand after a run that no service has seen, for whoever watches the status file. */
export async function publishOnce(
  catalog: Catalog,
  flags: GlobalFlagValues,
  session: CommandSession,
): Promise<void> {
  const { clock, timeZone, version } = session;
  const hostName = hostname();
  const statuses = new JobStatuses({ catalog, clock, timeZone, hostName });
  const { stateDirectory } = localPlaces(flags, session);
  await publishStatus(
    {
      catalog,
      clock,
      statuses,
      version,
      hostName,
      stateDirectory,
      publicFile: publicStatusFile(flags, session),
    },
    undefined,
  );
}
