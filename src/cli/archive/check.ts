import { counted } from '../../base/counted.ts';
import { AppError } from '../../base/errors.ts';
import { checkArchive } from '../../engine/archive/check-archive.ts';
import type { CommandInput } from '../command.ts';
import type { check } from '../definitions/upkeep.ts';
import type { LocatedDestination } from '../locate-destination.ts';
import { operationContext } from '../operation-context.ts';
import type { CommandSession } from '../session.ts';
import { openArchive, synchronised } from './archive-session.ts';

/** `check` of an archive of duplicity's. The place is its own from then on. Throws `repository/damaged` when something is lost. */
export async function checkOfArchive(
  located: LocatedDestination,
  { flags }: CommandInput<typeof check>,
  session: CommandSession,
): Promise<number> {
  const { output } = session;
  if (flags.repair) {
    throw new AppError('input/usage', "An archive of duplicity's cannot be repaired", {
      hint: '"holdfast prune" removes what is of no use in it; a new full backup ("--full") makes it whole',
    });
  }
  const wanted = flags['read-data'];
  if (wanted !== undefined && wanted !== true) {
    throw new AppError('input/usage', "All data of an archive of duplicity's is read, or none", {
      hint: 'Give "--read-data" without a value',
    });
  }
  await using archive = await openArchive(located, flags, session, { mode: 'read' });
  const collection = await synchronised(archive, session);
  const summary = await checkArchive(
    archive,
    collection,
    { readData: wanted === true },
    operationContext(session),
  );
  output.report(summary);
  if (summary.errors === 0) return 0;
  throw new AppError(
    'repository/damaged',
    `The archive has lost something: ${counted(summary.errors, 'problem')}`,
    {
      hint: 'A new full backup ("holdfast backup --full") makes it whole again',
    },
  );
}
