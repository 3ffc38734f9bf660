import { AppError, hasCode } from '../../base/errors.ts';
import { joinPath } from '../../base/posix/path-bytes.ts';
import type { SourceEntry } from '../../model/entry.ts';
import { noCounters, type SummaryEvent } from '../../model/event.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import type { DuplicityArchive } from '../../repository/duplicity/duplicity-archive.ts';
import {
  type ArchivedEntry,
  ArchiveReader,
} from '../../repository/duplicity/reader/archive-reader.ts';
import type { NativeRepository } from '../../repository/native/native-repository.ts';
import { listSnapshots } from '../../repository/native/reader/snapshot-list.ts';
import { BackupRun } from '../../repository/native/writer/backup-run.ts';
import type { SnapshotWriter } from '../../repository/native/writer/snapshot-writer.ts';
import { contentModule } from '../content-module.ts';
import type { OperationContext } from '../operation.ts';
import type { ArchiveSnapshot } from './archive-snapshots.ts';
import { reportReaderProblem } from './report-reader-problem.ts';
import { sourceRoot } from './source-root.ts';

/** How often packs may be lost to a collector before something else must be wrong. */
const MOST_ATTEMPTS = 20;
/** What a single file is called if the archive does not say it. */
const namelessFile = Buffer.from('file');

export interface CopyToNativeInput {
  /** Oldest first. */
  readonly snapshots: readonly ArchiveSnapshot[];
  /** How many are there already. */
  readonly already: number;
  readonly program: string;
  readonly workers: number;
  readonly compressionLevel: number;
}

/** Those of the snapshots that a repository does not have yet: told by time, host and source. Throws what `listSnapshots` throws. */
export async function notYetCopied(
  snapshots: readonly ArchiveSnapshot[],
  { access }: NativeRepository,
  { signal }: Pick<OperationContext, 'signal'>,
): Promise<ArchiveSnapshot[]> {
  const { snapshots: present } = await listSnapshots(access, { signal });
  const keys = new Set(
    present.flatMap(({ snapshot }) => (snapshot.state === 'complete' ? [keyOf(snapshot)] : [])),
  );
  return snapshots.filter(
    ({ snapshot }) => !keys.has(keyOf({ ...snapshot, paths: [sourceRoot(snapshot)] })),
  );
}

/**
 * Stores snapshots of an archive in a repository, one after the other; each is complete there before the next begins. What cannot be put together is reported and left out.
 *
 * @throws AppError as `ArchiveReader.entries` and a backup do
 */
export async function copyArchiveToNative(
  archive: DuplicityArchive,
  target: NativeRepository,
  input: CopyToNativeInput,
  context: OperationContext,
): Promise<SummaryEvent> {
  const { snapshots, program, workers, compressionLevel } = input;
  const { clock, signal, report } = context;
  const beginning = clock.monotonic();
  let errors = 0;
  const counting: OperationContext = {
    ...context,
    report(event) {
      if (event.type === 'problem' && event.severity === 'error') errors++;
      report(event);
    },
  };
  const done = { files: 0, bytes: 0, bytesRead: 0, bytesAdded: 0 };
  for (const source of snapshots) {
    const { snapshot } = source;
    report({
      type: 'phase',
      phase: `copying the state of ${new Date(snapshot.time).toISOString()}`,
    });
    await using run = await BackupRun.begin(
      target.access,
      {
        workers,
        verify: true,
        compressionLevel,
        contentModule: contentModule(),
        cache: undefined,
        quietSince: 0,
        trustsCache: false,
        attributesOf: (_path, { xattrs }) => xattrs,
        onProblem: (path, error) =>
          counting.report({ type: 'problem', severity: 'error', path, error }),
        onEntry({ path: pathOf, size }) {
          const path = pathOf();
          done.files++;
          done.bytes += size;
          done.bytesRead += size;
          report({ type: 'progress', ...noCounters, ...done, current: path });
        },
        tellsAll: true,
      },
      target.sealSequence,
      target.liveRuns,
      signal,
    );
    for (let attempt = 1; ; attempt++) {
      await using writer = await run.openWriter();
      await writeState(writer, archive, source, counting);
      const committed = await run.commit(writer, {
        started: snapshot.time,
        begun: clock.now(),
        hostName: snapshot.hostname,
        userName: snapshot.username,
        paths: [sourceRoot(snapshot)],
        tags: [],
        commonParent: undefined,
        sourceKind: 'files',
        program,
      });
      if (committed !== undefined) {
        done.bytesAdded += writer.added;
        report({
          type: 'notice',
          message: `Copied the state of ${new Date(snapshot.time).toISOString()} as ${committed.snapshotId}`,
        });
        break;
      }
      if (attempt === MOST_ATTEMPTS) {
        throw new AppError(
          'repository/locked',
          'Other programs keep removing what this copy stores',
          {
            hint: 'Find out what deletes from the storage, then run it again',
          },
        );
      }
    }
  }
  return {
    type: 'summary',
    operation: 'copy',
    ...noCounters,
    ...done,
    errors,
    dryRun: false,
    milliseconds: clock.monotonic() - beginning,
    details: { copied: snapshots.length, already: input.already },
  };
}

async function writeState(
  { tree, storeStream }: SnapshotWriter,
  archive: DuplicityArchive,
  { snapshot, sets }: ArchiveSnapshot,
  context: OperationContext,
): Promise<void> {
  const root = sourceRoot(snapshot);
  const links = new Map<string, bigint>();
  const entries = new ArchiveReader(archive).entries(sets, {
    onProblem: reportReaderProblem(context),
    signal: context.signal,
  });
  const entered: Uint8Array[] = [];
  for await (const archived of entries) {
    const { path } = archived;
    while (entered.length > 0 && !isBelow(path, entered.at(-1)!)) {
      tree.leave();
      entered.pop();
    }
    let entry = sourceEntryOf(archived, links);
    const place = joinPath(root, path);
    const isFileRoot = path.length === 0 && entry.type !== 'directory';
    if (isFileRoot) {
      // A repository has a directory around a single file.
      tree.enter(parentOf(place), directoryAround(entry));
      entered.push(path);
      const name = place.subarray(place.lastIndexOf(0x2f) + 1);
      entry = { ...entry, name: name.length === 0 ? namelessFile : name };
    }
    if (path.length > 0 && parentLength(path) !== entered.at(-1)?.length) {
      const error = new AppError(
        'repository/damaged',
        'The archive does not have the directory that it is in',
      );
      context.report({ type: 'problem', severity: 'error', path: place, error });
      continue;
    }
    if (entry.type === 'file' && archived.size !== 0) {
      await storeFile(place, archived, entry, { tree, storeStream }, context);
      continue;
    }
    if (path.length > 0 || isFileRoot)
      await tree.entries({ prefix: parentOf(place), release() {} }, [entry]);
    if (entry.type !== 'directory') continue;
    tree.enter(place, entry);
    entered.push(path);
  }
  for (const _ of entered) tree.leave();
}

async function storeFile(
  place: Uint8Array,
  archived: ArchivedEntry,
  entry: SourceEntry,
  { tree, storeStream }: Pick<SnapshotWriter, 'tree' | 'storeStream'>,
  { report }: OperationContext,
): Promise<void> {
  try {
    const outcome = await storeStream(archived.content());
    tree.addStored({ ...entry, size: outcome.size }, outcome);
  } catch (error) {
    // The rest of the archive is of use without it.
    if (!hasCode(error, 'repository/damaged')) throw error;
    report({ type: 'problem', severity: 'error', path: place, error });
  }
}

/** An entry as if it had been found in a file system: names of one file share a made-up inode. */
function sourceEntryOf(
  { entry, linkGroup }: ArchivedEntry,
  links: Map<string, bigint>,
): SourceEntry {
  let inode = 0n;
  if (linkGroup !== undefined) {
    const key = Buffer.from(linkGroup).toString('latin1');
    inode = links.get(key) ?? BigInt(links.size + 1);
    links.set(key, inode);
  }
  const { mtime } = entry;
  return { ...entry, links: inode === 0n ? 1 : 2, ctime: mtime, inode, device: 0, blocks: 0 };
}

function directoryAround(entry: SourceEntry): SourceEntry {
  return {
    ...entry,
    name: new Uint8Array(0),
    type: 'directory',
    mode: 0o700,
    size: 0,
    links: 1,
    inode: 0n,
    linkTarget: undefined,
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: [],
    fileFlags: 0,
  };
}

function keyOf({ time, hostname, paths }: Pick<Snapshot, 'time' | 'hostname' | 'paths'>): string {
  return JSON.stringify([
    time,
    hostname,
    ...paths.map((path) => Buffer.from(path).toString('latin1')),
  ]);
}

function parentLength(path: Uint8Array): number {
  return Math.max(0, path.lastIndexOf(0x2f));
}

function parentOf(path: Uint8Array): Uint8Array {
  return path.subarray(0, path.lastIndexOf(0x2f));
}

function isBelow(path: Uint8Array, directory: Uint8Array): boolean {
  if (directory.length === 0) return true;
  return (
    path[directory.length] === 0x2f &&
    Buffer.compare(path.subarray(0, directory.length), directory) === 0
  );
}
