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
import { runOperation } from '../run-operation.ts';
import type { ActivityEnd, StepContext } from '../step-context.ts';
import { withHooks } from '../with-hooks.ts';
import { retainAt } from './retention.ts';

/** Backs up to each destination while containers stand still; then, where that has succeeded, drops what is not kept any more. */
export async function runBackup(
  context: StepContext<BackupJob>,
  hooks: HookRunner,
): Promise<ActivityEnd> {
  const { job, signal } = context;
  const stored: DestinationAccess[] = [];
  const store = async (access: DestinationAccess): Promise<ActivityEnd> => {
    const end = await backupTo(context, access);
    if (end.outcome === 'succeeded' || end.outcome === 'warned') stored.push(access);
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
  const { retention } = job;
  const isDue =
    retention !== undefined &&
    retention.schedule === undefined &&
    retentionArguments(retention).length > 0;
  const ends = [backups];
  for (const access of isDue ? stored : []) {
    if (signal.aborted) break;
    ends.push(await retainAt(context, access));
  }
  return combineEnds(ends);
}

/** Files, and each database, as a step of its own. */
async function backupTo(
  context: StepContext<BackupJob>,
  access: DestinationAccess,
): Promise<ActivityEnd> {
  const { job, signal } = context;
  const parts: (() => Promise<ActivityEnd>)[] = [];
  const { sources = [], databases = [] } = job;
  if (sources.length > 0) parts.push(() => backupFiles(context, access, sources));
  parts.push(
    ...databases.map((database: DatabaseSource) => () => dumpDatabase(context, access, database)),
  );
  const ends: ActivityEnd[] = [];
  for (const part of parts) {
    if (!signal.aborted) ends.push(await part());
  }
  if (signal.aborted) ends.push({ outcome: 'cancelled' });
  return combineEnds(ends);
}

async function backupFiles(
  context: StepContext<BackupJob>,
  access: DestinationAccess,
  sources: readonly string[],
): Promise<ActivityEnd> {
  const { job } = context;
  const { end } = await runOperation(context, {
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
  return end;
}

const isOn =
  (flag: string) =>
  (value: string): readonly string[] =>
    value === 'true' ? [flag] : [];

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
