import type { AppError } from '../../base/errors.ts';
import { blockLengthFor } from '../../codec/rsync/signature.ts';
import { noCounters, type SummaryEvent } from '../../model/event.ts';
import type { DuplicityArchive } from '../../repository/duplicity/duplicity-archive.ts';
import { isAtOrBelow } from '../../repository/duplicity/index-order.ts';
import { prepareSet } from '../../repository/duplicity/writer/prepare-set.ts';
import type { SourceItem } from '../../repository/duplicity/writer/source-item.ts';
import { StreamedContent } from '../../repository/duplicity/writer/streamed-content.ts';
import { writeSet } from '../../repository/duplicity/writer/write-set.ts';
import type { Access } from '../../repository/native/access.ts';
import { BlobReader } from '../../repository/native/reader/blob-reader.ts';
import { readContent } from '../../repository/native/reader/content-reader.ts';
import type { StoredSnapshot } from '../../repository/native/reader/snapshot-list.ts';
import { walkTree, type WalkedEntry } from '../../repository/native/reader/tree-reader.ts';
import type { OperationContext } from '../operation.ts';
import { reportFinding } from '../report-finding.ts';
import { originalRoot } from '../restore/original-place.ts';

export interface CopyToArchiveInput {
  /** Of one host and source, oldest first. */
  readonly snapshots: readonly StoredSnapshot[];
  /** How many are there already. */
  readonly already: number;
  /** Bytes. */
  readonly volumeSize: number;
}

/**
 * Writes snapshots of a repository to an archive, each as a set of its own with its own time: the first as a full one if there is no chain, the others as incremental
 * ones. Two snapshots of one second become a second apart, since the names of the files say no more.
 *
 * @throws AppError as `prepareSet` and `writeSet` do, and what reading the repository throws
 */
export async function copyNativeToArchive(
  source: Access,
  archive: DuplicityArchive,
  { snapshots, already, volumeSize }: CopyToArchiveInput,
  context: OperationContext,
): Promise<SummaryEvent> {
  const { clock, signal, report } = context;
  const beginning = clock.monotonic();
  const done = { files: 0, bytes: 0, bytesRead: 0, bytesAdded: 0, errors: 0 };
  const blobs = await BlobReader.open(source, { signal, onFinding: reportFinding(context) });
  const onProblem = (path: Uint8Array, error: AppError): void => {
    done.errors++;
    report({ type: 'problem', severity: 'error', path, error });
  };
  let copied = 0;
  let last = (await archive.collection({ signal })).chains.at(-1)?.end ?? 0;
  for (const stored of snapshots) {
    const { snapshot, final } = stored;
    const time = Math.max(Math.floor(snapshot.time / 1000), last + 1);
    report({ type: 'phase', phase: `copying snapshot ${snapshot.id.slice(0, 8)}` });
    const sourcePath = originalRoot(final);
    const unreadable: Uint8Array[] = [];
    const prepared = await prepareSet(
      archive,
      {
        kind: 'auto',
        hostname: snapshot.hostname,
        sourcePath,
        allowSourceMismatch: false,
        time,
      },
      {
        signal,
        notice: (message) => report({ type: 'notice', message }),
        warn: (error) => report({ type: 'problem', severity: 'warning', error }),
      },
    );
    const written = await writeSet(
      prepared.place,
      {
        ...prepared,
        hostname: snapshot.hostname,
        sourcePath,
        volumeSize,
        concurrency: 2,
        verify: prepared.canReadBack,
        numericOwner: false,
        skipIfNoChange: false,
        dryRun: false,
        listFiles: true,
        extensions: true,
        blockLength: blockLengthFor,
        items: itemsOf(stored, blobs, {
          signal,
          onProblem(path, error) {
            unreadable.push(path);
            onProblem(path, error);
          },
        }),
        // What cannot be read now stays as the archive has it.
        isUnreadable: (path) => unreadable.some((directory) => isAtOrBelow(path, directory)),
        onProblem,
        onVolume: () => undefined,
        onItem(_outcome, path, size) {
          done.files++;
          done.bytes += size;
          done.bytesRead += size;
          report({ type: 'progress', ...noCounters, ...done, current: path });
        },
      },
      { signal },
    );
    done.bytesAdded += written.bytes;
    last = prepared.identity.end;
    copied++;
  }
  return {
    type: 'summary',
    operation: 'copy',
    ...noCounters,
    ...done,
    dryRun: false,
    milliseconds: clock.monotonic() - beginning,
    details: { copied, already },
  };
}

interface ItemOptions {
  readonly signal: AbortSignal;
  readonly onProblem: (path: Uint8Array, error: AppError) => void;
}

/** A snapshot's entries as a writer of archives takes them; trees are in the same order. */
async function* itemsOf(
  { root }: StoredSnapshot,
  blobs: BlobReader,
  { signal, onProblem }: ItemOptions,
): AsyncGenerator<SourceItem, void, undefined> {
  /** The first path of each group of hard links. */
  const groups = new Map<string, Uint8Array>();
  for await (const { path, entry } of walkTree(blobs, root, { signal, onUnreadable: onProblem })) {
    // An archive has no place for sockets, and nobody needs one back.
    if (entry.type === 'socket') continue;
    yield {
      path,
      entry: { ...entry, blocks: 0 },
      linkGroup: groupOf({ path, entry }, groups),
      open: () => new StreamedContent(readContent(blobs, entry, { signal })),
    };
  }
}

function groupOf(
  { path, entry }: WalkedEntry,
  groups: Map<string, Uint8Array>,
): Uint8Array | undefined {
  if (entry.hardLink === undefined || entry.type !== 'file') return undefined;
  const key = Buffer.from(entry.hardLink).toString('hex');
  const first = groups.get(key) ?? path;
  groups.set(key, first);
  return first;
}
