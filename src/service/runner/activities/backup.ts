import type { BackupJob, DatabaseSource } from '../../../model/job.ts';
import { combineEnds } from '../combine-ends.ts';
import { withContainersStopped } from '../containers-stopped.ts';
import { type DestinationAccess, destinationNameOf } from '../destination-access.ts';
import { dumpDatabase } from './dump.ts';
import { eachDestination, withAccess } from '../each-destination.ts';
import type { HookRunner } from '../hook-runner.ts';
import {
  filterArguments,
  flagArguments,
  parameterArguments,
  retentionArguments,
  snapshotArguments,
} from '../operation-arguments.ts';
import { type OperationStepEnd, runOperation } from '../run-operation.ts';
import type { ActivityEnd, StepContext } from '../step-context.ts';
import { withHooks } from '../with-hooks.ts';
import { takeReceipt } from '../drill/receipt.ts';
import { retainAt } from './retention.ts';

/**
 * Backs up to each destination while containers stand still; then, where that has succeeded, drops what is not kept any more. A dry run drops nothing, and is
 * no success: nothing was stored.
 */
export async function runBackup(
  context: StepContext<BackupJob>,
  hooks: HookRunner,
): Promise<ActivityEnd> {
  const { job, signal } = context;
  const stored: { readonly access: DestinationAccess; readonly snapshot: string | undefined }[] =
    [];
  const store = async (access: DestinationAccess): Promise<ActivityEnd> => {
    const { end, snapshot } = await backupTo(context, access);
    if (end.outcome === 'succeeded' || end.outcome === 'warned') stored.push({ access, snapshot });
    return end;
  };
  const backups = await withContainersStopped(context, async () =>
    combineEnds(
      await eachDestination(context, (index) =>
        withHooks(context, hooks, destinationNameOf(job, index), () =>
          withAccess(context, index, store),
        ),
      ),
    ),
  );
  if (isDryRun(context)) {
    if (backups.outcome !== 'succeeded' && backups.outcome !== 'warned') return backups;
    const reason = ['It was a dry run: nothing was stored', backups.reason ?? []].flat().join('; ');
    return { outcome: 'skipped', reason };
  }
  const { retention } = job;
  const isDue =
    retention !== undefined &&
    retention.schedule === undefined &&
    retentionArguments(retention).length > 0;
  const ends = [backups];
  for (const { access, snapshot } of stored) {
    if (signal.aborted) break;
    // Those who practise restoring want to compare with what was there.
    if (job.drill !== undefined && snapshot !== undefined) {
      await takeReceipt(context, access, snapshot);
    }
    if (isDue && !signal.aborted) ends.push(await retainAt(context, access));
  }
  return combineEnds(ends);
}

/** Files, and each database, as a step of its own. */
async function backupTo(
  context: StepContext<BackupJob>,
  access: DestinationAccess,
): Promise<{ readonly end: ActivityEnd; readonly snapshot: string | undefined }> {
  const { job, signal } = context;
  let snapshot: string | undefined;
  const parts: (() => Promise<ActivityEnd>)[] = [];
  const { sources = [], databases = [] } = job;
  if (sources.length > 0) {
    parts.push(async () => {
      const { end, record } = await backupFiles(context, access, sources);
      snapshot = record.counters?.snapshot;
      return end;
    });
  }
  parts.push(
    ...databases.map((database: DatabaseSource) => () => dumpDatabase(context, access, database)),
  );
  const ends: ActivityEnd[] = [];
  for (const part of parts) {
    if (!signal.aborted) ends.push(await part());
  }
  if (signal.aborted) ends.push({ outcome: 'cancelled' });
  return { end: combineEnds(ends), snapshot };
}

async function backupFiles(
  context: StepContext<BackupJob>,
  access: DestinationAccess,
  sources: readonly string[],
): Promise<OperationStepEnd> {
  const { job } = context;
  return await runOperation(context, {
    name: 'backup',
    kind: 'backup',
    access,
    command: [
      'backup',
      ...snapshotArguments(job),
      ...filterArguments(job.filters),
      ...flagArguments(access.flags),
      ...backupParameters(context),
      '--',
      ...sources,
    ],
  });
}

const isOn =
  (flag: string) =>
  (value: string): readonly string[] =>
    value === 'true' ? [flag] : [];

const isDryRun = ({ job, run }: StepContext<BackupJob>): boolean =>
  run.parameters?.['dry-run'] === 'true' || job.options?.['dry-run'] === true;

/** What a run may ask for besides what its job says. */
export function backupParameters({ run: { parameters = {} } }: StepContext<BackupJob>): string[] {
  const { destination: _, ...others } = parameters;
  return parameterArguments(others, {
    type: (value) => (value === 'full' ? ['--full'] : []),
    'full-if-older-than': (value) => [`--full-if-older-than=${value}`],
    'force-read': isOn('--force-read'),
    'dry-run': isOn('--dry-run'),
    'allow-source-mismatch': isOn('--allow-source-mismatch'),
    tag: (value) => [`--tag=${value}`],
  });
}
