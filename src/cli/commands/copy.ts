import { AppError } from '../../base/errors.ts';
import { formatCount, formatSize } from '../../base/size.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import { fitsFilter } from '../../model/snapshot-group.ts';
import type { NativeRepository } from '../../repository/native/native-repository.ts';
import { chooseStored } from '../choose-snapshot.ts';
import type { CommandInput, CommandRun } from '../command.ts';
import type { copy } from '../definitions/repository.ts';
import { loadSnapshots } from '../load-snapshots.ts';
import { locateDestination } from '../locate-destination.ts';
import { openDestination } from '../open-destination.ts';
import { operationContext } from '../operation-context.ts';
import type { CommandSession } from '../session.ts';
import { snapshotFilter } from '../snapshot-filter.ts';
import { snapshotRecord, snapshotTable } from '../snapshot-text.ts';

type Input = CommandInput<typeof copy>;

export const run: CommandRun<typeof copy> = async (input, session) => {
  const { flags } = input;
  const { URL: from, URL2: to, SNAPSHOT: named } = input.arguments;
  const { output, timeZone, workingDirectory } = session;
  const filter = snapshotFilter(flags, workingDirectory);
  const [repository, engine] = await Promise.all([
    openDestination(from, flags, session, { mode: 'read', whose: 'from' }),
    import('../../engine/copy.ts'),
  ]);
  await using source = repository;
  const context = operationContext(session);
  if (flags['dry-run'] && !(await isRepository(to, input, session))) {
    tellPlan(await wantedOf(source, input, session), 0, session);
    return 0;
  }
  await using target = await openDestination(to, flags, session, {
    mode: flags['dry-run'] ? 'read' : flags['no-init'] ? 'write' : 'make',
    inspect({ repositoryId, name }) {
      if (repositoryId !== Buffer.from(source.access.keys.repositoryId).toString('hex')) return;
      throw new AppError('input/invalid', `"${name}" is the repository to copy from`, {
        hint: 'Name another one to copy to',
      });
    },
  });
  const plan = await engine.planCopy(
    source.access,
    target.access,
    { named, filter, timeZone },
    context,
  );
  if (flags['dry-run']) {
    const wanted = plan.snapshots.map(({ snapshot }) => snapshot);
    tellPlan(wanted, plan.already, session);
    return 0;
  }
  const { errors } = await engine.copy(source.access, target, plan, context);
  if (plan.snapshots.length === 0) output.note('Everything is there already');
  return errors > 0 ? 3 : 0;
};

async function isRepository(
  url: string,
  { flags }: Input,
  session: CommandSession,
): Promise<boolean> {
  await using located = await locateDestination(url, flags, session);
  if (located.repositoryId !== undefined) return true;
  const message = `There is no repository in "${located.name}" yet: it would be made`;
  session.output.report({ type: 'notice', message });
  return false;
}

async function wantedOf(
  source: NativeRepository,
  input: Input,
  session: CommandSession,
): Promise<Snapshot[]> {
  const list = await loadSnapshots(source, session);
  const named = input.arguments.SNAPSHOT;
  if (named.length > 0) {
    return [...new Set(named.map((name) => chooseStored(list.snapshots, name, session).snapshot))];
  }
  const filter = snapshotFilter(input.flags, session.workingDirectory);
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
    `Would copy ${formatCount(wanted.length)} snapshots (${formatSize(bytes)} before deduplication); ${formatCount(already)} are there already`,
  );
}
