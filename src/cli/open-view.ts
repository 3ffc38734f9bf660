import type { SnapshotView } from '../engine/view/snapshot-view.ts';
import type { ArchiveFlagValues } from './archive/archive-session.ts';
import { holdsArchive } from './archive/holds-archive.ts';
import type { Expected } from './expect-snapshots.ts';
import { locateDestination } from './locate-destination.ts';
import { openLocated } from './open-destination.ts';
import type { CommandSession } from './session.ts';

/** Opens what is at a destination, a repository of our own or an archive of duplicity's, to be looked at. Dispose of the answer. Throws as `openDestination` does. */
export async function openView(
  url: string,
  flags: ArchiveFlagValues,
  session: CommandSession,
  expected: Expected = 'content',
): Promise<SnapshotView> {
  const located = await locateDestination(url, flags, session, { expected });
  if (await holdsArchive(located, flags, session)) {
    const { openArchiveView } = await import('./archive/open-archive-view.ts');
    return openArchiveView(located, flags, session);
  }
  const [repository, { nativeView }, { loadSnapshots }] = await Promise.all([
    openLocated(located, flags, session, { mode: 'read' }),
    import('../engine/view/native-view.ts'),
    import('./load-snapshots.ts'),
  ]);
  try {
    return nativeView(repository, await loadSnapshots(repository, session));
  } catch (error) {
    await repository[Symbol.asyncDispose]();
    throw error;
  }
}
