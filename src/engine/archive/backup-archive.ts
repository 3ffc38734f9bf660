import type { AppError } from '../../base/errors.ts';
import { adaptHeapGrowth } from '../../base/heap-growth.ts';
import { quotePath } from '../../base/posix/system-error.ts';
import { blockLengthFor } from '../../codec/rsync/signature.ts';
import type { OperationCounters, SummaryEvent } from '../../model/event.ts';
import type { DuplicityArchive } from '../../repository/duplicity/duplicity-archive.ts';
import { BegunFileChanged } from '../../repository/duplicity/writer/file-writer.ts';
import { prepareSet } from '../../repository/duplicity/writer/prepare-set.ts';
import type { SetIdentity } from '../../repository/duplicity/writer/set-place.ts';
import type { SetStatistics } from '../../repository/duplicity/writer/set-statistics.ts';
import type { ItemOutcome } from '../../repository/duplicity/writer/source-merge.ts';
import { type WrittenSet, writeSet } from '../../repository/duplicity/writer/write-set.ts';
import { planSources } from '../../source/filesystem/source-plan.ts';
import type { OperationContext } from '../operation.ts';
import { SourceItems, type SourceItemsOptions, type TreeFilter } from './source-items.ts';
import { defaultVolumeSize } from '../../repository/duplicity/writer/volume-size.ts';

/** What is backed up to an archive, and how. What is optional is as with duplicity, or better where that shows to nobody. */
export interface ArchiveBackupInput {
  /** One directory, or several things: the archive's root is the directory above them then. */
  readonly paths: readonly (string | Uint8Array)[];
  readonly tree: TreeFilter;
  readonly walk: SourceItemsOptions;
  /** `auto`: incremental if the archive has a chain to build upon. */
  readonly kind: 'auto' | 'full' | 'incremental';
  /** With `auto`: a full one if the newest full set is older than this, seconds since 1970. */
  readonly fullIfOlderThan?: number | undefined;
  readonly hostName: string;
  /** The source as the manifest tells it; the root unless given. */
  readonly sourceName?: Uint8Array | undefined;
  /** Go on with an archive of another host or directory. */
  readonly allowSourceMismatch?: boolean;
  /** The set's time instead of now, seconds since 1970. */
  readonly time?: number | undefined;
  /** Bytes; 200 MiB unless given. */
  readonly volumeSize?: number;
  /** Volumes stored at once; 2 unless given. */
  readonly concurrency?: number;
  /** Read every volume again before it is stored, and compare it with what went in; on unless given. */
  readonly verify?: boolean;
  /** Whether this computer can decrypt what it writes; found out unless given. */
  readonly canReadBack?: boolean | undefined;
  readonly numericOwner?: boolean;
  readonly skipIfNoChange?: boolean;
  readonly dryRun?: boolean;
  /** List the changed files in the manifest; on unless given. */
  readonly listFiles?: boolean;
  /** Keep exact times, attributes, and links where others do not look; on unless given. */
  readonly extensions?: boolean;
  /** The longest block of a signature, in bytes. */
  readonly maxBlockLength?: number | undefined;
  /** The length of a signature's blocks instead of the usual rule. */
  readonly blockLength?: ((size: number) => number) | undefined;
  /** Tell of every entry. */
  readonly verbose?: boolean;
  /** A volume is complete. */
  readonly onVolume?: (number: number, bytes: number) => void;
  /** The set is about to be written: which one, and whether an interrupted run is continued. */
  readonly onSet?: (set: SetIdentity & { readonly resumedAfter: number | undefined }) => void;
}

/** What a backup to an archive did. */
export interface ArchiveBackupResult {
  readonly set: SetIdentity;
  /** False if nothing was written: nothing had changed, or only a rehearsal was wanted. */
  readonly isStored: boolean;
  readonly statistics: SetStatistics;
  readonly summary: SummaryEvent;
}

/** Progress is told at most this often, in milliseconds. */
const PROGRESS_INTERVAL = 100;

/**
 * Backs up to an archive of duplicity's (docs/formats/duplicity.md 9, 12). Resolves when the set is complete; problems with single entries are reported and counted. What could not be
 * looked at stays as the archive has it.
 *
 * @throws AppError `input/usage` with `details.mismatch` (`host`, `source`) if the archive is of something else, with `details.missing` = `signatures` when there is nothing an
 *   incremental set can build upon; `repository/wrong-passphrase`; `source/…`, `storage/…`, `local/unwritable`
 */
export async function backupArchive(
  archive: DuplicityArchive,
  input: ArchiveBackupInput,
  context: OperationContext,
): Promise<ArchiveBackupResult> {
  const { signal, clock, report } = context;
  const beginning = clock.monotonic();
  adaptHeapGrowth();
  const plan = planSources(input.paths);
  const counting = new Counting(context, input.verbose === true);
  const items = new SourceItems(
    plan,
    input.tree,
    { ...input.walk, leavesAttributes: true },
    {
      onProblem: (path, error) => counting.problem(path, error),
      onLink: (path, error) => report({ type: 'problem', severity: 'warning', path, error }),
      onSocket: (path) =>
        report({ type: 'notice', message: `The socket ${quotePath(path)} is passed over` }),
    },
  );
  report({ type: 'phase', phase: 'Reading the archive' });
  const sourcePath = input.sourceName ?? plan.root;
  const { extensions = true, verify = true } = input;
  const attempt = async (before: Uint8Array | undefined): Promise<AttemptResult> => {
    const prepared = await prepareSet(
      archive,
      {
        ...input,
        before,
        hostname: input.hostName,
        sourcePath,
        allowSourceMismatch: input.allowSourceMismatch ?? false,
      },
      {
        signal,
        notice: (message) => report({ type: 'notice', message }),
        warn: (error) => report({ type: 'problem', severity: 'warning', error }),
      },
    );
    const { identity } = prepared;
    input.onSet?.({ ...identity, resumedAfter: prepared.resumed?.volumes.length });
    report({ type: 'phase', phase: 'Saving' });
    const written = await writeSet(
      prepared.place,
      {
        ...prepared,
        ...common,
        verify: verify && prepared.canReadBack,
        items,
        isUnreadable: items.isUnreadable,
      },
      { signal },
    );
    return { written, identity };
  };
  const common = {
    hostname: input.hostName,
    sourcePath,
    volumeSize: input.volumeSize ?? defaultVolumeSize,
    concurrency: input.concurrency ?? 2,
    numericOwner: input.numericOwner ?? false,
    skipIfNoChange: input.skipIfNoChange ?? false,
    dryRun: input.dryRun ?? false,
    listFiles: input.listFiles ?? true,
    extensions,
    blockLength:
      input.blockLength ?? ((size: number) => blockLengthFor(size, input.maxBlockLength)),
    onProblem: (path: Uint8Array, error: AppError) => counting.problem(path, error),
    onVolume: (number: number, bytes: number) => {
      counting.bytesAdded += bytes;
      input.onVolume?.(number, bytes);
    },
    onItem: (outcome: ItemOutcome, path: Uint8Array, size: number, isFile: boolean) =>
      counting.item(outcome, path, size, isFile),
    beforeCommit: () => {
      // If a source itself went away – a disk was unplugged – what is left of it must not become the latest set.
      if (counting.errors > 0) planSources(plan.sources);
      report({ type: 'phase', phase: 'Finishing' });
    },
  };
  const { written, identity } = await untilSettled(attempt);
  written.statistics.errors = counting.errors;
  return {
    set: identity,
    isStored: written.isStored,
    statistics: written.statistics,
    summary: {
      type: 'summary',
      operation: 'backup',
      ...counting.counters(),
      bytesAdded: written.bytes,
      ...(written.isStored ? { snapshot: String(identity.end) } : {}),
      dryRun: input.dryRun ?? false,
      milliseconds: clock.monotonic() - beginning,
      details: {
        kind: identity.set,
        volumes: written.volumes,
        filesDeleted: counting.deleted,
        bytesStored: written.bytes,
      },
    },
  };
}

interface AttemptResult {
  readonly written: WrittenSet;
  readonly identity: SetIdentity;
}

/** If a file of which an interrupted run stored the first blocks has changed since, less of that run is kept; each time there is less. */
async function untilSettled(
  attempt: (before: Uint8Array | undefined) => Promise<AttemptResult>,
): Promise<AttemptResult> {
  let before: Uint8Array | undefined;
  for (;;) {
    try {
      return await attempt(before);
    } catch (error) {
      if (!(error instanceof BegunFileChanged)) throw error;
      before = error.path;
    }
  }
}

/** What is told on the way. */
class Counting {
  readonly #context: OperationContext;
  readonly #verbose: boolean;
  #files = 0;
  #bytes = 0;
  #bytesRead = 0;
  #new = 0;
  #changed = 0;
  #unchanged = 0;
  #lastProgress = -Infinity;
  bytesAdded = 0;
  deleted = 0;
  errors = 0;

  constructor(context: OperationContext, verbose: boolean) {
    this.#context = context;
    this.#verbose = verbose;
  }

  problem(path: Uint8Array, error: AppError): void {
    this.errors++;
    this.#context.report({ type: 'problem', severity: 'error', path, error });
  }

  item(outcome: ItemOutcome, path: Uint8Array, size: number, isFile: boolean): void {
    if (isFile) this.#countFile(outcome, size);
    if (outcome === 'new' || outcome === 'changed') this.#bytesRead += size;
    if (this.#verbose && outcome !== 'unreadable') {
      this.#context.report({ type: 'entry', action: outcome, path, size });
    }
    const now = this.#context.clock.monotonic();
    if (now - this.#lastProgress < PROGRESS_INTERVAL) return;
    this.#lastProgress = now;
    adaptHeapGrowth();
    this.#context.report({ type: 'progress', ...this.counters(), current: path });
  }

  #countFile(outcome: ItemOutcome, size: number): void {
    if (outcome === 'deleted') this.deleted++;
    else {
      this.#files++;
      this.#bytes += size;
    }
    if (outcome === 'new') this.#new++;
    if (outcome === 'changed') this.#changed++;
    if (outcome === 'unchanged') this.#unchanged++;
  }

  counters(): OperationCounters {
    return {
      files: this.#files,
      bytes: this.#bytes,
      bytesRead: this.#bytesRead,
      bytesAdded: this.bytesAdded,
      filesNew: this.#new,
      filesChanged: this.#changed,
      filesUnchanged: this.#unchanged,
      errors: this.errors,
    };
  }
}
