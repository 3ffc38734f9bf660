import { setImmediate as nextTurn } from 'node:timers/promises';

import { AppError } from '../base/errors.ts';
import { isValidName, type SourceEntry } from '../model/entry.ts';
import type { OperationCounters, SummaryEvent } from '../model/event.ts';
import type { PathFilter } from '../model/path-filter.ts';
import type { NativeRepository } from '../repository/native/native-repository.ts';
import { BackupRun, type SnapshotDraft } from '../repository/native/writer/backup-run.ts';
import { RememberedDirectory } from '../repository/native/writer/remembered-directory.ts';
import type { SnapshotWriter } from '../repository/native/writer/snapshot-writer.ts';
import { planSources, type SourcePlan } from '../source/filesystem/source-plan.ts';
import type { EnterEvent } from '../source/filesystem/walk.ts';
import { BegunBackup } from './begun-backup.ts';
import { contentModule } from './content-module.ts';
import { refuseNesting } from './nested-destination.ts';
import type { OperationContext } from './operation.ts';
import type { SourceWalk, SourceWalkOptions } from './source-walk.ts';

/** Progress is told at most this often, in milliseconds. */
const PROGRESS_INTERVAL = 100;
/** How often packs may be lost to a collector before something else must be wrong. */
const MOST_ATTEMPTS = 20;

export type BackupSource =
  | { readonly kind: 'files'; readonly paths: readonly (string | Uint8Array)[] }
  /** A stream that becomes the one file of the snapshot. Its failure is the backup's. */
  | {
      readonly kind: 'command' | 'standard-input';
      readonly fileName: string;
      /** What the snapshot shows as its source. */
      readonly description: string;
      readonly stream: AsyncIterable<Uint8Array>;
    };

export interface BackupInput {
  readonly source: BackupSource;
  readonly filter: PathFilter;
  readonly walk: SourceWalkOptions;
  readonly hostName: string;
  readonly userName: string;
  readonly tags: readonly string[];
  /** Recorded instead of now, milliseconds since 1970. */
  readonly time?: number | undefined;
  readonly program: string;
  readonly verify: boolean;
  readonly compressionLevel: number;
  readonly workers: number;
  /** Read everything, also what looks unchanged. */
  readonly forceRead: boolean;
  /** Tell of every entry. */
  readonly verbose: boolean;
  /** What was begun of it already. Whoever began it disposes of it. */
  readonly begun?: BegunBackup | undefined;
}

/** Makes a snapshot. Resolves when it is committed; problems with single entries are reported and counted. */
export async function backup(
  repository: NativeRepository,
  input: BackupInput,
  context: OperationContext,
): Promise<SummaryEvent> {
  const { clock, signal, report } = context;
  const beginning = clock.monotonic();
  const plan = input.source.kind === 'files' ? planSources(input.source.paths) : undefined;
  if (plan !== undefined && repository.localPath !== undefined) {
    refuseNesting(plan.sources, input.filter, repository.localPath);
  }
  using own =
    plan === undefined || input.begun !== undefined
      ? undefined
      : new BegunBackup({
          ...input,
          plan,
          place: repository.sourceCachePlace,
          time: clock.now(),
        });
  const begun = input.begun ?? own;
  const started = begun?.time ?? clock.now();
  let writer: SnapshotWriter | undefined;
  const counters = (): OperationCounters => progressOf(writer);
  let lastProgress = -Infinity;
  const progress = (): void => {
    const now = clock.monotonic();
    if (now - lastProgress < PROGRESS_INTERVAL) return;
    lastProgress = now;
    report({ type: 'progress', ...counters() });
  };
  await using run = await BackupRun.begin(
    repository.access,
    {
      workers: input.workers,
      verify: input.verify,
      compressionLevel: input.compressionLevel,
      contentModule: contentModule(),
      cache: begun?.cache,
      quietSince: begun?.quietSince ?? -Infinity,
      trustsCache: !input.forceRead,
      onProblem(path, error) {
        writer!.counters.errors++;
        report({ type: 'problem', severity: 'error', path, error });
      },
      onEntry(entry) {
        if (input.verbose) report({ type: 'entry', ...entry, path: entry.path() });
        progress();
      },
      tellsAll: input.verbose,
    },
    repository.sealSequence,
    repository.liveRuns,
    signal,
  );
  if (run.adopted > 0) {
    report({
      type: 'notice',
      message: `Continuing an interrupted backup: ${run.adopted === 1 ? '1 pack is' : `${run.adopted} packs are`} there already`,
    });
  }
  for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) {
    report({ type: 'phase', phase: 'Reading the index' });
    await using current = await run.openWriter();
    writer = current;
    report({ type: 'phase', phase: 'Saving' });
    if (plan === undefined || begun === undefined) {
      await writeStream(current, input, started, signal);
    } else {
      using walking = begun.takeWalk();
      await writeFiles(current, walking, context, progress);
      // If a source itself went away – a disk was unplugged – what is left of it must not become the latest snapshot.
      if (current.counters.errors > 0) planSources(plan.sources);
    }
    report({ type: 'phase', phase: 'Finishing' });
    const committed = await run.commit(current, draftOf(input, plan, started));
    begun?.cache?.save();
    if (committed !== undefined) {
      return {
        type: 'summary',
        operation: 'backup',
        ...counters(),
        snapshot: committed.snapshotId,
        dryRun: false,
        milliseconds: clock.monotonic() - beginning,
        details: {
          directories: current.counters.directories,
          others: current.counters.others,
          bytesStored: current.stored,
        },
      };
    }
    if (plan === undefined) {
      throw new AppError('repository/locked', 'A prune removed data that this backup relied on', {
        hint: 'A stream cannot be read twice: run the backup again',
      });
    }
    report({
      type: 'notice',
      message:
        'A prune that runs at the same time removed data that this backup relied on: storing it again',
    });
  }
  throw new AppError('repository/locked', 'Other programs keep removing what this backup stores', {
    hint: 'Find out what deletes from the storage, then run the backup again',
  });
}

async function writeFiles(
  writer: SnapshotWriter,
  walking: SourceWalk,
  { signal, report }: OperationContext,
  progress: () => void,
): Promise<void> {
  let turns = 0;
  signal.throwIfAborted();
  for (const event of walking.take()) {
    switch (event.type) {
      case 'enter':
        writer.tree.enter(event.path, event.entry, event.keepEmpty, rememberedIn(event));
        break;
      case 'entries':
        await writer.tree.entries(event.location, event.entries);
        break;
      case 'unchanged':
        await writer.tree.unchanged(event);
        break;
      case 'leave':
        writer.tree.leave();
        progress();
        // Packs and signals are waiting too.
        if (++turns % 64 === 0) await nextTurn();
        break;
      case 'problem':
        writer.counters.errors++;
        report({ type: 'problem', severity: 'error', path: event.path, error: event.error });
        break;
    }
    // Not before: the location of an event that was taken is given back by the tree.
    signal.throwIfAborted();
  }
}

/** What the walk was given by the source cache. */
function rememberedIn({ remembered }: EnterEvent): RememberedDirectory | undefined {
  return remembered instanceof RememberedDirectory ? remembered : undefined;
}

async function writeStream(
  writer: SnapshotWriter,
  { source, time }: BackupInput,
  started: number,
  signal: AbortSignal,
): Promise<void> {
  if (source.kind === 'files') return;
  if (!isValidName(Buffer.from(source.fileName))) {
    throw new AppError('input/usage', `"${source.fileName}" cannot be the name of a file`, {
      hint: 'Choose a name without slashes',
    });
  }
  const seconds = Math.floor((time ?? started) / 1000);
  const outcome = await writer.storeStream(source.stream);
  signal.throwIfAborted();
  writer.tree.enter(streamRoot, streamEntry('directory', '', 0o755, seconds));
  writer.tree.addStored(
    { ...streamEntry('file', source.fileName, 0o600, seconds), size: outcome.size },
    outcome,
  );
  writer.tree.leave();
}

const streamRoot = Buffer.from('/');

function streamEntry(
  type: 'file' | 'directory',
  name: string,
  mode: number,
  seconds: number,
): SourceEntry {
  return {
    name: Buffer.from(name),
    type,
    mode,
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    user: undefined,
    group: undefined,
    mtime: { seconds, nanoseconds: 0 },
    size: 0,
    links: 1,
    linkTarget: undefined,
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: [],
    fileFlags: 0,
    ctime: { seconds, nanoseconds: 0 },
    inode: 0n,
    device: 0,
    blocks: 0,
  };
}

function draftOf(input: BackupInput, plan: SourcePlan | undefined, started: number): SnapshotDraft {
  const { source } = input;
  return {
    started: input.time ?? started,
    begun: started,
    hostName: input.hostName,
    userName: input.userName,
    paths: plan?.sources ?? [Buffer.from(source.kind === 'files' ? '' : source.description)],
    tags: input.tags,
    commonParent: plan !== undefined && plan.sources.length > 1 ? plan.root : undefined,
    sourceKind: source.kind,
    program: input.program,
  };
}

function progressOf(writer: SnapshotWriter | undefined): OperationCounters {
  const counters = writer?.counters;
  return {
    files: counters?.files ?? 0,
    bytes: counters?.bytes ?? 0,
    bytesRead: counters?.bytesRead ?? 0,
    bytesAdded: writer?.added ?? 0,
    filesNew: counters?.filesNew ?? 0,
    filesChanged: counters?.filesChanged ?? 0,
    filesUnchanged: counters?.filesUnchanged ?? 0,
    errors: counters?.errors ?? 0,
  };
}
