import type { SummaryEvent } from '../../model/event.ts';
import { pathBytes } from '../../model/path-text.ts';
import { compilePathFilter } from '../../model/path-filter.ts';
import { splitSnapshotPath } from '../../model/snapshot-selector.ts';
import type { ExistingPolicy } from '../../target/filesystem/existing-policy.ts';
import type { SparedPlace } from '../../target/filesystem/spared-places.ts';
import { holdsArchive } from '../archive/holds-archive.ts';
import { chooseStored, selectorOfTime } from '../choose-snapshot.ts';
import type { CommandRun } from '../command.ts';
import type { restore } from '../definitions/restore.ts';
import { readFilterRules } from '../filter-rules.ts';
import type { GlobalFlagValues } from '../global-flags.ts';
import { givenLocalPath } from '../given-path.ts';
import { meantPath } from '../meant-path.ts';
import { loadSnapshots } from '../load-snapshots.ts';
import { locateDestination } from '../locate-destination.ts';
import { openLocated } from '../open-destination.ts';
import { operationContext } from '../operation-context.ts';
import { localPlaces } from '../places.ts';
import type { CommandSession } from '../session.ts';
import { shortId, timeText } from '../snapshot-text.ts';
import { workerCount } from '../worker-count.ts';

export const run: CommandRun<typeof restore> = async (input, session) => {
  const { flags } = input;
  const { output, workingDirectory } = session;
  // What is mistyped is told before anything is opened, which would have to be closed.
  const filter = compilePathFilter(await readFilterRules(input.given, session));
  const wanted = splitSnapshotPath(input.arguments['SNAPSHOT[:PATH]'] ?? 'latest');
  const selector = flags.at === undefined ? wanted.snapshot : selectorOfTime(flags.at, session);
  const target =
    flags.target === undefined
      ? undefined
      : pathBytes(givenLocalPath(flags.target, 'The target', workingDirectory));
  const located = await locateDestination(input.arguments.URL, flags, session, {
    expected: 'content',
  });
  if (await holdsArchive(located, flags, session)) {
    await using _place = located;
    const { restoreFromArchive } = await import('../archive/restore.ts');
    return await restoreFromArchive(located, input, session);
  }
  const [repository, engine] = await Promise.all([
    openLocated(located, flags, session, {
      mode: 'read',
      meanwhile: ({ storage }) => storage.expectReads?.(),
    }),
    import('../../engine/restore.ts'),
  ]);
  await using opened = repository;
  const { snapshots } = await loadSnapshots(opened, session);
  const snapshot = chooseStored(snapshots, selector, session);
  output.report({
    type: 'notice',
    message: `Snapshot ${shortId(snapshot.snapshot.id)} of ${timeText(snapshot.snapshot.time, session.timeZone)}, host ${snapshot.snapshot.hostname}`,
  });
  const settings = {
    snapshot,
    target,
    filter,
    policy: flags.overwrite as ExistingPolicy | undefined,
    delete: flags.delete,
    kept: ownDirectories(flags, session),
    dryRun: flags['dry-run'],
    verify: flags.verify,
    owners: (flags.owners ?? 'numbers') as 'numbers' | 'names',
    workers: workerCount(undefined),
    verbose: flags.verbose,
  };
  const restored = (path: Uint8Array | undefined): Promise<SummaryEvent> =>
    engine.restore(opened.access, { ...settings, path }, operationContext(session));
  const summary = await (wanted.path === undefined
    ? restored(undefined)
    : meantPath(wanted.path, restored));
  output.report(summary);
  return summary.errors > 0 ? 3 : 0;
};

/** What this program itself works with. */
function ownDirectories(flags: GlobalFlagValues, session: CommandSession): SparedPlace[] {
  const { stateDirectory, cacheDirectory } = localPlaces(flags, session);
  const state = { directory: stateDirectory, title: 'the state of this program' };
  const cache = { directory: cacheDirectory, title: 'the cache of this program' };
  return [state, cache].flatMap(({ directory, title }) =>
    directory === undefined ? [] : [{ directory, title, isUntouchable: false }],
  );
}
