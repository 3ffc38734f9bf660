import { counted } from '../../base/counted.ts';
import { formatCount } from '../../base/size.ts';
import {
  forgetInArchive,
  planForgettingInArchive,
} from '../../engine/archive/forget-in-archive.ts';
import { executeRemoval } from '../../repository/duplicity/collection/execute-removal.ts';
import { planCleanup } from '../../repository/duplicity/collection/removal.ts';
import type { DuplicityArchive } from '../../repository/duplicity/duplicity-archive.ts';
import type { CommandInput } from '../command.ts';
import type { forget } from '../definitions/forget.ts';
import type { prune } from '../definitions/upkeep.ts';
import type { LocatedDestination } from '../locate-destination.ts';
import { operationContext } from '../operation-context.ts';
import { retentionPolicy } from '../retention-policy.ts';
import type { CommandSession } from '../session.ts';
import { snapshotFilter } from '../snapshot-filter.ts';
import { tellGroup } from '../tell-retention.ts';
import { openArchive, synchronised } from './archive-session.ts';

/** `forget` in an archive of duplicity's. The place is its own from then on. Gives the exit status. */
export async function forgetFromArchive(
  located: LocatedDestination,
  { flags, arguments: { SNAPSHOT: named } }: CommandInput<typeof forget>,
  session: CommandSession,
): Promise<number> {
  const { output, timeZone, workingDirectory } = session;
  const dryRun = flags['dry-run'];
  const filter = snapshotFilter(flags, workingDirectory);
  const policy = retentionPolicy(flags);
  // Nothing is encrypted by it, so that a key is not asked for.
  await using archive = await openArchive(located, flags, session, { mode: 'read' });
  const collection = await synchronised(archive, session);
  const context = operationContext(session);
  const plan = await planForgettingInArchive(
    archive,
    collection,
    { ...(named.length > 0 ? { named } : { policy, filter }), timeZone, force: flags.force },
    context,
  );
  for (const group of plan.retention.groups) tellGroup(group, named.length > 0, session);
  const { forget: going, keep } = plan.retention;
  if (dryRun) {
    output.object({
      type: 'summary',
      operation: 'forget',
      dryRun,
      forgotten: going.length,
      kept: keep.length,
    });
    output.line(
      `${counted(going.length, 'snapshot')} would be forgotten, ${formatCount(keep.length)} kept`,
    );
    return 0;
  }
  output.report(await forgetInArchive(archive, plan, context));
  if (flags.prune) await cleanUp(archive, session, false);
  return 0;
}

/** `prune` of an archive of duplicity's: removes what interrupted runs have left, and what fits no chain. Gives the exit status. */
export async function pruneOfArchive(
  located: LocatedDestination,
  { flags }: CommandInput<typeof prune>,
  session: CommandSession,
): Promise<number> {
  await using archive = await openArchive(located, flags, session, { mode: 'read' });
  const removed = await cleanUp(archive, session, flags['dry-run']);
  if (removed === 0) session.output.note('There is nothing to remove');
  return 0;
}

async function cleanUp(
  archive: DuplicityArchive,
  { output, signal }: CommandSession,
  dryRun: boolean,
): Promise<number> {
  const { steps } = planCleanup(await archive.collection({ signal }));
  for (const { place, name } of steps) {
    output.object({ type: 'removal', place, name, dryRun });
    if (place === 'remote') output.line(`${dryRun ? 'Would remove' : 'Removing'} "${name}"`);
  }
  if (!dryRun) await executeRemoval({ steps }, archive, { signal });
  return steps.length;
}
