import { resolve } from 'node:path';

import { equalBytes } from '../base/bytes.ts';
import { moduleFile } from '../base/program-files.ts';
import { AppError } from '../base/errors.ts';
import { joinPath } from '../base/posix/path-bytes.ts';
import { quotePath } from '../base/posix/system-error.ts';
import type { OperationEvent, SummaryEvent } from '../model/event.ts';
import type { PathFilter } from '../model/path-filter.ts';
import { encodeEntry, type TreeEntry } from '../repository/native/content/tree.ts';
import { requireKey } from '../repository/native/keys/key-ring.ts';
import type { Access } from '../repository/native/access.ts';
import { BlobReader } from '../repository/native/reader/blob-reader.ts';
import { BulkReader } from '../repository/native/reader/bulk-reader.ts';
import type { StoredSnapshot } from '../repository/native/reader/snapshot-list.ts';
import { findEntry, isDamage } from '../repository/native/reader/tree-reader.ts';
import { OpenWorkers } from '../repository/native/worker/open-workers.ts';
import type { ExistingPolicy } from '../target/filesystem/existing-policy.ts';
import { type SparedPlace, SparedPlaces } from '../target/filesystem/spared-places.ts';
import { TargetTree } from '../target/filesystem/target-tree.ts';
import type { OperationContext } from './operation.ts';
import { reportFinding } from './report-finding.ts';
import { forgottenMeanwhile } from './restore/forgotten-meanwhile.ts';
import { FileRestorer, type FileRestorerOptions } from './restore/file-restorer.ts';
import { takeOutcome } from './restore/file-sink.ts';
import {
  leadingDirectories,
  originalRoot,
  pathInSnapshot,
  requireOriginalPlace,
} from './restore/original-place.ts';
import { repositoryPlaces } from './restore/repository-places.ts';
import {
  continuation,
  findTarget,
  type FoundTarget,
  markerName,
  namesInTarget,
  placeMarker,
  removeMarker,
} from './restore/restore-marker.ts';
import type { PlannerOptions } from './restore/planner-options.ts';
import { RestorePlanner } from './restore/restore-planner.ts';
import { RestoreTally } from './restore/restore-tally.ts';
import { WindowRunner } from './restore/window-runner.ts';

export interface RestoreInput {
  readonly snapshot: StoredSnapshot;
  /** What of it, below its root or as an absolute path of its sources; undefined: everything. */
  readonly path?: Uint8Array | undefined;
  /**
   * The directory to write to: what is in the restored directory lands directly in it, a single file keeps its name. Undefined: where the snapshot was
   * taken (in place).
   */
  readonly target: string | Uint8Array | undefined;
  readonly filter: PathFilter;
  /** What happens where something exists. Undefined: in place, what differs is replaced; elsewhere the target must be empty. */
  readonly policy?: ExistingPolicy | undefined;
  /** Remove from the target what the snapshot does not have. */
  readonly delete: boolean;
  /** Directories of this machine from which nothing is deleted even so. The repository is always spared. */
  readonly kept: readonly SparedPlace[];
  readonly dryRun: boolean;
  /** Read back what was written, and compare also what looks unchanged. */
  readonly verify: boolean;
  readonly owners: 'numbers' | 'names';
  readonly workers: number;
  /** Tell of every entry. */
  readonly verbose: boolean;
}

/**
 * Restores a snapshot, or a part of it. Problems with single entries are reported and counted; nothing is ever written outside the target, whatever the repository
 * says. A file of which bytes are lost is restored as far as possible, private and without its time, so that it does not look whole and a
 * later restore tries again.
 *
 * @throws AppError `target/…`, `repository/…`, `snapshot/missing`, `storage/…`
 */
export async function restore(
  access: Access,
  input: RestoreInput,
  context: OperationContext,
): Promise<SummaryEvent> {
  const { clock, signal } = context;
  const report = (event: OperationEvent): void => context.report(event);
  const begun = clock.monotonic();
  const { final, root, snapshot } = input.snapshot;
  if (input.target === undefined) requireOriginalPlace(final);
  const path = pathInSnapshot(final, input.path ?? new Uint8Array(0));
  report({ type: 'phase', phase: 'Reading the index' });
  const blobs = await BlobReader.open(access, { onFinding: reportFinding(context), signal });
  const entry = await findEntry(blobs, root, path, { signal }).catch(async (error: unknown) => {
    throw (isDamage(error) && (await forgottenMeanwhile(access, snapshot, context))) || error;
  });
  const place = joinPath(originalRoot(final), path);
  const directory = directoryOf(input, entry, place);
  const tally = new RestoreTally(context, directory, input.verbose);
  using sparedPlaces = new SparedPlaces([...repositoryPlaces(access.storage), ...input.kept]);
  sparedPlaces.requireOutside(directory, { deletes: input.delete });
  const marker = markerName(snapshot, path);
  const found = settleTarget(input, entry, directory, marker);
  const message = continuation(found);
  if (message !== undefined) report({ type: 'notice', message });
  report({ type: 'phase', phase: input.dryRun ? 'Comparing' : 'Restoring' });
  const stats = snapshot.stats;
  if (stats !== undefined && path.length === 0 && input.filter.empty) {
    report({ type: 'total', files: stats.files, bytes: stats.bytes, final: true });
  }
  const isInPlace = input.target === undefined;
  const options: PlannerOptions = {
    policy: found.policy,
    verify: input.verify,
    delete: input.delete,
    dryRun: input.dryRun,
    isFresh: found.isFresh,
    leading: isInPlace ? leadingDirectories(final, place) : new Set(),
    spared: marker,
    sparedPlaces,
  };
  const isEmpty = found.others.length === 0;
  const job = { access, input, blobs, entry, place, directory, marker, isEmpty, tally, options };
  if (input.dryRun) await pretend(job, context);
  else await write(job, context);
  if (tally.damaged > 0) {
    const error = await forgottenMeanwhile(access, snapshot, context);
    if (error !== undefined) report({ type: 'problem', severity: 'warning', error });
  }
  if (!input.filter.empty) tally.tellNothingFits();
  tally.tellOwners();
  return {
    type: 'summary',
    operation: 'restore',
    ...tally.counters,
    snapshot: snapshot.id,
    dryRun: input.dryRun,
    milliseconds: clock.monotonic() - begun,
    details: {
      target: quotePath(directory).slice(1, -1),
      directories: tally.directories,
      others: tally.others,
      links: tally.links,
      deleted: tally.deleted,
      skipped: tally.skipped,
      damaged: tally.damaged,
    },
  };
}

interface RestoreJob {
  readonly access: Access;
  readonly input: RestoreInput;
  readonly blobs: BlobReader;
  readonly entry: TreeEntry;
  /** Where the entry was. */
  readonly place: Uint8Array;
  readonly directory: Uint8Array;
  /** What says in the target that the restore has begun. */
  readonly marker: Uint8Array;
  /** All that will be there is what this restore has written. */
  readonly isEmpty: boolean;
  readonly tally: RestoreTally;
  readonly options: PlannerOptions;
}

async function pretend(job: RestoreJob, context: OperationContext): Promise<void> {
  const { blobs, directory, tally, options } = job;
  if (namesInTarget(directory) === undefined) {
    const planner = new RestorePlanner(blobs, undefined, tally, options, context);
    await plan(planner, job);
    return;
  }
  using files = new FileRestorer(fileOptions(job, directory));
  const target = { files, runner: undefined };
  await plan(new RestorePlanner(blobs, target, tally, options, context), job);
}

async function write(job: RestoreJob, context: OperationContext): Promise<void> {
  const { access, input, blobs, directory, marker, isEmpty, tally, options, entry } = job;
  const { keys } = access;
  const dataSeed = requireKey(keys, 'dataSeed');
  using tree = TargetTree.open(directory, { create: true });
  // By its handle, so that all threads write to the same directory whatever its name means by then.
  const root = Buffer.from(`/proc/self/fd/${tree.root}`);
  if (isEmpty && input.target !== undefined) placeMarker(tree.root, marker);
  const sinkSetup = fileOptions(job, root);
  using files = new FileRestorer(sinkSetup);
  await using workers = new OpenWorkers(input.workers, {
    repositoryId: keys.repositoryId,
    idKey: keys.idKey,
    metaSeed: keys.metaSeed,
    dataSeed,
    sinkModule: moduleFile('engine/restore/file-sink').href,
    sinkSetup,
  });
  const bulk = new BulkReader(access, blobs, workers);
  const runner = new WindowRunner(blobs, bulk, files, tree, tally, context.signal);
  let isWhole: boolean;
  try {
    const planner = new RestorePlanner(blobs, { files, runner }, tally, options, context);
    isWhole = await plan(planner, job);
  } finally {
    await runner.settle();
  }
  removeMarker(tree.root, marker);
  const keepsRoot = options.policy === 'never' && !options.isFresh;
  if (entry.type === 'directory' && isWhole && !keepsRoot && !options.leading.has('')) {
    files.metadata.applyToOpen(tree.root, entry, new Uint8Array(0));
    runner.note(takeOutcome(files));
  }
}

async function plan(
  planner: RestorePlanner,
  { input, entry, place }: RestoreJob,
): Promise<boolean> {
  const { filter } = input;
  if (entry.type === 'directory') {
    return planner.restoreDirectory(entry, filter.empty ? undefined : filter.root(place));
  }
  await planner.restoreOne(entry, encodeEntry(entry));
  return true;
}

function fileOptions({ input, options }: RestoreJob, root: Uint8Array): FileRestorerOptions {
  const { policy } = options;
  return {
    root,
    verify: input.verify,
    owners: input.owners,
    mark: policy === 'never' || policy === 'if-newer',
  };
}

/** The directory that is written to. */
function directoryOf({ target }: RestoreInput, entry: TreeEntry, place: Uint8Array): Uint8Array {
  if (target !== undefined)
    return typeof target === 'string' ? Buffer.from(resolve(target)) : target;
  if (entry.type === 'directory') return place;
  return place.subarray(0, Math.max(1, place.lastIndexOf(0x2f)));
}

/** What is in the target; refuses one with other things in it unless the user has said what to do with them. */
function settleTarget(
  input: RestoreInput,
  entry: TreeEntry,
  directory: Uint8Array,
  marker: Uint8Array,
): FoundTarget {
  const names = namesInTarget(directory) ?? [];
  const found = findTarget(directory, names, marker, input.policy ?? 'if-changed');
  const { isContinued, others } = found;
  if (isContinued || input.policy !== undefined || input.target === undefined) return found;
  const isInTheWay =
    entry.type === 'directory'
      ? others.length > 0
      : others.some((name) => equalBytes(name, entry.name));
  if (!isInTheWay) return found;
  const what = entry.type === 'directory' ? 'it is not empty' : 'it has something of that name';
  throw new AppError('target/refused', `Refused to restore into ${quotePath(directory)}: ${what}`, {
    hint: 'Name another directory, or say with --overwrite what to do with what is there',
  });
}
