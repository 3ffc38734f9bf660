import { lstatSync, readdirSync } from 'node:fs';
import path from 'node:path';

import { equalBytes } from '../../base/bytes.ts';
import { AppError, systemCodeOf } from '../../base/errors.ts';
import { joinPath } from '../../base/posix/path-bytes.ts';
import { quotePath } from '../../base/posix/system-error.ts';
import type { SummaryEvent } from '../../model/event.ts';
import type { BackupSet } from '../../repository/duplicity/collection/backup-set.ts';
import type { DuplicityArchive } from '../../repository/duplicity/duplicity-archive.ts';
import { isAtOrBelow } from '../../repository/duplicity/index-order.ts';
import {
  type ArchivedEntry,
  ArchiveReader,
  type ReadableArchive,
} from '../../repository/duplicity/reader/archive-reader.ts';
import type { ReaderProblem } from '../../repository/duplicity/reader/reader-problem.ts';
import type { ExistingPolicy } from '../../target/filesystem/existing-policy.ts';
import { targetError } from '../../target/filesystem/target-error.ts';
import { SparedPlaces } from '../../target/filesystem/spared-places.ts';
import { TargetTree } from '../../target/filesystem/target-tree.ts';
import type { OperationContext } from '../operation.ts';
import { repositoryPlaces } from '../restore/repository-places.ts';
import {
  continuation,
  findTarget,
  type FoundTarget,
  markerName,
  placeMarker,
  removeMarker,
} from '../restore/restore-marker.ts';
import { RestoreTally } from '../restore/restore-tally.ts';
import { ArchiveTarget } from './archive-target.ts';

/** One path prefix that is restored as another. */
export interface Rename {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

export interface RestoreArchiveInput {
  readonly archive: ReadableArchive & Pick<DuplicityArchive, 'directory'>;
  /** The full set and the incremental ones upon it, as `chooseSets` gives them. */
  readonly sets: readonly BackupSet[];
  /** What of it, relative to the root of the archive; empty or undefined: everything. */
  readonly path?: Uint8Array | undefined;
  /** What it becomes: what is in a restored directory lands directly in it, anything else gets this very name. */
  readonly target: string | Uint8Array;
  /** Restore also to where something is. */
  readonly force: boolean;
  /** The identifier of what is restored: the target is marked with it until all is there, so that a restore that was interrupted goes on. Default: neither. */
  readonly snapshot?: string | undefined;
  /** What then happens to what exists; default `always`. */
  readonly policy?: ExistingPolicy | undefined;
  readonly owners: 'numbers' | 'names' | 'none';
  /** Paths in the archive, and what they are restored as; the longest that fits is taken. */
  readonly renames?: readonly Rename[];
  /** What of it; directories are restored, too, where something in them is. Default: everything. */
  readonly isWanted?: ((entry: ArchivedEntry) => boolean) | undefined;
  /** Only tell which volumes are needed. */
  readonly dryRun: boolean;
  /** Pass over volumes that are damaged or missing. */
  readonly ignoreErrors: boolean;
  /** Leave out what they had, instead of restoring it as older backups have it. */
  readonly namesLosses?: boolean;
  /** Tell of every entry. */
  readonly verbose: boolean;
  /** How many cores there are for it. */
  readonly threads: number;
}

export interface ArchiveRestored {
  readonly summary: SummaryEvent;
  /** The names of the volumes that are needed for it. */
  readonly volumes: readonly string[];
}

/**
 * Restores what a full set and the incremental ones upon it give, or a part of it (docs/formats/duplicity.md 14.1). Problems with single entries are reported and counted; a file that
 * cannot be put together right is left out. Nothing is ever written outside the target, whatever the archive says.
 *
 * @throws AppError `target/…`, `repository/…`, `storage/…`, `local/unwritable`; `snapshot/missing` if the path is not in the archive
 */
export async function restoreArchive(
  input: RestoreArchiveInput,
  context: OperationContext,
): Promise<ArchiveRestored> {
  const { clock, signal } = context;
  const begun = clock.monotonic();
  const below = input.path ?? new Uint8Array(0);
  const target = absolute(input.target);
  const reader = new ArchiveReader(input.archive);
  using sparedPlaces = new SparedPlaces([
    ...repositoryPlaces(input.archive.storage),
    {
      directory: input.archive.directory.path,
      title: "the archive's local directory",
      isUntouchable: false,
    },
  ]);
  sparedPlaces.requireOutside(target, { deletes: false });
  const found = settleTarget(target, input);
  const message = continuation(found);
  if (message !== undefined) context.report({ type: 'notice', message });
  context.report({ type: 'phase', phase: 'Reading the manifests' });
  const volumes = await reader.volumesNeeded(input.sets, { below, signal });
  const restore = new ArchiveRestore(input, {
    reader,
    below,
    target,
    found,
    sparedPlaces,
    context,
  });
  if (!input.dryRun) {
    context.report({ type: 'phase', phase: 'Restoring' });
    await restore.run();
  }
  const { tally } = restore;
  if (input.isWanted !== undefined && !input.dryRun) tally.tellNothingFits();
  tally.tellOwners();
  const summary: SummaryEvent = {
    type: 'summary',
    operation: 'restore',
    ...tally.counters,
    dryRun: input.dryRun,
    milliseconds: clock.monotonic() - begun,
    details: {
      target: quotePath(target).slice(1, -1),
      directories: tally.directories,
      others: tally.others,
      links: tally.links,
      deleted: tally.deleted,
      skipped: tally.skipped,
      damaged: tally.damaged,
      volumes: volumes.length,
    },
  };
  return { summary, volumes };
}

const MOST_WRITERS = 2;
const noBytes = new Uint8Array(0);

interface RestoreParts {
  readonly reader: ArchiveReader;
  readonly below: Uint8Array;
  readonly target: Uint8Array;
  readonly found: FoundTarget;
  readonly sparedPlaces: SparedPlaces;
  readonly context: OperationContext;
}

class ArchiveRestore {
  readonly #input: RestoreArchiveInput;
  readonly #parts: RestoreParts;
  tally: RestoreTally;

  constructor(input: RestoreArchiveInput, parts: RestoreParts) {
    this.#input = input;
    this.#parts = parts;
    this.tally = new RestoreTally(parts.context, parts.target, input.verbose);
  }

  async run(): Promise<void> {
    const { sets, ignoreErrors, namesLosses = false, isWanted } = this.#input;
    const { reader, below, context } = this.#parts;
    const { signal } = context;
    const onProblem = (problem: ReaderProblem): void => this.#tell(problem);
    const leading = new LeadingDirectories();
    let opened: Opened | undefined;
    try {
      for await (const archived of reader.entries(sets, {
        below,
        ignoreErrors,
        namesLosses,
        takesBack: true,
        onProblem,
        signal,
      })) {
        signal.throwIfAborted();
        opened ??= this.#open(archived);
        if (isWanted?.(archived) === false) {
          leading.skip(archived);
          continue;
        }
        for (const directory of leading.of(archived.path)) await opened.put(directory);
        await opened.put(archived);
      }
      if (opened === undefined) throw this.#nothing();
      await opened.finish();
    } finally {
      try {
        await opened?.files[Symbol.asyncDispose]();
      } finally {
        opened?.tree[Symbol.dispose]();
      }
    }
  }

  #open(first: ArchivedEntry): Opened {
    const { below, target } = this.#parts;
    const isSingle = equalBytes(first.path, below) && first.entry.type !== 'directory';
    if (!isSingle) {
      const { tree, files } = this.#files(target, this.#parts.found.isFresh);
      const marker = this.#mark(tree);
      return {
        tree,
        files,
        finish: () => files.finish(() => marker && removeMarker(tree.root, marker)),
        put: (archived) => {
          const own = this.#renamed(archived.path);
          if (own === undefined) return Promise.resolve();
          return files.put(own.subarray(below.length === 0 ? 0 : below.length + 1), archived);
        },
      };
    }
    // The target is the file itself: it is looked for beside others.
    const slash = target.lastIndexOf(0x2f);
    const name = target.subarray(slash + 1);
    if (isDirectoryWithEntries(target)) {
      throw new AppError(
        'target/refused',
        `Refused to restore a file to ${quotePath(target)}: it is a directory with something in it`,
        { hint: 'Name the file that is to be made' },
      );
    }
    const directory = target.subarray(0, Math.max(slash, 1));
    const { errors } = this.tally.counters;
    const { damaged } = this.tally;
    this.tally = new RestoreTally(this.#parts.context, directory, this.#input.verbose);
    this.tally.counters.errors = errors;
    this.tally.damaged = damaged;
    const { tree, files } = this.#files(directory, false);
    const put = (archived: ArchivedEntry): Promise<void> => files.put(name, archived);
    return { tree, files, put, finish: () => files.finish() };
  }

  /** Marks the target where all that will be there is what this restore has written. Gives the name of the mark, if there is one. */
  #mark({ root }: TargetTree): Uint8Array | undefined {
    const { found } = this.#parts;
    const marker = markerOf(this.#input);
    if (marker === undefined) return undefined;
    if (found.others.length === 0) placeMarker(root, marker);
    return marker;
  }

  #files(root: Uint8Array, isFresh: boolean): Pick<Opened, 'tree' | 'files'> {
    const { owners, renames = [], threads } = this.#input;
    const { tally } = this;
    const { context, found, sparedPlaces } = this.#parts;
    const tree = TargetTree.open(root, { create: true });
    const files = new ArchiveTarget(tree, tally, {
      policy: found.policy,
      isFresh,
      owners,
      isUnordered: renames.length > 0,
      sparedPlaces,
      // One thread reads; two that write have as much to do as it can give.
      threads: Math.max(1, Math.min(threads - 1, MOST_WRITERS)),
      signal: context.signal,
    });
    return { tree, files };
  }

  /** The path that an entry is restored as; undefined, and a problem, if that is outside of what is restored. */
  #renamed(original: Uint8Array): Uint8Array | undefined {
    const { renames = [] } = this.#input;
    const { below } = this.#parts;
    let best: Rename | undefined;
    for (const rename of renames) {
      if (!isAtOrBelow(original, rename.from)) continue;
      if (best === undefined || rename.from.length > best.from.length) best = rename;
    }
    if (best === undefined) return original;
    const begin = best.from.length === 0 ? 0 : Math.min(best.from.length + 1, original.length);
    const renamed = joinPath(best.to, original.subarray(begin));
    if (isAtOrBelow(renamed, below)) return renamed;
    const message = `Refused to restore ${quotePath(original)} as ${quotePath(renamed)}: that is outside of what is restored`;
    this.tally.problem(original, new AppError('target/refused', message));
    return undefined;
  }

  #tell({ severity, path: original, error }: ReaderProblem): void {
    const { tally } = this;
    if (severity === 'error') {
      tally.counters.errors++;
      tally.damaged++;
    }
    this.#parts.context.report({
      type: 'problem',
      severity,
      ...(original === undefined ? {} : { path: original }),
      error,
    });
  }

  #nothing(): AppError {
    const { below } = this.#parts;
    if (below.length === 0) {
      return new AppError('repository/damaged', 'There is nothing in the archive to restore');
    }
    return new AppError(
      'snapshot/missing',
      `${quotePath(below)} is not in the archive, so nothing was restored`,
      { details: { missing: 'path' } },
    );
  }
}

/** Directories that are not wanted for themselves, until something in them is. */
class LeadingDirectories {
  readonly #skipped: ArchivedEntry[] = [];

  skip(archived: ArchivedEntry): void {
    this.#leave(archived.path);
    if (archived.entry.type === 'directory') this.#skipped.push(archived);
  }

  /** Those that something at a path lies in and that were not given yet, from the outermost on. */
  of(inner: Uint8Array): ArchivedEntry[] {
    this.#leave(inner);
    return this.#skipped.splice(0);
  }

  #leave(inner: Uint8Array): void {
    const skipped = this.#skipped;
    while (skipped.length > 0 && !isAtOrBelow(inner, skipped.at(-1)!.path)) skipped.pop();
  }
}

interface Opened {
  readonly tree: TargetTree;
  readonly files: ArchiveTarget;
  put(archived: ArchivedEntry): Promise<void>;
  /** Everything was put. */
  finish(): Promise<void>;
}

/** A path from the root on, without slashes at its end. */
function absolute(target: string | Uint8Array): Uint8Array {
  if (typeof target === 'string') return Buffer.from(path.resolve(target));
  let end = target.length;
  while (end > 1 && target[end - 1] === 0x2f) end--;
  const plain = target.subarray(0, end);
  return plain[0] === 0x2f ? plain : joinPath(Buffer.from(process.cwd()), plain);
}

/**
 * What is at the target.
 *
 * @throws AppError `target/refused` if there is something, which is no part of this, and that was not allowed; `target/unwritable`
 */
function settleTarget(target: Uint8Array, input: RestoreArchiveInput): FoundTarget {
  const { force, policy = 'always' } = input;
  const names = namesIn(target) ?? [];
  if (names === 'no directory' && !force) throw inTheWay(target, 'it exists');
  const marker = markerOf(input);
  const found = findTarget(target, names === 'no directory' ? [] : names, marker, policy);
  if (names === 'no directory') return { ...found, isFresh: false };
  if (force || found.isContinued || found.others.length === 0) return found;
  throw inTheWay(target, 'it is not empty');
}

function markerOf({ snapshot, path: part = noBytes }: RestoreArchiveInput): Uint8Array | undefined {
  return snapshot === undefined ? undefined : markerName({ id: snapshot }, part);
}

function inTheWay(target: Uint8Array, what: string): AppError {
  return new AppError('target/refused', `Refused to restore to ${quotePath(target)}: ${what}`, {
    hint: 'Name another place, or say that what is there may be replaced: with --overwrite, or --force of "holdfast duplicity"',
  });
}

function isDirectoryWithEntries(target: Uint8Array): boolean {
  const names = namesIn(target);
  return names !== undefined && names !== 'no directory' && names.length > 0;
}

/** What is in a directory; undefined if nothing has its name. */
function namesIn(target: Uint8Array): Buffer[] | 'no directory' | undefined {
  try {
    return readdirSync(Buffer.from(target), { encoding: 'buffer' });
  } catch (cause) {
    const code = systemCodeOf(cause);
    if (code === 'ENOTDIR') return 'no directory';
    if (code !== 'ENOENT') throw targetError('look into', target, cause);
    return lstatSync(Buffer.from(target), { throwIfNoEntry: false }) === undefined
      ? undefined
      : 'no directory';
  }
}
