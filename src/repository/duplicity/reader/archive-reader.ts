import type { CallOptions } from '../../../base/call-options.ts';
import { AppError, hasCode } from '../../../base/errors.ts';
import { quotePath } from '../../../base/posix/system-error.ts';
import type { Entry } from '../../../model/entry.ts';
import type { BackupSet } from '../collection/backup-set.ts';
import { requireVolumes } from '../collection/cross-check.ts';
import type { DuplicityArchive } from '../duplicity-archive.ts';
import { applyRecords, type RecordedEntry } from '../extra-records.ts';
import { compareIndex, isAtOrBelow } from '../index-order.ts';
import { firstCutOff, type Manifest, volumesHolding } from '../manifest/manifest.ts';
import { LostChanges } from './lost-changes.ts';
import { OrderedMerge, type MergedItem } from './ordered-merge.ts';
import { PatchedContent } from './patched-content.ts';
import type { ReaderProblem } from './reader-problem.ts';
import { SetStream, type SetEntry, type SetStreamOptions } from './set-stream.ts';
import { signatureState } from './signature-state.ts';
import { InspectThread } from '../inspection/inspect-thread.ts';
import { TemporaryStore } from './temporary-store.ts';
import type { VolumeSource } from './volume-source.ts';
import { DecodeThread } from './worker/decode-thread.ts';

/** What is read of an archive. */
export type ReadableArchive = Pick<
  DuplicityArchive,
  'storage' | 'coding' | 'tempDirectory' | 'manifestOf' | 'signaturesOf'
>;

/** An entry of the state that is restored. */
export interface ArchivedEntry {
  /** Relative to the root, components joined by `/`; empty for the root. */
  readonly path: Uint8Array;
  /** As the newest set has it. Its size is 0 where that is not known before the content is read. */
  readonly entry: Entry;
  /** Length of a file's content where it is known before it is read. */
  readonly size: number | undefined;
  /** The same for all names of one file: the first of them. Undefined where that is not known. */
  readonly linkGroup: Uint8Array | undefined;
  /** It came behind entries that it should come before, and may be at a path that was told of already. */
  readonly isLate: boolean;
  /**
   * A file's content, once, until the next entry is asked for. It is right only if it comes to its end: `repository/damaged` if it does not.
   */
  content(): AsyncIterable<Uint8Array>;
}

/** An entry as the signatures tell it. */
export interface ListedEntry {
  readonly path: Uint8Array;
  /** Its size is 0 where that is not known. */
  readonly entry: Entry;
  /** Length of a file, where the archive says it: duplicity itself does not. */
  readonly size: number | undefined;
  readonly linkGroup: Uint8Array | undefined;
}

export interface EntriesOptions extends CallOptions {
  /** Only what is at or below this path. */
  readonly below?: Uint8Array | undefined;
  /** Pass over volumes that are damaged or missing, and tell of it. Else they end the reading before anything of them is used. */
  readonly ignoreErrors?: boolean;
  /** With `ignoreErrors`: leave out, and tell of, what such a volume had a newer state of, or the only one. Else it is given as older sets have it. */
  readonly namesLosses?: boolean;
  /** Read what is needed for contents; without, `content` must not be called. Default true. */
  readonly contents?: boolean;
  /** Pieces of content are not kept: each may be emptied, and its memory be used again, when the next one is asked for, or the next entry. Default false. */
  readonly takesBack?: boolean;
  readonly onProblem: (problem: ReaderProblem) => void;
}

/** More sets than that at once: their volumes are decoded before they are used. */
const MANY_SETS = 8;
/** How many volumes are fetched before they are needed, in all. */
const MOST_AHEAD = 4;
/** How many pieces of 1 MiB are decoded before they are needed, in all. */
const PIECES_AHEAD = 6;

const root = new Uint8Array(0);

/** Reads the state that a full set and the incremental ones upon it give: docs/formats/duplicity.md 14.1. */
export class ArchiveReader {
  readonly #archive: ReadableArchive;

  constructor(archive: ReadableArchive) {
    this.#archive = archive;
  }

  /**
   * Everything that is there after the last of the sets, in index order, from one pass over their volumes.
   *
   * What is wrong with single entries is told through `onProblem` and passed over, never given wrong: differences without what they apply to, or damaged ones; names and types that must
   * not be; a wrong order.
   *
   * @param sets the full set and then the incremental ones, as `chooseSets` gives them
   * @throws AppError `repository/damaged` if a volume is not the one that was written, or missing; `repository/wrong-passphrase`, `storage/…`, `local/unwritable`
   */
  async *entries(
    sets: readonly BackupSet[],
    options: EntriesOptions,
  ): AsyncGenerator<ArchivedEntry, void, undefined> {
    const { below = root, contents = true, ignoreErrors = false, onProblem, signal } = options;
    const { namesLosses = false, takesBack = false } = options;
    const { storage, coding, tempDirectory } = this.#archive;
    const chosen = await this.#volumes(sets, below, { signal });
    if (!ignoreErrors) {
      // Known before anything is read.
      for (const [at, set] of sets.entries()) demandAll(set, chosen[at]!);
    }
    using store = new TemporaryStore(tempDirectory);
    await using thread = new DecodeThread();
    await using inspection = new InspectThread();
    const decodesFirst = chosen.length > MANY_SETS;
    const piecesAhead = Math.max(1, Math.floor(PIECES_AHEAD / chosen.length));
    const access = {
      storage,
      coding,
      store,
      decodesFirst,
      thread,
      inspection,
      piecesAhead,
      takesBack,
    };
    const ahead = { free: Math.min(MOST_AHEAD, chosen.length) };
    const shared: SetStreamOptions = { access, ignoreErrors, onProblem, ahead, signal };
    const streams = chosen.map((volumes) => new SetStream(volumes, shared));
    try {
      const losses = namesLosses
        ? new LostChanges(this.#archive, sets, streams, { signal })
        : undefined;
      const groups = new Groups(streams, { below, losses, onProblem });
      for (;;) {
        signal?.throwIfAborted();
        const group = await groups.next();
        if (group === undefined) break;
        if (!isAtOrBelow(group.path, below)) {
          if (compareIndex(group.path, below) > 0) break;
          continue;
        }
        const recorded = recordedOf(group, onProblem);
        if (recorded === undefined) continue;
        using patch =
          contents && group.deltas.length > 0
            ? await groups.patch(group, store, { signal })
            : undefined;
        if (patch === undefined && contents && group.deltas.length > 0) continue;
        yield archivedEntry(group, recorded, patch, streams);
      }
      await groups.tellRest();
    } finally {
      for (const stream of streams) await stream.close();
    }
  }

  /** The names of the volumes that are needed for `below`, by set. Throws as `entries` does, but for the volumes themselves. */
  async volumesNeeded(
    sets: readonly BackupSet[],
    { below = root, signal }: Pick<EntriesOptions, 'below' | 'signal'> = {},
  ): Promise<string[]> {
    const chosen = await this.#volumes(sets, below, { signal });
    return chosen.flat().flatMap(({ name }) => name ?? []);
  }

  /**
   * The same state as the signatures tell it, without reading volumes. In index order, the root included.
   *
   * @throws AppError `repository/damaged` if signatures are missing or damaged; what the storage and the coding throw
   */
  async *list(
    sets: readonly BackupSet[],
    { below = root, onProblem, signal }: Pick<EntriesOptions, 'below' | 'onProblem' | 'signal'>,
  ): AsyncGenerator<ListedEntry, void, undefined> {
    for await (const { path, tar, kind } of signatureState(this.#archive, sets, {
      onProblem,
      signal,
    })) {
      if (!isAtOrBelow(path, below)) {
        if (compareIndex(path, below) > 0) return;
        continue;
      }
      if (kind === 'deleted') continue;
      const recorded = recordedOf({ path, tar }, onProblem);
      if (recorded === undefined) continue;
      const { entry, fileSize, linkGroup } = recorded;
      // What follows in a signature tar is the signature.
      yield { path, entry: { ...entry, size: fileSize ?? 0 }, size: fileSize, linkGroup };
    }
  }

  async #volumes(
    sets: readonly BackupSet[],
    below: Uint8Array,
    options: CallOptions,
  ): Promise<VolumeSource[][]> {
    const chosen: VolumeSource[][] = [];
    for (const set of sets) {
      const manifest = await this.#archive.manifestOf(set, options);
      const listed = new Set(manifest.volumes.map(({ number }) => number));
      chosen.push(
        volumesHolding(withGaps(manifest, set), below).map((volume) => {
          // One that the manifest does not list has no hash, so that nobody knows what it is.
          const stored = listed.has(volume.number) ? set.volumes.get(volume.number) : undefined;
          return {
            ...volume,
            name: stored?.name,
            coding: stored?.file.coding ?? 'plain',
          };
        }),
      );
    }
    return chosen;
  }
}

/** @throws AppError `repository/damaged` if one of the volumes of a set is not there, or not listed */
function demandAll(set: BackupSet, volumes: readonly VolumeSource[]): void {
  requireVolumes(
    set,
    volumes.map(({ number }) => number),
  );
  const unlisted = volumes.find(({ name }) => name === undefined);
  if (unlisted === undefined) return;
  throw new AppError(
    'repository/damaged',
    `The manifest of the ${set.type} set of ${new Date(set.end * 1000).toISOString()} does not list volume ${unlisted.number}`,
  );
}

/** A manifest with a volume in place of each that it does not list and must have had: what was in it is lost. */
function withGaps(manifest: Manifest, set: BackupSet): Manifest {
  const volumes: Manifest['volumes'][number][] = [];
  const nowhere = { path: root, block: undefined };
  for (const volume of manifest.volumes) {
    const last = volumes.at(-1);
    const number = volume.number - 1;
    if (number > (last?.number ?? 0)) {
      const start = last?.end ?? nowhere;
      volumes.push({ number, start, end: volume.start, hashes: new Map() });
    }
    volumes.push(volume);
  }
  const cut = firstCutOff(manifest, set.volumes.keys());
  if (cut !== undefined) {
    const start = volumes.at(-1)?.end ?? nowhere;
    const end = { path: behindAll, block: undefined };
    volumes.push({ number: cut, start, end, hashes: new Map() });
  }
  return { ...manifest, volumes };
}

/** Behind every path: names have at most 255 bytes. */
const behindAll = new Uint8Array(256).fill(0xff);

/** A path of the merged sets, with all that is needed of it. */
interface Group {
  readonly path: Uint8Array;
  /** The header of the newest entry. */
  readonly tar: SetEntry['tar'];
  readonly isLate: boolean;
  /** The newest entry that stands for itself. */
  readonly base: MergedItem<SetEntry>;
  /** What is to be applied to it, the oldest first. */
  readonly deltas: readonly MergedItem<SetEntry>[];
}

/** Finds for each path what of the sets it is made from. */
class Groups {
  readonly #streams: readonly SetStream[];
  readonly #merge: OrderedMerge<SetEntry>;
  readonly #below: Uint8Array;
  readonly #losses: LostChanges | undefined;
  readonly #onProblem: (problem: ReaderProblem) => void;

  /** `below`: the path at or below which it is said what is lost. */
  constructor(
    streams: readonly SetStream[],
    {
      below,
      losses,
      onProblem,
    }: {
      readonly below: Uint8Array;
      readonly losses: LostChanges | undefined;
      readonly onProblem: (problem: ReaderProblem) => void;
    },
  ) {
    this.#streams = streams;
    this.#below = below;
    this.#losses = losses;
    this.#merge = new OrderedMerge(streams);
    this.#onProblem = onProblem;
  }

  /** The next path that exists; undefined at the end. */
  async next(): Promise<Group | undefined> {
    for (;;) {
      const items = await this.#merge.next();
      if (items === undefined) return undefined;
      if (this.#losses !== undefined && (await this.#isLost(items, this.#losses))) continue;
      const group = this.#choose(items);
      if (group !== undefined) return group;
    }
  }

  /** Tells of what was nowhere but in lost volumes. */
  async tellRest(): Promise<void> {
    for (const path of (await this.#losses?.rest(this.#below)) ?? []) {
      this.#report(path, `${quotePath(path)} is lost with a volume that cannot be read`);
    }
  }

  /** Whether the newest state of a path is lost. Of a directory what older sets tell is taken: there may be a lot in it. */
  async #isLost(items: readonly MergedItem<SetEntry>[], losses: LostChanges): Promise<boolean> {
    const [newest] = items;
    if (newest === undefined) return false;
    const { path, tar } = newest.item;
    const change = await losses.behind(newest.stream, path);
    if (change === undefined || tar.type === 'directory') return false;
    if (change !== 'deleted' && isAtOrBelow(path, this.#below)) {
      const doubt = change === 'unknown' ? 'may be' : 'is';
      this.#report(
        path,
        `The newest state of ${quotePath(path)} ${doubt} lost with a volume that cannot be read`,
      );
    }
    return true;
  }

  /** Reads the deltas of a path; undefined, and a problem, if they are damaged. */
  async patch(
    { path, base, deltas }: Group,
    store: TemporaryStore,
    options: CallOptions,
  ): Promise<PatchedContent | undefined> {
    const readerOf = ({ stream }: MergedItem<SetEntry>): SetStream => this.#streams[stream]!;
    try {
      return await PatchedContent.open(readerOf(base), deltas.map(readerOf), store, options);
    } catch (error) {
      if (!hasCode(error, 'repository/damaged')) throw error;
      this.#report(path, error.message, error);
      return undefined;
    }
  }

  #choose(items: readonly MergedItem<SetEntry>[]): Group | undefined {
    const [newest] = items;
    if (newest === undefined) return undefined;
    const { path, tar, isLate } = newest.item;
    if (isLate && newest.stream !== this.#streams.length - 1) {
      this.#report(path, `${quotePath(path)} is not read: newer sets may have changed it`);
      return undefined;
    }
    const index = items.findIndex(({ item }) => item.kind !== 'diff');
    const base = items[index];
    if (base?.item.kind === 'deleted' && index === 0) return undefined;
    if (base?.item.kind !== 'snapshot') {
      this.#report(path, `There is nothing to apply the difference of ${quotePath(path)} to`);
      return undefined;
    }
    const deltas = items.slice(0, index).reverse();
    if (deltas.length === 0) return { path, tar, isLate, base, deltas };
    if (deltas.some(({ item }) => item.tar.type !== 'file') || base.item.tar.type !== 'file') {
      this.#report(path, `The archive has a difference for ${quotePath(path)}, which is no file`);
      return undefined;
    }
    if (!this.#isWhole(path, base, deltas)) {
      const message = `${quotePath(path)} cannot be put together: a difference of it may be lost`;
      this.#report(path, message);
      return undefined;
    }
    return { path, tar, isLate, base, deltas };
  }

  /** Whether no set between the base and the newest delta has lost what it may have had about a path. */
  #isWhole(
    path: Uint8Array,
    base: MergedItem<SetEntry>,
    deltas: readonly MergedItem<SetEntry>[],
  ): boolean {
    const present = new Set(deltas.map(({ stream }) => stream));
    const newest = deltas.at(-1)!.stream;
    for (let stream = base.stream + 1; stream < newest; stream++) {
      if (!present.has(stream) && this.#streams[stream]!.isLost(path)) return false;
    }
    return true;
  }

  #report(path: Uint8Array, message: string, cause?: AppError): void {
    const error = cause ?? new AppError('repository/damaged', message);
    this.#onProblem({ severity: 'error', path, error });
  }
}

/** The entry of a path with its records; undefined, and a problem, if it is of no type that can be. */
function recordedOf(
  { path, tar }: Pick<Group, 'path' | 'tar'>,
  onProblem: (problem: ReaderProblem) => void,
): RecordedEntry | undefined {
  try {
    const recorded = applyRecords(tar, path);
    if (recorded.badRecords.length > 0) {
      const message = `Records of ${quotePath(path)} make no sense: ${recorded.badRecords.join(', ')}`;
      const error = new AppError('repository/damaged', message);
      onProblem({ severity: 'warning', path, error });
    }
    return recorded;
  } catch (error) {
    if (!hasCode(error, 'repository/damaged')) throw error;
    onProblem({ severity: 'error', path, error });
    return undefined;
  }
}

function archivedEntry(
  { path, base, deltas, isLate }: Group,
  { entry, linkGroup }: RecordedEntry,
  patch: PatchedContent | undefined,
  streams: readonly SetStream[],
): ArchivedEntry {
  const isPlain = deltas.length === 0 && !base.item.isInBlocks;
  const size = entry.type !== 'file' ? 0 : (patch?.length ?? (isPlain ? entry.size : undefined));
  return {
    path,
    entry: { ...entry, size: size ?? 0 },
    size,
    linkGroup,
    isLate,
    content: () => patch?.stream() ?? contentOf(streams[base.stream]!),
  };
}

async function* contentOf(stream: SetStream): AsyncGenerator<Uint8Array, void, undefined> {
  for (let piece = await stream.read(); piece !== undefined; piece = await stream.read()) {
    yield piece;
  }
}
