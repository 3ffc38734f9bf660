import { hostname } from 'node:os';

import type { Catalog } from '../../catalog/catalog.ts';
import { JobStatuses } from '../../service/status/job-statuses.ts';
import { PUBLIC_STATUS_FILE } from '../../service/status/read-status-file.ts';
import { publishStatus } from '../../service/status/status-publisher.ts';
import type { GlobalFlagValues } from '../global-flags.ts';
import { localPlaces } from '../places.ts';
import type { CommandSession } from '../session.ts';

/** Where everybody can read the status: only root may write there, and a state directory that somebody chose is not that of the machine. */
export const publicStatusFile = (flags: GlobalFlagValues): string | undefined =>
  process.getuid?.() === 0 && flags['state-dir'] === undefined ? PUBLIC_STATUS_FILE : undefined;

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
      publicFile: publicStatusFile(flags),
    },
    undefined,
  );
}
