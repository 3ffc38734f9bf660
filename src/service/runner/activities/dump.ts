import type { BackupJob, DatabaseSource } from '../../../model/job.ts';
import type { DestinationAccess } from '../destination-access.ts';
import type { ActivityEnd, StepContext } from '../step-context.ts';

export async function dumpDatabase(
  _context: StepContext<BackupJob>,
  _access: DestinationAccess,
  _database: DatabaseSource,
): Promise<ActivityEnd> {
  return await Promise.resolve({ outcome: 'failed' as const, reason: 'later' });
}
