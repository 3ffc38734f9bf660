import { counted } from '../../base/counted.ts';
import { AppError } from '../../base/errors.ts';
import { formatCount, formatSize } from '../../base/size.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import { fitsFilter, type SnapshotFilter } from '../../model/snapshot-group.ts';
import type { NativeRepository } from '../../repository/native/native-repository.ts';
import { chooseStored } from '../choose-snapshot.ts';
import { holdsArchive } from '../archive/holds-archive.ts';
import { isForArchive } from '../archive/is-for-archive.ts';
import type { CommandInput, CommandRun } from '../command.ts';
import type { copy } from '../definitions/repository.ts';
import { loadSnapshots } from '../load-snapshots.ts';
import { type LocatedDestination, locateDestination } from '../locate-destination.ts';
import { openLocated } from '../open-destination.ts';
import { operationContext } from '../operation-context.ts';
import type { CommandSession } from '../session.ts';
import { snapshotFilter } from '../snapshot-filter.ts';
import { snapshotRecord, snapshotTable } from '../snapshot-text.ts';
import { workerCount } from '../worker-count.ts';

type Input = CommandInput<typeof copy>;

export const run: CommandRun<typeof copy> = async (input, session) => {
  const { flags } = input;
  const { URL: from, URL2: to } = input.arguments;
  // What is mistyped is told before anything is opened, which would have to be closed.
  const filter = snapshotFilter(flags, session.workingDirectory);
  const located = await locateDestination(from, flags, session);
  if (await holdsArchive(located, flags, session)) {
    await using _place = located;
    const { copyFromArchive } = await import('../archive/copy.ts');
    return await copyFromArchive(located, input, session);
  }
  await using source = await openLocated(located, flags, session, { mode: 'read', whose: 'from' });
  const target = await locateDestination(to, flags, session);
  if (await isForArchive(target, flags, session)) {
    await using _place = target;
    const { copyToArchive } = await import('../archive/copy.ts');
    return await copyToArchive(source, target, input, session);
  }
  return await copyToNative(source, target, filter, input, session);
};

async function copyToNative(
  source: NativeRepository,
  place: LocatedDestination,
  filter: SnapshotFilter,
  input: Input,
  session: CommandSession,
): Promise<number> {
  const { flags } = input;
  const { output, timeZone } = session;
  const context = operationContext(session);
  if (flags['dry-run'] && place.repositoryId === undefined) {
    await using located = place;
    const message = `There is no repository in "${located.name}" yet: it would be made`;
    output.report({ type: 'notice', message });
    tellPlan(await wantedOf(source, filter, input, session), 0, session);
    return 0;
  }
  await using target = await openLocated(place, flags, session, {
    mode: flags['dry-run'] ? 'read' : flags['no-init'] ? 'write' : 'make',
    inspect({ repositoryId, name }) {
      if (repositoryId !== Buffer.from(source.access.keys.repositoryId).toString('hex')) return;
      throw new AppError('input/invalid', `"${name}" is the repository to copy from`, {
        hint: 'Name another one to copy to',
      });
    },
  });
  const engine = await import('../../engine/copy.ts');
  const plan = await engine.planCopy(
    source.access,
    target.access,
    { named: input.arguments.SNAPSHOT, filter, timeZone },
    context,
  );
  if (flags['dry-run']) {
    const wanted = plan.snapshots.map(({ snapshot }) => snapshot);
    tellPlan(wanted, plan.already, session);
    return 0;
  }
  const { errors } = await engine.copy(
    source.access,
    target,
    plan,
    { workers: workerCount(undefined) },
    context,
  );
  if (plan.snapshots.length === 0) output.note('Everything is there already');
  return errors > 0 ? 3 : 0;
}

async function wantedOf(
  source: NativeRepository,
  filter: SnapshotFilter,
  input: Input,
  session: CommandSession,
): Promise<Snapshot[]> {
  const list = await loadSnapshots(source, session);
  const named = input.arguments.SNAPSHOT;
  if (named.length > 0) {
    return [...new Set(named.map((name) => chooseStored(list.snapshots, name, session).snapshot))];
  }
  return list.snapshots
    .map(({ snapshot }) => snapshot)
    .filter((snapshot) => snapshot.state === 'complete' && fitsFilter(snapshot, filter));
}

function tellPlan(
  wanted: readonly Snapshot[],
  already: number,
  { output, timeZone }: CommandSession,
): void {
  for (const snapshot of wanted) output.object(snapshotRecord(snapshot));
  output.table(...snapshotTable(wanted, timeZone));
  const bytes = wanted.reduce((sum, { stats }) => sum + (stats?.bytes ?? 0), 0);
  output.object({
    type: 'summary',
    operation: 'copy',
    dryRun: true,
    copied: wanted.length,
    already,
    bytes,
  });
  output.line(
    `Would copy ${counted(wanted.length, 'snapshot')} (${formatSize(bytes)} before deduplication); ${formatCount(already)} are there already`,
  );
}
