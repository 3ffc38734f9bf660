import { AppError } from '../../base/errors.ts';
import { archiveSnapshots } from '../../engine/archive/archive-snapshots.ts';
import { archiveView } from '../../engine/view/archive-view.ts';
import type { SnapshotView } from '../../engine/view/snapshot-view.ts';
import { describeFinding } from '../../repository/duplicity/collection/finding.ts';
import type { LocatedDestination } from '../locate-destination.ts';
import type { CommandSession } from '../session.ts';
import { type ArchiveFlagValues, openArchive, synchronisedForReading } from './archive-session.ts';

/** Opens an archive to be looked at. What its listing shows to be wrong is reported. The place is the answer's from then on. Throws as `openArchive` does. */
export async function openArchiveView(
  located: LocatedDestination,
  flags: ArchiveFlagValues,
  session: CommandSession,
): Promise<SnapshotView> {
  const archive = await openArchive(located, flags, session, { mode: 'read' });
  try {
    const { signal, output } = session;
    const collection = await synchronisedForReading(archive, session);
    let isDamaged = false;
    for (const finding of await archive.crossCheck(collection, { signal })) {
      const severity =
        finding.kind === 'missing-volumes' || finding.kind === 'unreadable-manifest'
          ? 'error'
          : 'warning';
      isDamaged ||= severity === 'error';
      const error = new AppError('repository/damaged', describeFinding(finding));
      output.report({ type: 'problem', severity, error });
    }
    return archiveView(archive, await archiveSnapshots(archive, collection, { signal }), isDamaged);
  } catch (error) {
    await archive[Symbol.asyncDispose]();
    throw error;
  }
}
