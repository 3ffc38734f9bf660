import type { Catalog } from '../../catalog/catalog.ts';
import { JobStatuses } from '../../service/status/job-statuses.ts';
import type { CommandSession } from '../session.ts';
import { fullHostName } from './full-host-name.ts';

/** How the jobs of a catalog stand. */
export async function jobStatuses(
  catalog: Catalog,
  { clock, timeZone }: Pick<CommandSession, 'clock' | 'timeZone'>,
): Promise<JobStatuses> {
  return new JobStatuses({ catalog, clock, timeZone, hostName: await fullHostName({ clock }) });
}
