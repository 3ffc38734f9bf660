import { counted } from '../../base/counted.ts';
import { AppError } from '../../base/errors.ts';
import { formatCount } from '../../base/size.ts';
import { archiveSnapshots } from '../../engine/archive/archive-snapshots.ts';
import { copyArchiveToNative, notYetCopied } from '../../engine/archive/copy-archive-to-native.ts';
import { copyNativeToArchive } from '../../engine/archive/copy-native-to-archive.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import { fitsFilter, snapshotGroups } from '../../model/snapshot-group.ts';
import { hasCode } from '../../base/errors.ts';
import { defaultCompressionLevel } from '../../repository/native/packs/default-compression.ts';
import type { NativeRepository } from '../../repository/native/native-repository.ts';
import { chooseStored } from '../choose-snapshot.ts';
import type { CommandInput } from '../command.ts';
import type { copy } from '../definitions/repository.ts';
import { loadSnapshots } from '../load-snapshots.ts';
import {
  type LocatedDestination,
  locateDestination,
  missingRepository,
} from '../locate-destination.ts';
import { openLocated } from '../open-destination.ts';
import { isForArchive } from './is-for-archive.ts';
import { operationContext } from '../operation-context.ts';
import type { CommandSession } from '../session.ts';
import { snapshotFilter } from '../snapshot-filter.ts';
import { snapshotRecord, snapshotTable } from '../snapshot-text.ts';
import { workerCount } from '../worker-count.ts';
import { openArchive, synchronised, synchronisedForReading } from './archive-session.ts';
import { defaultVolumeSize } from '../../repository/duplicity/writer/volume-size.ts';

type Input = CommandInput<typeof copy>;

/** `copy` from an archive of duplicity's to a repository of our own, with all its states as snapshots. The place is its own from then on. Gives the exit status. */
export async function copyFromArchive(
  located: LocatedDestination,
  input: Input,
  session: CommandSession,
): Promise<number> {
  const { flags } = input;
  const { output, signal, version } = session;
  await using archive = await openArchive(located, flags, session, { mode: 'read', whose: 'from' });
  const all = await archiveSnapshots(archive, await synchronisedForReading(archive, session), {
    signal,
  });
  const wanted = chosen(all, input, session);
  const place = await locateDestination(input.arguments.URL2, flags, session);
  if (await isForArchive(place, flags, session)) throw await betweenArchives(place);
  if (flags['dry-run']) {
    await using _target = place;
    const models = wanted.map(({ snapshot }) => snapshot);
    return tell(models, session);
  }
  await using target = await openLocated(place, flags, session, {
    mode: flags['no-init'] ? 'write' : 'make',
  });
  const context = operationContext(session);
  const snapshots = await notYetCopied(wanted, target, context);
  const summary = await copyArchiveToNative(
    archive,
    target,
    {
      snapshots,
      already: wanted.length - snapshots.length,
      program: `holdfast ${version}`,
      workers: workerCount(undefined),
      compressionLevel: defaultCompressionLevel,
    },
    context,
  );
  output.report(summary);
  if (snapshots.length === 0) output.note('Everything is there already');
  return summary.errors > 0 ? 3 : 0;
}

/** `copy` from a repository of our own to an archive of duplicity's, a new one if there is none. The target is its own from then on. Gives the exit status. */
export async function copyToArchive(
  source: NativeRepository,
  target: LocatedDestination,
  input: Input,
  session: CommandSession,
): Promise<number> {
  const { flags } = input;
  const { output, signal } = session;
  if (flags['no-init'] && (await isVacant(target, signal))) {
    await using _target = target;
    throw await missingRepository(target, flags, session);
  }
  await using archive = await openArchive(target, flags, session, { mode: 'write' });
  const list = await loadSnapshots(source, session);
  const complete = list.snapshots.filter(({ snapshot }) => snapshot.state === 'complete');
  const wanted = chosen(complete, input, session);
  const groups = snapshotGroups(wanted.map(({ snapshot }) => snapshot));
  if (groups.length > 1) {
    throw new AppError(
      'input/usage',
      `An archive of duplicity's is of one host and source, and these are ${formatCount(groups.length)}`,
      {
        hint: 'Choose with "--host" and "--path", and copy each to an archive of its own',
      },
    );
  }
  const present = await archiveSnapshots(archive, await synchronised(archive, session), { signal });
  const newest = present.at(-1)?.snapshot.time ?? 0;
  // What is older than the archive cannot be put into it any more; mostly it is there.
  const snapshots = wanted.filter(
    ({ snapshot }) => Math.floor(snapshot.time / 1000) * 1000 > newest,
  );
  if (flags['dry-run'])
    return tell(
      snapshots.map(({ snapshot }) => snapshot),
      session,
    );
  const summary = await copyNativeToArchive(
    source.access,
    archive,
    {
      snapshots,
      already: wanted.length - snapshots.length,
      volumeSize: flags['volume-size'] ?? defaultVolumeSize,
    },
    operationContext(session),
  );
  output.report(summary);
  if (snapshots.length === 0) output.note('Everything is there already');
  return summary.errors > 0 ? 3 : 0;
}

async function betweenArchives(target: LocatedDestination): Promise<AppError> {
  await target[Symbol.asyncDispose]();
  return new AppError('input/usage', "Both are archives of duplicity's", {
    hint: '"holdfast duplicity replicate" copies sets from one to another',
  });
}

function chosen<Stored extends { readonly snapshot: Snapshot }>(
  all: readonly Stored[],
  { flags, arguments: { SNAPSHOT: named } }: Input,
  session: CommandSession,
): Stored[] {
  if (named.length > 0) {
    const selected = new Set(named.map((name) => chooseStored(all, name, session)));
    return all.filter((stored) => selected.has(stored));
  }
  const filter = snapshotFilter(flags, session.workingDirectory);
  return all.filter(({ snapshot }) => fitsFilter(snapshot, filter));
}

async function isVacant({ storage }: LocatedDestination, signal: AbortSignal): Promise<boolean> {
  try {
    for await (const _ of storage.list('', { signal })) return false;
    return true;
  } catch (error) {
    if (!hasCode(error, 'storage/not-found')) throw error;
    return true;
  }
}

function tell(wanted: readonly Snapshot[], { output, timeZone }: CommandSession): number {
  for (const snapshot of wanted) output.object(snapshotRecord(snapshot));
  output.table(...snapshotTable(wanted, timeZone));
  output.object({ type: 'summary', operation: 'copy', dryRun: true, copied: wanted.length });
  output.line(`Would copy ${counted(wanted.length, 'snapshot')}`);
  return 0;
}
