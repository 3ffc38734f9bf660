import type { BackupJob } from '../../../model/job.ts';
import { combineEnds } from '../combine-ends.ts';
import type { DestinationAccess } from '../destination-access.ts';
import { eachDestination, withAccess } from '../each-destination.ts';
import { flagArguments, parameterArguments, retentionArguments } from '../operation-arguments.ts';
import { runOperation } from '../run-operation.ts';
import type { ActivityEnd, StepContext } from '../step-context.ts';

/**
 * Retention as a run of its own. What the schedule asks for is skipped while the last backup has failed: what is old may be all that there is. A person may
 * ask for it all the same.
 */
export async function runRetention(context: StepContext<BackupJob>): Promise<ActivityEnd> {
  const { job, run, catalog, signal } = context;
  if (job.retention === undefined || retentionArguments(job.retention).length === 0) {
    return { outcome: 'skipped', reason: `The job "${job.name}" keeps everything` };
  }
  if (run.trigger === 'schedule' || run.trigger === 'catch-up') {
    const backups = await catalog.runs.history(job.name, 'backup', { signal });
    if (backups?.lastSuccess === undefined || backups.failuresInARow > 0) {
      const reason = 'Nothing is dropped before a backup has succeeded';
      return { outcome: 'skipped', reason };
    }
  }
  return combineEnds(
    await eachDestination(
      context,
      async (index) => await withAccess(context, index, (access) => retainAt(context, access)),
    ),
  );
}

/** Drops what the job no longer keeps in one destination, and frees the space. */
export async function retainAt(
  context: StepContext<BackupJob>,
  access: DestinationAccess,
): Promise<ActivityEnd> {
  const { job, run } = context;
  const policy = retentionArguments(job.retention ?? {});
  const { destination: _, ...parameters } =
    run.activity === 'retention' ? (run.parameters ?? {}) : {};
  const { end } = await runOperation(context, {
    name: 'retention',
    kind: 'retention',
    access,
    command: [
      'forget',
      // Snapshots that something else made in the same place are not ours to drop.
      `--job=${job.name}`,
      ...policy,
      ...(job.retention?.prune === false ? [] : ['--prune']),
      ...flagArguments(archiveFlagsOf(access)),
      ...parameterArguments(parameters, {
        'dry-run': (value) => (value === 'true' ? ['--dry-run'] : []),
      }),
    ],
  });
  return end;
}

/** Flags of a destination that every command on it takes. */
export function archiveFlagsOf({ flags }: DestinationAccess): DestinationAccess['flags'] {
  return Object.fromEntries(Object.entries(flags).filter(([name]) => archiveFlags.has(name)));
}

const archiveFlags: ReadonlySet<string> = new Set([
  'archive-dir',
  'file-prefix',
  'gpg-options',
  'sign-key',
]);
