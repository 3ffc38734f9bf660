import type { BackupJob } from '../../../model/job.ts';
import type { ActivityEnd, StepContext } from '../step-context.ts';

export async function runDrill(_context: StepContext<BackupJob>): Promise<ActivityEnd> {
  return await Promise.resolve({ outcome: 'failed' as const, reason: 'later' });
}
