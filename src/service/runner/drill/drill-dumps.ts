import type { BackupJob } from '../../../model/job.ts';
import { archiveFlagsOf } from '../activities/retention.ts';
import { isDump, type ListedSnapshot } from '../choose-run-snapshot.ts';
import type { DestinationAccess } from '../destination-access.ts';
import { flagArguments } from '../operation-arguments.ts';
import { runOperation } from '../run-operation.ts';
import type { ActivityEnd, StepContext } from '../step-context.ts';

/** How the names of steps begin that load a dump. */
export const LOADING = 'load ';

/** Loads the newest dump of each database of a job into a scratch database, where the job says one; counts what is in it. */
export async function drillDumps(
  context: StepContext<BackupJob>,
  access: DestinationAccess,
  snapshots: readonly ListedSnapshot[],
): Promise<ActivityEnd[]> {
  const { job, signal } = context;
  const ends: ActivityEnd[] = [];
  const dumps = newestDumps(snapshots, job.name);
  for (const name of Object.keys(job.drill?.scratch ?? {})) {
    if ([...dumps.keys()].some((label) => isDumpOf(label, name))) continue;
    const message = `There is no dump of "${name}" in "${access.address}" that could be loaded`;
    const problem = { code: 'snapshot/missing', message };
    ends.push({ outcome: 'failed', reason: message, problem });
  }
  for (const [label, snapshot] of dumps) {
    if (signal.aborted) break;
    const name = Object.keys(job.drill?.scratch ?? {}).find((one) => isDumpOf(label, one));
    if (name === undefined) {
      if ((job.databases ?? []).length === 0) continue;
      const reason = `The dump "${label}" was not proven: no scratch database is named for it`;
      ends.push({ outcome: 'warned', reason });
      continue;
    }
    const what = `the scratch database for "${name}" of the job "${job.name}"`;
    const url = await context.secret(job.drill!.scratch![name]!, what, {
      signal,
      masked: 'address',
    });
    const { end } = await runOperation(context, {
      name: `${LOADING}${label}`,
      kind: 'drill',
      access,
      environment: { HOLDFAST_TO: url.reveal() },
      command: [
        'restore-database',
        '--scratch',
        ...flagArguments(archiveFlagsOf(access)),
        '--',
        snapshot.id,
      ],
      judge({ outcome, counters }) {
        // A dump that loads and brings nothing is what nobody wants to find out too late.
        if (outcome !== 'succeeded' || counters?.details?.['tables'] !== 0) return {};
        return { outcome: 'warned', warnings: [`The dump "${label}" holds no tables`] };
      },
    });
    ends.push(end);
  }
  return ends;
}

/** The newest dump of each label among the snapshots of a job. */
function newestDumps(
  snapshots: readonly ListedSnapshot[],
  job: string,
): Map<string, ListedSnapshot> {
  const dumps = snapshots.filter(({ paths }) => isDump(paths));
  const own = dumps.filter(({ tags }) => tags.includes(`job:${job}`));
  const newest = new Map<string, ListedSnapshot>();
  for (const snapshot of own.toSorted((one, other) => one.time - other.time)) {
    newest.set(snapshot.paths[0]!, snapshot);
  }
  return newest;
}

/** Whether a label (`app.dump`, `shop/app.dump`, `postgresql/db.example/app.dump`) is that of a database of this name. */
export function isDumpOf(label: string, name: string): boolean {
  const file = label.slice(label.lastIndexOf('/') + 1);
  return label.startsWith(`${name}/`) || [label, file].some((text) => withoutEnding(text) === name);
}

const withoutEnding = (text: string): string => text.replace(/\.[^./]+$/u, '');
