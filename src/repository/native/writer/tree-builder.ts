import { equalBytes } from '../../../base/bytes.ts';
import { AppError } from '../../../base/errors.ts';
import { fileReason } from '../../../base/file-reason.ts';
import { readExtendedAttributes } from '../../../base/posix/extended-attributes.ts';
import { joinPath } from '../../../base/posix/path-bytes.ts';
import { changedEntry, type Entry, type SourceEntry } from '../../../model/entry.ts';
import type { BlobNamer } from '../content/blob-id.ts';
import { blobBytes, decodeReference, encodeReference, idSize } from '../content/content-list.ts';
import {
  decodeEntry,
  encodeEntryWith,
  encodeTree,
  rootName,
  treeReferenceIn,
  type EntryOutcome,
} from '../content/tree.ts';
import type { BlobTable } from '../index/blob-table.ts';
import type { FileOutcome, FileRequest, ProblemReport } from '../worker/messages.ts';
import type { WriteCounters } from './counters.ts';
import { statusOf } from './entry-status.ts';
import type { FilePipeline } from './file-pipeline.ts';
import { HardLinks } from './hard-links.ts';
import type { MetaStore } from './meta-store.ts';
import { OpenDirectory, type PendingChild } from './open-directory.ts';
import type { CachedChild, RememberedDirectory } from './remembered-directory.ts';
import type { SourceCache } from './source-cache.ts';

/** Where the files of a batch can be opened: `prefix/name`, until `release`. */
export interface EntryLocation {
  readonly prefix: Uint8Array;
  release(): void;
}

/** A directory in which all is what is remembered of it. */
export interface UnchangedDirectory {
  readonly location: EntryLocation;
  /** Those that are directories, in byte order. */
  readonly subdirectories: readonly SourceEntry[];
  /** How many files are among them, and their bytes together. */
  readonly files: number;
  readonly bytes: number;
}

/** What happened to one entry. */
export interface EntryReport {
  readonly action: 'new' | 'changed' | 'unchanged';
  /** Asked for by whoever shows it. */
  readonly path: () => Uint8Array;
  readonly size: number;
}

export interface TreeBuilderParts {
  readonly table: BlobTable;
  readonly namer: BlobNamer;
  readonly meta: MetaStore;
  readonly pipeline: FilePipeline;
  /** What later runs are to remember. */
  readonly cache: SourceCache | undefined;
  readonly counters: WriteCounters;
  /** Entries that changed at or after this time (seconds since 1970) may change again unnoticed, and are not remembered. */
  readonly quietSince: number;
  /** Whether what looks as the cache remembers it is taken for that. Otherwise all is read and encoded, and the cache tells only whether it is new. */
  readonly trustsCache: boolean;
  /** The extended attributes of what lies at a path; read from the file system unless given. */
  readonly attributesOf?: ((path: Uint8Array, entry: SourceEntry) => Entry['xattrs']) | undefined;
  readonly onProblem: (path: Uint8Array, error: AppError) => void;
  readonly onEntry: (report: EntryReport) => void;
  /** Whether `onEntry` is to be told of entries that nobody had to look at one by one, too. */
  readonly tellsAll: boolean;
}

/**
 * Turns a walk into trees (W4). Entries come in walk order; a directory is encoded when the walk has left it and all its files are stored. What the cache
 * remembers counts only after the table of this run knows every id of it.
 */
export class TreeBuilder {
  readonly #parts: TreeBuilderParts;
  readonly #links = new HardLinks();
  #current: OpenDirectory | undefined;
  /** The root as a final keeps it, once everything is done. */
  root: Uint8Array | undefined;

  constructor(parts: TreeBuilderParts) {
    this.#parts = parts;
  }

  /**
   * The walk goes into a directory: the root first, then each subdirectory in the order of its parent's entries. `keepEmpty`: it is wanted even if nothing
   * is in it. `cached`: what earlier runs remember of it; without, everything is read.
   */
  enter(
    path: Uint8Array,
    entry: SourceEntry,
    keepEmpty = true,
    cached?: RememberedDirectory,
  ): void {
    const parent = this.#current;
    const place = parent?.subdirectories[parent.nextSubdirectory++];
    const xattrs = place === undefined ? this.#attributes(path, entry, undefined) : place.xattrs;
    this.#current = new OpenDirectory(path, entry, xattrs, parent, place, cached, keepEmpty);
  }

  /** Children of the directory entered last, in byte order. Gives a promise when the caller must wait. */
  async entries(location: EntryLocation, entries: readonly SourceEntry[]): Promise<void> {
    const directory = this.#current!;
    let open = 1;
    const release = (): void => {
      if (--open === 0) location.release();
    };
    for (const entry of entries) {
      const { name } = entry;
      const child = directory.add(name);
      const remembered = directory.remembered(name);
      const status = statusOf(entry, this.#parts.quietSince);
      const same = this.#parts.trustsCache && remembered?.isUnchanged(status) === true;
      if (entry.type === 'directory') {
        child.status = status;
        const xattrs = same
          ? undefined
          : this.#attributes(joinPath(location.prefix, entry.name), entry, child);
        const known = same ? remembered : undefined;
        directory.subdirectories.push({ child, xattrs, remembered: known });
        directory.pending++;
      } else if (same && remembered.hasOnlyIds(this.#knows)) {
        this.#keep(directory, child, entry, remembered);
      } else {
        child.status = status;
        open++;
        const waiting = this.#add(directory, child, entry, remembered, location, release);
        if (waiting !== undefined) await waiting;
      }
    }
    release();
  }

  /** In place of `entries`: the directory entered last holds what is remembered of it, and nothing else. */
  async unchanged({ location, subdirectories, files, bytes }: UnchangedDirectory): Promise<void> {
    const directory = this.#current!;
    const cached = directory.cached!;
    if (this.#parts.tellsAll || !cached.hasOnlyIds(this.#knows)) {
      return await this.entries(location, entriesOf(cached, subdirectories));
    }
    location.release();
    directory.keepAll();
    for (const { name } of subdirectories) {
      const child = directory.add(name);
      const remembered = directory.remembered(name)!;
      child.status = remembered.status;
      directory.subdirectories.push({ child, xattrs: undefined, remembered });
      directory.pending++;
    }
    const { counters } = this.#parts;
    counters.filesUnchanged += files;
    counters.files += files;
    counters.bytes += bytes;
    counters.others += cached.count - files - subdirectories.length;
  }

  /** The walk leaves the directory entered last. */
  leave(): void {
    const directory = this.#current!;
    this.#current = directory.parent;
    this.#settle(directory);
  }

  /** Adds a file whose content was stored already (a stream) to the directory entered last. */
  addStored(entry: SourceEntry, outcome: FileOutcome): void {
    const directory = this.#current!;
    const child = directory.add(entry.name);
    directory.pending++;
    this.#countRead(outcome);
    this.#stored(directory, child, entry, entry.xattrs, undefined, outcome);
  }

  #keep(
    directory: OpenDirectory,
    child: PendingChild,
    entry: SourceEntry,
    remembered: CachedChild,
  ): void {
    child.kept = remembered;
    if (entry.type === 'file') {
      this.#parts.counters.filesUnchanged++;
      this.#count('unchanged', directory, entry, entry.size);
    } else {
      this.#parts.counters.others++;
    }
  }

  #add(
    directory: OpenDirectory,
    child: PendingChild,
    entry: SourceEntry,
    remembered: CachedChild | undefined,
    location: EntryLocation,
    release: () => void,
  ): Promise<void> | undefined {
    const path = joinPath(location.prefix, entry.name);
    const xattrs = this.#attributes(path, entry, child);
    if (entry.type !== 'file' || entry.size === 0) {
      child.entry = this.#encode(entry, xattrs, {});
      if (entry.type === 'file') this.#counted(directory, child, entry, remembered, 0);
      else this.#parts.counters.others++;
      release();
      return undefined;
    }
    directory.pending++;
    const displayPath =
      location.prefix.length === directory.path.length
        ? path
        : joinPath(directory.path, entry.name);
    const request = requestOf(path, displayPath, entry);
    const done = (outcome: FileOutcome | ProblemReport): void => {
      release();
      this.#stored(directory, child, entry, xattrs, remembered, outcome);
    };
    const first = entry.links > 1 ? this.#links.join(entry, done) : done;
    if (first === undefined) return undefined;
    return this.#parts.pipeline.store(request, (outcome) => {
      this.#countRead(outcome);
      first(outcome);
    });
  }

  /** What was really read: once of a file with several names, and no holes. */
  #countRead(outcome: FileOutcome | ProblemReport): void {
    if ('list' in outcome) this.#parts.counters.bytesRead += blobBytes(outcome.list);
  }

  #stored(
    directory: OpenDirectory,
    child: PendingChild,
    entry: SourceEntry,
    xattrs: Entry['xattrs'],
    remembered: CachedChild | undefined,
    outcome: FileOutcome | ProblemReport,
  ): void {
    if ('code' in outcome) {
      const error = new AppError(outcome.code, outcome.message);
      this.#parts.onProblem(joinPath(directory.path, entry.name), error);
    } else {
      const { reference, ids } = this.#parts.meta.storeList(outcome.list);
      const torn = outcome.state === 'torn';
      if (outcome.state !== 'steady') child.status = noBytes;
      if (torn) this.#reportTorn(directory, entry);
      child.ids = ids;
      const content = outcome.size === 0 ? undefined : reference;
      child.entry = this.#encode(entry, xattrs, { size: outcome.size, content, torn });
      this.#counted(directory, child, entry, remembered, outcome.size);
    }
    this.#settle(directory);
  }

  #reportTorn(directory: OpenDirectory, entry: SourceEntry): void {
    const path = joinPath(directory.path, entry.name);
    this.#parts.onProblem(
      path,
      new AppError('source/changed', 'The file changed while it was read, twice', {
        hint: 'What was stored may mix two states of it; back up a frozen copy or stop its writer first',
      }),
    );
  }

  #counted(
    directory: OpenDirectory,
    child: PendingChild,
    entry: SourceEntry,
    remembered: CachedChild | undefined,
    size: number,
  ): void {
    const { counters } = this.#parts;
    if (remembered === undefined) {
      counters.filesNew++;
      this.#count('new', directory, entry, size);
    } else if (equalBytes(remembered.entry, child.entry!)) {
      // It only looked as if it might have changed, or was not to be believed.
      child.unchanged = true;
      counters.filesUnchanged++;
      this.#count('unchanged', directory, entry, size);
    } else {
      counters.filesChanged++;
      this.#count('changed', directory, entry, size);
    }
  }

  #count(
    action: EntryReport['action'],
    directory: OpenDirectory,
    entry: SourceEntry,
    size: number,
  ): void {
    this.#parts.counters.files++;
    this.#parts.counters.bytes += size;
    this.#parts.onEntry({ action, path: () => joinPath(directory.path, entry.name), size });
  }

  /** One thing less to wait for; completes the directory, and then perhaps those above it. */
  #settle(directory: OpenDirectory): void {
    let current: OpenDirectory | undefined = directory;
    while (current !== undefined && --current.pending === 0) {
      this.#complete(current);
      current = current.parent;
    }
  }

  #complete(directory: OpenDirectory): void {
    const { cache, meta, trustsCache } = this.#parts;
    const { cached, place, path } = directory;
    if (directory.isEmpty && !directory.keepEmpty && place !== undefined) return;
    this.#parts.counters.directories++;
    const same =
      trustsCache && cached !== undefined && directory.isUnchanged && this.#knowsAll(cached.ids);
    let tree: Uint8Array;
    if (same) {
      tree = cached.tree;
      // Otherwise what was found to be unchanged would be read again by every run.
      if (directory.hasLearned) {
        cache?.set(path, { tree, ids: cached.ids, children: directory.found });
      }
    } else {
      const { found: children } = directory;
      const bytes = encodeTree(children.map((child) => child.entry)).view();
      const { reference, ids } = meta.storeTree(bytes);
      tree = encodeReference(reference);
      cache?.set(path, { tree, ids, children });
    }
    const { child, remembered } = place ?? {};
    // A run that broke off may have left the row of a directory without that of the one above it, which names an older tree then.
    if (
      child !== undefined &&
      same &&
      remembered !== undefined &&
      equalBytes(treeReferenceIn(remembered.entry), tree)
    ) {
      child.kept = remembered;
      return;
    }
    const xattrs = directory.xattrs ?? decodeEntry(remembered!.entry).xattrs;
    const outcome = { tree: decodeReference(tree) };
    if (child === undefined) {
      const root = changedEntry(directory.entry, { name: rootName });
      this.root = this.#encode(root, xattrs, outcome);
    } else {
      child.entry = this.#encode(directory.entry, xattrs, outcome);
    }
  }

  #encode(
    entry: SourceEntry,
    xattrs: Entry['xattrs'],
    { size = 0, content, tree, torn = false }: Partial<EntryOutcome>,
  ): Uint8Array {
    const linked = entry.links > 1 && entry.type !== 'directory';
    const hardLink = linked
      ? this.#parts.namer.linkOf(BigInt(entry.device), entry.inode)
      : undefined;
    return encodeEntryWith(entry, { size, xattrs, content, tree, hardLink, torn });
  }

  /** Every id, also of what did not change, is looked up in the table of this run: nothing else says that it is stored. */
  #knowsAll(ids: Uint8Array): boolean {
    for (let at = 0; at < ids.length; at += idSize) {
      if (!this.#knows(ids, at)) return false;
    }
    return true;
  }

  readonly #knows = (bytes: Uint8Array, at: number): boolean =>
    this.#parts.table.use(bytes, at) !== undefined;

  /** None if they cannot be read, which is told; then `child` is not remembered as it is now, so that the next run looks for them again. */
  #attributes(
    path: Uint8Array,
    entry: SourceEntry,
    child: PendingChild | undefined,
  ): Entry['xattrs'] {
    try {
      const { attributesOf } = this.#parts;
      return attributesOf?.(path, entry) ?? readExtendedAttributes(path, entry.device);
    } catch (cause) {
      const message = `Cannot read the extended attributes: ${fileReason(cause)}`;
      const error = new AppError('source/unreadable', message, { cause });
      this.#parts.onProblem(path, error);
      if (child !== undefined) child.status = noBytes;
      return [];
    }
  }
}

const noBytes = new Uint8Array(0);

/** All that is remembered of a directory as the walk would have found it. */
function entriesOf(
  { children }: RememberedDirectory,
  subdirectories: readonly SourceEntry[],
): SourceEntry[] {
  let next = 0;
  return children.map((child) => {
    const subdirectory = subdirectories[next];
    if (subdirectory === undefined || child.compareName(subdirectory.name) !== 0)
      return child.found;
    next++;
    return subdirectory;
  });
}

/** Only what a worker needs: every field is copied to another thread. */
function requestOf(
  path: Uint8Array,
  displayPath: Uint8Array,
  { inode, device, uid, size }: SourceEntry,
): FileRequest {
  return { path, displayPath, expected: { inode, device, uid, size } };
}
