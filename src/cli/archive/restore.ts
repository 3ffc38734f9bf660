import { AppError } from '../../base/errors.ts';
import { joinPath } from '../../base/posix/path-bytes.ts';
import { archiveSnapshots, pathInArchive } from '../../engine/archive/archive-snapshots.ts';
import { restoreArchive } from '../../engine/archive/restore-archive.ts';
import type { ArchivedEntry } from '../../repository/duplicity/reader/archive-reader.ts';
import { pathBytes } from '../../model/path-text.ts';
import { compilePathFilter, type EntryFacts } from '../../model/path-filter.ts';
import { splitSnapshotPath } from '../../model/snapshot-selector.ts';
import type { ExistingPolicy } from '../../target/filesystem/existing-policy.ts';
import { chooseStored, selectorOfTime } from '../choose-snapshot.ts';
import type { CommandInput } from '../command.ts';
import type { restore } from '../definitions/restore.ts';
import { readFilterRules } from '../filter-rules.ts';
import { givenLocalPath } from '../given-path.ts';
import { meantPath } from '../meant-path.ts';
import type { LocatedDestination } from '../locate-destination.ts';
import { operationContext } from '../operation-context.ts';
import type { CommandSession } from '../session.ts';
import { workerCount } from '../worker-count.ts';
import { shortId, timeText } from '../snapshot-text.ts';
import { openArchive, synchronisedForReading } from './archive-session.ts';

/** `restore` from an archive of duplicity's. The place is its own from then on. Gives the exit status. */
export async function restoreFromArchive(
  located: LocatedDestination,
  input: CommandInput<typeof restore>,
  session: CommandSession,
): Promise<number> {
  const { flags } = input;
  const { output, timeZone, workingDirectory, signal } = session;
  await using archive = await openArchive(located, flags, session, { mode: 'read' });
  const filter = compilePathFilter(await readFilterRules(input.given, session));
  const wanted = splitSnapshotPath(input.arguments['SNAPSHOT[:PATH]'] ?? 'latest');
  const selector = flags.at === undefined ? wanted.snapshot : selectorOfTime(flags.at, session);
  for (const name of ['delete', 'verify'] as const) {
    if (flags[name]) throw notForArchives(name);
  }
  const all = await archiveSnapshots(archive, await synchronisedForReading(archive, session), {
    signal,
  });
  const chosen = chooseStored(all, selector, session);
  const { id, time, hostname, paths } = chosen.snapshot;
  output.report({
    type: 'notice',
    message: `Snapshot ${shortId(id)} of ${timeText(time, timeZone)}, host ${hostname}`,
  });
  const root = paths[0] ?? new Uint8Array(0);
  const restored = (path: Uint8Array | undefined): ReturnType<typeof restoreArchive> =>
    restoreArchive(
      {
        archive,
        sets: chosen.sets,
        snapshot: flags.target === undefined ? undefined : id,
        path,
        target:
          flags.target === undefined
            ? originalPlace(root, path)
            : pathBytes(givenLocalPath(flags.target, 'The target', workingDirectory)),
        force: flags.overwrite !== undefined || flags['in-place'],
        policy: (flags.overwrite ?? 'if-changed') as ExistingPolicy,
        owners: (flags.owners ?? 'numbers') as 'numbers' | 'names',
        ...(!filter.empty && {
          isWanted: (archived) =>
            archived.path.length === 0 ||
            filter.decide(joinPath(root, archived.path), factsOf(archived)),
        }),
        dryRun: flags['dry-run'],
        ignoreErrors: true,
        namesLosses: true,
        verbose: flags.verbose,
        threads: workerCount(undefined),
      },
      operationContext(session),
    );
  const { summary } = await (wanted.path === undefined
    ? restored(undefined)
    : meantPath(wanted.path, (path) => restored(pathInArchive(chosen, path))));
  output.report(summary);
  return summary.errors > 0 ? 3 : 0;
}

function factsOf({ entry }: ArchivedEntry): EntryFacts {
  return {
    directory: entry.type === 'directory',
    file: entry.type === 'file',
    size: entry.size,
    modified: entry.mtime.seconds * 1000,
  };
}

/** Where something came from. Throws `input/usage` when the archive does not say so. */
function originalPlace(root: Uint8Array, path: Uint8Array | undefined): Uint8Array {
  if (root[0] === 0x2f) return path === undefined ? root : joinPath(root, path);
  throw new AppError('input/usage', 'The archive does not say in full where its files came from', {
    hint: 'Say where to restore to with "--target"',
  });
}

function notForArchives(flag: string): AppError {
  return new AppError('input/usage', `"--${flag}" cannot be used with an archive of duplicity's`, {
    hint: 'Restore to an empty directory; "holdfast duplicity verify --compare-data" compares an archive with a directory',
  });
}
