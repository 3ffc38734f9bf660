import { hostname } from 'node:os';
import path from 'node:path';

import { JobStatuses } from '../service/status/job-statuses.ts';
import { readServiceStatus, type ServiceStatus } from '../service/status/service-status.ts';
import { readStatusFile } from '../service/status/read-status-file.ts';
import { openCatalogOf, type ServiceFlagValues } from './open-catalog.ts';
import type { CommandSession } from './session.ts';

type StatusFlags = ServiceFlagValues & { readonly 'status-file': string | undefined };

/** How everything stands, from the status file that is named, else from the catalog. */
export async function statusOf(
  flags: StatusFlags,
  session: CommandSession,
): Promise<ServiceStatus> {
  const file = flags['status-file'];
  if (file !== undefined) return await readStatusFile(path.resolve(session.workingDirectory, file));
  const { clock, signal, timeZone, version } = session;
  const hostName = hostname();
  await using catalog = await openCatalogOf(flags, session);
  const statuses = new JobStatuses({ catalog, clock, timeZone, hostName });
  return await readServiceStatus({ catalog, clock, statuses, version, hostName }, { signal });
}
