import { hostname } from 'node:os';

import { addDuration } from '../../base/time-zone.ts';
import { backupArchive } from '../../engine/archive/backup-archive.ts';
import { snapshotIdOf } from '../../engine/archive/archive-snapshots.ts';
import { writeSyntheticFull } from '../../repository/duplicity/writer/synthetic-full.ts';
import { noCounters } from '../../model/event.ts';
import { refuseNesting } from '../../engine/nested-destination.ts';
import { pathBytes } from '../../model/path-text.ts';
import { parseTime } from '../../model/snapshot-selector.ts';
import type { PathFilter } from '../../model/path-filter.ts';
import { planSources } from '../../source/filesystem/source-plan.ts';
import { AppError } from '../../base/errors.ts';
import { joinPath } from '../../base/posix/path-bytes.ts';
import type { CommandInput } from '../command.ts';
import type { backup } from '../definitions/backup.ts';
import { givenLocalPath } from '../given-path.ts';
import type { LocatedDestination } from '../locate-destination.ts';
import { operationContext } from '../operation-context.ts';
import type { CommandSession } from '../session.ts';
import { openArchive } from './archive-session.ts';
import { defaultVolumeSize } from '../../repository/duplicity/writer/volume-size.ts';

/** `backup` to an archive of duplicity's, a new one if there is none. The place is its own from then on. Gives the exit status. */
export async function backupToArchive(
  located: LocatedDestination,
  input: CommandInput<typeof backup>,
  filter: PathFilter,
  session: CommandSession,
): Promise<number> {
  const { flags } = input;
  const { output, clock, timeZone, workingDirectory } = session;
  if (flags.stdin || flags['stdin-from-command']) throw notForArchives('A stream');
  if (flags.tag.length > 0) throw notForArchives('"--tag"');
  if (flags['synthetic-full']) return makeSyntheticFull(located, input, session);
  const paths = input.arguments.SOURCE.map((source) =>
    pathBytes(givenLocalPath(source, 'A SOURCE', workingDirectory)),
  );
  const plan = planSources(paths);
  if (located.localPath !== undefined) refuseNesting(plan.sources, filter, located.localPath);
  await using archive = await openArchive(located, flags, session, { mode: 'write' });
  const now = clock.now();
  const context = operationContext(session);
  const age = flags['full-if-older-than'];
  const seconds = (milliseconds: number): number => Math.floor(milliseconds / 1000);
  const { summary, set } = await backupArchive(
    archive,
    {
      paths: plan.sources,
      tree: { filter },
      walk: {
        oneFileSystem: flags['one-file-system'],
        excludeIfPresent: flags['exclude-if-present'].map(pathBytes),
        excludeCaches: flags['exclude-caches'],
      },
      kind: flags.full ? 'full' : 'auto',
      allowSourceMismatch: flags['allow-source-mismatch'],
      ...(age !== undefined && { fullIfOlderThan: seconds(addDuration(now, age, -1, timeZone)) }),
      hostName: flags.host ?? hostname(),
      ...(flags.time !== undefined && { time: seconds(parseTime(flags.time, { now, timeZone })) }),
      ...(flags['volume-size'] !== undefined && { volumeSize: flags['volume-size'] }),
      verify: !flags['no-verify'],
      dryRun: flags['dry-run'],
      verbose: flags.verbose,
      onSet({ set: kind, resumedAfter }) {
        const message =
          resumedAfter === undefined
            ? kind === 'full'
              ? 'A full backup: a new chain begins'
              : 'An incremental backup'
            : `An interrupted backup goes on after volume ${resumedAfter}`;
        output.report({ type: 'notice', message });
      },
    },
    {
      ...context,
      // In the archive, names are relative to what was backed up.
      report: (event) =>
        context.report(
          event.type === 'entry' ? { ...event, path: joinPath(plan.root, event.path) } : event,
        ),
    },
  );
  const { snapshot: _, ...rest } = summary;
  output.report(summary.snapshot === undefined ? rest : { ...rest, snapshot: snapshotIdOf(set) });
  return summary.errors > 0 ? 3 : 0;
}

/** A new chain of what the archive has. */
async function makeSyntheticFull(
  located: LocatedDestination,
  { flags }: CommandInput<typeof backup>,
  session: CommandSession,
): Promise<number> {
  const { output, clock, signal, timeZone } = session;
  await using archive = await openArchive(located, flags, session, { mode: 'write' });
  const beginning = clock.monotonic();
  const done = { files: 0, bytes: 0, bytesAdded: 0 };
  output.report({ type: 'phase', phase: 'Saving' });
  const made = await writeSyntheticFull(
    archive,
    {
      volumeSize: flags['volume-size'] ?? defaultVolumeSize,
      concurrency: 2,
      verify: !flags['no-verify'],
      ...(flags.time !== undefined && {
        time: Math.floor(parseTime(flags.time, { now: clock.now(), timeZone }) / 1000),
      }),
      onItem(current, size) {
        done.files++;
        done.bytes += size;
        output.report({ type: 'progress', ...noCounters, ...done, current });
      },
      onVolume: (_number, bytes) => void (done.bytesAdded += bytes),
    },
    { signal },
  );
  if (made === undefined) {
    output.note('The newest chain is a full backup only: there is nothing to make');
    return 0;
  }
  output.report({
    type: 'summary',
    operation: 'backup',
    ...noCounters,
    ...done,
    filesNew: done.files,
    bytesRead: done.bytes,
    snapshot: snapshotIdOf(made.identity),
    dryRun: false,
    milliseconds: clock.monotonic() - beginning,
    details: { kind: 'full', volumes: made.written.volumes, bytesStored: made.written.bytes },
  });
  return 0;
}

/** The error for what such archives cannot hold. */
export function notForArchives(what: string): AppError {
  return new AppError('input/usage', `${what} cannot be stored in an archive of duplicity's`, {
    hint: 'Use a repository of our own for that',
  });
}
